"""그룹 합성곱의 검산: 실제로 만든 합성곱과 torchvision의 신경망으로 확인한다."""

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.models import build
from cnnlab.models.resnext import ResNeXtBlock
from cnnlab.teaching.by_group import GROUP_FORMULAS, grouped, inner_channels
from cnnlab.teaching.quantities import Subject


def subject(name: str, size: tuple[int, ...] = (3, 224, 224)) -> Subject:
    with torch.device("meta"):
        return Subject(build(name), size)


def test_grouped_convolutions_are_the_ones_torchvision_has() -> None:
    with torch.device("meta"):
        theirs = [m for m in torchvision.models.resnext50_32x4d().modules() if isinstance(m, nn.Conv2d)]
    assert grouped(subject("resnext50_32x4d"), "32") == sum(m.groups == 32 for m in theirs) == 16
    assert grouped(subject("resnet50"), "32") == 0
    assert grouped(subject("alexnet", (3, 227, 227)), "2") == 3


def test_inner_channels_double_from_stage_to_stage() -> None:
    stages = [f"conv{n}_x" for n in range(2, 6)]
    assert inner_channels(subject("resnext50_32x4d"), *stages) == "128-256-512-1024"  # 표 1
    assert inner_channels(subject("resnet50"), *stages) == "64-128-256-512"


@pytest.mark.parametrize(("cardinality", "d"), [(1, 64), (2, 40), (4, 24), (8, 14), (32, 4)])
def test_weights_of_paths_are_those_of_the_block(cardinality: int, d: int) -> None:
    block = ResNeXtBlock(256, 256, cardinality=cardinality, width=d)
    built = sum(m.weight.numel() for m in block.modules() if isinstance(m, nn.Conv2d))
    assert GROUP_FORMULAS["path_weights"](256, cardinality, d) == built


@pytest.mark.parametrize("groups", [1, 2, 8, 16])
def test_grouped_weights_are_those_of_the_layer(groups: int) -> None:
    layer = nn.Conv2d(16, 32, 3, groups=groups, bias=False)
    assert GROUP_FORMULAS["grouped_weights"](16, 32, 3, groups) == layer.weight.numel()
