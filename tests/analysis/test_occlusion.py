import numpy as np
import pytest
import torch
from torch import nn

from cnnlab.analysis.errors import InputSizeError, LayerNameError
from cnnlab.analysis.occlusion import occlusion_map


class Window(nn.Module):
    """클래스 1의 로짓은 (5..7, 2..4)의 합이고 클래스 0은 늘 0이다: 무엇을 보는지 알려진 신경망."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        score = x[:, :, 5:8, 2:5].sum(dim=(1, 2, 3))
        return self.drop(torch.stack([torch.zeros_like(score), score], dim=1))


def picture():
    return torch.rand(2, 10, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("size", "step"), [(3, 1), (4, 2), (1, 1), (10, 1)])
@pytest.mark.parametrize("grey", [0.0, 0.25, torch.tensor([0.5, 0.1])])
def test_map_equals_covering_one_place_at_a_time(size, step, grey):
    image = picture()
    found = occlusion_map(Window(), image, label=1, size=size, step=step, grey=grey, batch=7)
    assert found.shape == ((10 - size) // step + 1, (12 - size) // step + 1)
    for i, j in np.ndindex(found.shape):
        covered = image.clone()
        for channel in range(2):
            value = float(grey[channel] if isinstance(grey, torch.Tensor) else grey)
            covered[channel, i * step : i * step + size, j * step : j * step + size] = value
        score = covered[:, 5:8, 2:5].sum()
        assert found[i, j] == pytest.approx(torch.sigmoid(score).item(), abs=1e-6)


def test_only_squares_that_touch_the_region_matter_and_covering_it_all_is_a_coin_toss():
    found = occlusion_map(Window(), picture(), label=1, size=3)
    untouched = found.max()
    touching = np.zeros_like(found, dtype=bool)
    touching[3:8, 0:5] = True
    assert np.allclose(found[~touching], untouched)
    assert (found[touching] < untouched).all()
    assert found[5, 2] == found.min() == pytest.approx(0.5)


def test_the_model_and_the_picture_are_left_alone():
    model, image = Window().train(), picture()
    before = image.clone()
    first = occlusion_map(model, image, 1, size=4)
    assert np.array_equal(first, occlusion_map(model, image, 1, size=4, batch=1))
    assert model.training
    assert torch.equal(image, before)


@pytest.mark.parametrize(
    ("image", "options", "error"),
    [
        (torch.rand(1, 2, 10, 12), {"label": 0}, InputSizeError),
        (torch.rand(2, 10, 12), {"label": 0, "size": 11}, InputSizeError),
        (torch.rand(2, 10, 12), {"label": 0, "step": 0}, InputSizeError),
        (torch.rand(2, 10, 12), {"label": 0, "grey": torch.zeros(3)}, InputSizeError),
        (torch.rand(2, 10, 12), {"label": 2}, LayerNameError),
    ],
)
def test_wrong_requests_are_told_in_korean(image, options, error):
    with pytest.raises(error, match=r"[가-힣]"):
        occlusion_map(Window(), image, **options)
