"""특징 맵과 커널의 조절기: 보이는 것이 신경망이 실제로 내는 값인가."""

import base64
import io
import re

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.models import build
from cnnlab.teaching.explore import explore_feature_maps, explore_filters
from cnnlab.teaching.feature_view import layer_output, map_layers
from cnnlab.training.shapes10 import make_shapes10


class Branches(nn.Module):
    """제자리 ReLU, 갈래, 덧셈, 이어 붙이기."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 70, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.side = nn.Conv2d(70, 70, 1)
        self.fc = nn.Linear(140, 10)

    def forward(self, x):
        y = self.conv(x)
        x = self.relu(y)
        x = torch.cat([x, x + self.side(x)], 1)
        return self.fc(x.mean((2, 3)))


def mosaic_of(html: str) -> Image.Image:
    """마지막 그림."""
    code = re.findall(r"base64,([\w+/=]+)", html)[-1]
    return Image.open(io.BytesIO(base64.b64decode(code)))


def is_grey(picture: Image.Image) -> bool:
    red, green, blue = torch.frombuffer(bytearray(picture.convert("RGB").tobytes()), dtype=torch.uint8).view(-1, 3).T
    return torch.equal(red, green) and torch.equal(green, blue)


def test_layers_are_found_without_being_named_and_branches_are_among_them():
    assert map_layers(Branches(), (3, 32, 32)) == ["conv", "relu", "side", "add", "cat"]


def test_output_of_modules_and_functional_ops_is_what_forward_computes():
    torch.manual_seed(0)
    model = Branches()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        conv = model.conv(x)
        active = F.relu(conv)
        added = active + model.side(active)
    expected = {"conv": conv, "relu": active, "add": added, "cat": torch.cat([active, added], 1)}
    for layer, value in expected.items():
        assert torch.equal(layer_output(model, x, layer), value[0]), layer


def test_looking_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    layer_output(model, torch.randn(1, 3, 8, 8), "1")
    assert model.training
    assert not model[0]._forward_hooks
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_many_channels_are_paged():
    explorer = explore_feature_maps(Branches(), make_shapes10())
    explorer.controls["layer"].value = "cat"
    assert "cat: 140장, 32×32" in explorer.view.value
    assert explorer.controls["page"].max == 2
    assert "140장 가운데 0–63번" in explorer.view.value
    assert mosaic_of(explorer.view.value).height == 8 * 33 - 1
    explorer.controls["page"].value = 2
    assert "140장 가운데 128–139번" in explorer.view.value
    assert mosaic_of(explorer.view.value).height == 2 * 33 - 1
    explorer.controls["layer"].value = "conv"
    assert explorer.controls["page"].value <= explorer.controls["page"].max == 1


def test_tiles_are_the_values_of_the_layer():
    torch.manual_seed(0)
    model, data = Branches(), make_shapes10()
    explorer = explore_feature_maps(model, data, ["conv"])
    board = torch.frombuffer(bytearray(mosaic_of(explorer.view.value).tobytes()), dtype=torch.uint8).view(263, 263)
    from cnnlab.training.augment import channel_stats, normalise

    first = torch.randperm(len(data.test_labels), generator=torch.Generator().manual_seed(0))[0]
    with torch.no_grad():
        value = model.conv(normalise(data.test_images[first][None], *channel_stats(data.train_images)))[0, 9]
    tile = board[33:65, 33:65].float() / 255  # 둘째 줄의 둘째: 9번
    expected = (value - value.min()) / (value.max() - value.min())
    assert (tile - expected).abs().max() < 2 / 255


def test_kernels_stand_beside_the_maps_of_a_convolution():
    explorer = explore_feature_maps(build("lenet5_cifar"), make_shapes10())
    assert "5×5 커널 6장" in explorer.view.value
    explorer.controls["layer"].value = "c3"
    assert "5×5 커널 16장, 입력 채널 6개 가운데 0번" in explorer.view.value
    before = explorer.view.value
    explorer.controls["channel"].value = 5
    assert "가운데 5번" in explorer.view.value
    assert explorer.view.value != before
    explorer.controls["layer"].value = "s2"
    assert "커널" not in explorer.view.value


def test_filters_are_colour_where_three_channels_come_in_and_grey_elsewhere():
    explorer = explore_filters(build("lenet5_cifar"))
    assert "5×5 커널 6장" in explorer.view.value
    assert not is_grey(mosaic_of(explorer.view.value))
    explorer.controls["layer"].value = "c3"
    assert is_grey(mosaic_of(explorer.view.value))


def test_trained_weights_appear_without_starting_again():
    model = build("lenet5_cifar")
    explorer = explore_filters(model)
    before = explorer.html()
    with torch.no_grad():
        model.c1.weight.copy_(torch.randn_like(model.c1.weight))
    assert explorer.html() != before


def test_larger_input_and_grey_network():
    explorer = explore_feature_maps(build("lenet5"), make_shapes10(), input_size=(1, 32, 32))
    assert "✕" not in explorer.view.value
    wide = explore_feature_maps(Branches(), make_shapes10(), ["conv"], input_size=(3, 64, 64))
    assert "conv: 70장, 64×64" in wide.view.value


@pytest.mark.parametrize(
    "ask",
    [
        lambda: explore_feature_maps(nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)), make_shapes10()),
        lambda: explore_filters(nn.Linear(3, 3)),
        lambda: explore_filters(Branches(), ["fc"]),
    ],
)
def test_nothing_to_draw_is_said_in_korean(ask):
    with pytest.raises(LearnerError, match="합성곱"):
        ask()


def test_layer_that_does_not_exist_is_said_in_place():
    explorer = explore_feature_maps(Branches(), make_shapes10(), ["conv", "없는 계층", "fc"])
    explorer.controls["layer"].value = "없는 계층"
    assert "✕" in explorer.view.value
    explorer.controls["layer"].value = "fc"
    assert "특징 맵" in explorer.view.value
    explorer.controls["layer"].value = "conv"
    assert "✕" not in explorer.view.value
