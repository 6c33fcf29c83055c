"""예산을 맞춘 형제들: 크기가 정말 맞는가, 너비만 바뀌고 구조는 그대로인가."""

import pytest
import torch
from torch import nn

from cnnlab.models import build
from cnnlab.models.budget import BUDGET, NoBudgetError, at_budget, widened


def kinds(model: nn.Module) -> list[str]:
    return [type(module).__name__ for module in model.modules()]


@pytest.mark.parametrize("name", BUDGET)
def test_every_sibling_is_within_five_percent_of_resnet20(name: str) -> None:
    model = at_budget(name)
    target = sum(p.numel() for p in build("resnet20_cifar").parameters())
    assert abs(sum(p.numel() for p in model.parameters()) / target - 1) < 0.05
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("name", BUDGET)
def test_only_the_widths_change(name: str) -> None:
    model, original = at_budget(name), build(name)
    assert kinds(model) == kinds(original)
    for ours, theirs in zip(model.modules(), original.modules(), strict=True):
        if isinstance(ours, nn.Conv2d):
            for field in ("kernel_size", "stride", "padding"):
                assert getattr(ours, field) == getattr(theirs, field)
            assert (ours.groups == ours.in_channels) == (theirs.groups == theirs.in_channels)
            assert (ours.bias is None) == (theirs.bias is None)


@pytest.mark.parametrize("name", ["lenet5_cifar", "googlenet_cifar", "densenet40_cifar", "mobilenet_v1_cifar"])
def test_width_one_keeps_every_shape(name: str) -> None:
    shapes = [tuple(p.shape) for p in widened(build(name), 1).parameters()]
    assert sorted(shapes) == sorted(tuple(p.shape) for p in build(name).parameters())


def test_half_the_width_is_a_quarter_of_the_weights_between_hidden_layers() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 12, 3), nn.Flatten(), nn.Linear(12 * 28 * 28, 10))
    half = widened(model, 0.5)
    assert [tuple(p.shape) for p in half.parameters() if p.ndim > 1] == [(4, 3, 3, 3), (6, 4, 3, 3), (10, 6 * 28 * 28)]


def test_all_start_from_the_same_kind_of_weights() -> None:
    torch.manual_seed(0)
    for name in ("alexnet_cifar", "mobilenet_v1_cifar"):
        layers = [m for m in at_budget(name).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        for layer in layers[:-1]:
            if layer.weight.numel() < 500:  # 몇 개뿐이면 표준편차가 흔들린다
                continue
            fan_in = layer.weight[0].numel()
            assert float(layer.weight.detach().std()) == pytest.approx((2 / fan_in) ** 0.5, rel=0.25)
        assert float(layers[-1].weight.detach().std()) == pytest.approx(0.01, rel=0.2)


def test_training_mode_and_statistics_are_fresh() -> None:
    model = at_budget("resnet20_cifar")
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert model.training
    assert norms
    assert all(torch.equal(m.running_mean, torch.zeros_like(m.running_mean)) for m in norms)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(NoBudgetError, match="resnet20_cifar"):
        at_budget("resnet50")
