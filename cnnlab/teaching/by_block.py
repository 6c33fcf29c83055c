"""검산이 재는 양 가운데 잔차 블록의 것: 기본 블록과 병목 블록의 비용, 크기를 줄이는 두 방법의 비용."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from cnnlab.models.resnet import BasicBlock, Bottleneck

SIDE = 14  # 비용을 나눌 특징 맵의 한 변: 어떤 크기에서나 몫은 같다


def _block(kind: type[nn.Module], channels: int) -> nn.Module:
    with torch.device("meta"):
        return kind(channels, channels)


def _table(kind: type[nn.Module], channels: int) -> Any:
    from cnnlab.analysis.tables import layer_table

    return layer_table(_block(kind, channels), (channels, SIDE, SIDE))


def _weights(block: nn.Module) -> int:
    return sum(m.weight.numel() for m in block.modules() if isinstance(m, nn.Conv2d))


def basic_block_cost(width: int) -> float:
    """폭이 C인 기본 블록의 MAC / HWC^2."""
    return float(_table(BasicBlock, width).attrs["macs"]) / (SIDE**2 * width**2)


def bottleneck_block_cost(width: int) -> float:
    """속의 폭이 C, 드나드는 채널이 4C인 병목 블록의 MAC / HWC^2."""
    return float(_table(Bottleneck, 4 * width).attrs["macs"]) / (SIDE**2 * width**2)


def bottleneck_weights_ratio(width: int) -> float:
    """병목 블록(4C -> C -> C -> 4C)의 가중치 / 기본 블록(C -> C -> C)의 가중치."""
    return _weights(_block(Bottleneck, 4 * width)) / _weights(_block(BasicBlock, width))


def same_channels_weights_ratio(channels: int) -> float:
    """드나드는 채널이 같을 때, 기본 블록의 가중치 / 병목 블록의 가중치."""
    return _weights(_block(BasicBlock, channels)) / _weights(_block(Bottleneck, channels))


def relus(kind: int) -> int:
    """블록 하나의 ReLU, 덧셈 뒤의 것까지. kind: 2는 기본 블록(합성곱 둘), 3은 병목 블록(합성곱 셋)."""
    table = _table({2: BasicBlock, 3: Bottleneck}[kind], 64)
    return int(table["type"].str.lower().eq("relu").sum())


def stride_macs_ratio(stride: int) -> float:
    """stride만큼 건너뛰는 3x3 합성곱의 MAC / 건너뛰지 않는 합성곱의 MAC(그다음 풀링은 MAC이 없다)."""
    from cnnlab.analysis.tables import layer_table

    convs = [nn.Conv2d(64, 128, 3, step, padding=1, device="meta") for step in (stride, 1)]
    strided, full = (layer_table(conv, (64, 56, 56)).attrs["macs"] for conv in convs)
    return float(strided / full)


def macs_percent(subject: Any, whole: str) -> float:
    """MAC이 whole의 몇 %인가."""
    return 100 * float(subject.table.attrs["macs"]) / int(whole)


BLOCK_FORMULAS: dict[str, Callable[..., int | float | str]] = {
    formula.__name__: formula
    for formula in (
        *(basic_block_cost, bottleneck_block_cost, bottleneck_weights_ratio, same_channels_weights_ratio),
        *(relus, stride_macs_ratio),
    )
}
BLOCK_MEASURES: dict[str, Callable[..., int | float | str]] = {macs_percent.__name__: macs_percent}
