import pytest
import torch
from torch import nn

from cnnlab.analysis.errors import LayerNameError
from cnnlab.analysis.patches import top_patches
from cnnlab.analysis.receptive_field import receptive_field


def bright_square():
    """3x3이 모두 밝으면 큰 값을 내는 채널 1 하나: 무엇을 찾는지 알려진 신경망. 채널 0은 아무것도 보지 않는다."""
    conv = nn.Conv2d(1, 2, 3, bias=False)
    conv.weight.data = torch.stack([torch.zeros(1, 3, 3), torch.ones(1, 3, 3)])
    return nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 5 * 5, 2))


def squares():
    """그림 번호마다 (세로, 가로)에 밝기가 다른 3x3을 그린다. 그림 2에는 둘을 그린다."""
    images = torch.zeros(5, 1, 12, 12)
    for number, (y, x, value) in enumerate([(0, 0, 1.0), (4, 6, 5.0), (2, 3, 9.0), (9, 9, 3.0)]):
        images[number, 0, y : y + 3, x : x + 3] = value
    images[2, 0, 8:11, 8:11] = 8.0
    return images


def test_the_brightest_squares_are_found_in_order_one_per_picture():
    found = top_patches(bright_square(), squares(), "0", channel=1, count=4, batch=2)
    assert [patch.image for patch in found] == [2, 1, 3, 0]
    assert [patch.value for patch in found] == [81.0, 45.0, 27.0, 9.0]
    assert [patch.first for patch in found] == [patch.place for patch in found] == [(2, 3), (4, 6), (9, 9), (0, 0)]
    assert [patch.last for patch in found] == [(4, 5), (6, 8), (11, 11), (2, 2)]
    assert [patch.pixels.unique().tolist() for patch in found] == [[9.0], [5.0], [3.0], [1.0]]


def test_boxes_are_those_of_the_receptive_field_table():
    table = receptive_field(bright_square(), (1, 12, 12)).set_index("name")
    for patch in top_patches(bright_square(), squares(), "2", channel=1, count=3):
        for axis in range(2):
            assert patch.first[axis] == table.start["2"] + table.jump["2"] * patch.place[axis]
            assert patch.last[axis] - patch.first[axis] + 1 == table.rf["2"] == 4
        assert patch.pixels.max() == squares()[patch.image].max()


def test_a_box_that_leaves_the_picture_is_cut():
    model = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2))
    nn.init.ones_(model[0].weight)
    images = torch.zeros(1, 1, 9, 9)
    images[0, 0, 0, 0] = 1
    (patch,) = top_patches(model, images, "0", 0)
    assert patch.place[0] <= 2
    assert patch.first == (0, 0)
    assert patch.pixels.shape == (1, patch.place[0] + 3, patch.place[1] + 3)


def test_fewer_pictures_than_asked_and_the_size_of_a_batch_do_not_matter():
    one, many = (top_patches(bright_square(), squares(), "1", 1, batch=batch) for batch in (1, 100))
    assert one == many
    assert len(one) == 5


def test_the_model_is_left_as_it_was():
    model = bright_square().train()
    top_patches(model, squares(), "0", 1)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(("layer", "channel", "count"), [("conv9", 0, 9), ("0", 2, 9), ("4", 0, 9), ("0", 0, 0)])
def test_what_is_not_there_is_told_in_korean(layer, channel, count):
    with pytest.raises(LayerNameError, match=r"[가-힣]"):
        top_patches(bright_square(), squares(), layer, channel, count)
