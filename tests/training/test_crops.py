import pytest
import torch
import torch.nn.functional as F
import torchvision.transforms.functional as T
from torch import nn

from cnnlab.training.crops import (
    CropError,
    dense_probabilities,
    fully_convolutional,
    resize,
    scale_jitter,
    ten_crop,
    ten_crop_probabilities,
)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 16, 20, generator=torch.Generator().manual_seed(1))


def small(pooling: nn.Module | None = None) -> nn.Sequential:
    """입력 3x8x8, 클래스 4."""
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), pooling or nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(6 * 4 * 4, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 4, bias=False)),
    )


@pytest.mark.parametrize("size", [8, 12, 16])
def test_ten_crops_are_those_of_torchvision(images, size):
    ours = ten_crop(images, size)
    theirs = torch.stack(T.ten_crop(images, size), dim=1)
    assert ours.shape == (3, 10, 3, size, size)
    order = [0, 1, 2, 3, 4, 6, 5, 8, 7, 9]  # torchvision은 그림을 먼저 뒤집으므로 왼쪽과 오른쪽의 차례가 바뀐다
    assert torch.equal(ours, theirs[:, order])


def test_probabilities_are_averaged_over_the_ten_and_the_mode_is_kept(images):
    model = small().train()
    found = ten_crop_probabilities(model, images, 8)
    assert model.training
    model.eval()
    with torch.no_grad():
        each = torch.stack([model(crop).softmax(dim=1) for crop in T.ten_crop(images, 8)])
    torch.testing.assert_close(found, each.mean(dim=0))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3))


@pytest.mark.parametrize("size", [0, 17])
def test_a_crop_larger_than_the_picture_is_told_in_korean(images, size):
    with pytest.raises(CropError, match="자를 수 없습니다"):
        ten_crop(images, size)


def test_resize_keeps_the_ratio_of_the_sides(images):
    assert resize(images, 8).shape == (3, 3, 8, 10)
    assert resize(images.transpose(2, 3), 24).shape == (3, 3, 30, 24)
    assert torch.equal(resize(images, 16), images)
    assert resize((images * 255).to(torch.uint8), 8).dtype == torch.float32


def test_jitter_cuts_a_window_of_the_picture_resized_to_a_side_in_the_range(images):
    got = scale_jitter(images, 16, 19, 10, torch.Generator().manual_seed(0))
    assert got.shape == (3, 3, 10, 10)
    for image, cut in zip(images, got, strict=True):
        found = []
        for side in range(16, 20):
            windows = resize(image[None], side)[0].unfold(1, 10, 1).unfold(2, 10, 1)  # (C, 자리, 자리, 10, 10)
            found.append((windows - cut[:, None, None]).abs().amax(dim=(0, 3, 4)).min().item())
        assert min(found) < 1e-6


def test_jitter_uses_every_side_and_reaches_the_corners():
    ramp = torch.arange(12.0).expand(400, 1, 12, 12)
    got = scale_jitter(ramp, 12, 24, 12, torch.Generator().manual_seed(0))
    slopes = (got[:, 0, 5, 6] - got[:, 0, 5, 5]).mul(100).round().unique()
    assert len(slopes) >= 10  # 크기마다 기울기가 다르다
    assert got.min() < 0.5
    assert got.max() > 10.5
    assert torch.equal(scale_jitter(ramp, 12, 24, 12, torch.Generator().manual_seed(0)), got)


@pytest.mark.parametrize(("low", "high", "size"), [(8, 16, 9), (16, 12, 8), (8, 8, 0)])
def test_a_range_that_cannot_be_cut_is_told_in_korean(images, low, high, size):
    with pytest.raises(CropError, match="받은 값"):
        scale_jitter(images, low, high, size)


def test_converted_network_equals_the_original_at_the_original_size():
    model = small().eval()
    x = torch.rand(2, 3, 8, 8)
    dense = fully_convolutional(model, (3, 8, 8))
    torch.testing.assert_close(dense(x), model(x)[:, :, None, None])
    assert not any(isinstance(module, nn.Linear) for module in dense.modules())


def test_each_place_of_a_larger_picture_is_the_original_on_that_window():
    model = small(nn.AvgPool2d(2)).eval()
    model[0].padding = (0, 0)  # 패딩이 없어야 큰 그림의 조각과 잘라 낸 그림이 꼭 같다
    model = nn.Sequential(*model[:4], nn.Linear(6 * 3 * 3, 4)).eval()
    x = torch.rand(1, 3, 12, 14)
    dense = fully_convolutional(model, (3, 8, 8))(x)
    assert dense.shape == (1, 4, 3, 4)
    for i in range(3):
        for j in range(4):
            torch.testing.assert_close(dense[:, :, i, j], model(x[:, :, 2 * i : 2 * i + 8, 2 * j : 2 * j + 8]))


def test_conversion_leaves_the_model_alone_and_shares_its_weights():
    model = small().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    dense = fully_convolutional(model, (3, 8, 8))
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert dense[3].weight.data_ptr() == model[4].weight.data_ptr()


def test_a_dense_answer_averages_places_flips_and_sizes():
    model = small().train()
    dense = fully_convolutional(model, (3, 8, 8))
    x = torch.rand(2, 3, 8, 8)
    found = dense_probabilities(dense, x, [8, 12])
    assert dense.training
    dense.eval()
    by_hand = []
    with torch.no_grad():
        for side in (8, 12):
            big = F.interpolate(x, (side, side), mode="bilinear", align_corners=False, antialias=True)
            by_hand += [dense(view).mean(dim=(2, 3)).softmax(dim=1) for view in (big, T.hflip(big))]
    torch.testing.assert_close(found, sum(by_hand) / 4)


@pytest.mark.parametrize(
    ("layers", "size", "word"),
    [
        (small()[4:], (3, 8, 8), "Flatten"),
        (small(), (3, 10, 10), "in_features"),
        (small(nn.AdaptiveAvgPool2d(4)), (3, 8, 8), "AdaptiveAvgPool2d"),
    ],
)
def test_networks_that_cannot_be_converted_are_told_in_korean(layers, size, word):
    with pytest.raises(CropError, match=word):
        fully_convolutional(layers, size)


def test_no_sizes_is_told_in_korean():
    with pytest.raises(CropError, match="적어도 하나"):
        dense_probabilities(nn.Identity(), torch.rand(1, 3, 8, 8), [])
