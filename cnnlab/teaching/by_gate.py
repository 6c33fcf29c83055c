"""검산이 재는 양 가운데 SE의 것: 게이트가 늘리는 매개변수와 계산, 게이트의 순서와 값."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from cnnlab.models.resnet import BOTTLENECK_CHANNELS, DEPTHS, resnet50
from cnnlab.models.senet import SqueezeExcitation, se_resnet50_in

STAGES = ("conv2_x", "conv3_x", "conv4_x", "conv5_x")
SIDES = (56, 28, 14, 7)  # 단계마다 특징 맵의 한 변(입력 224)


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _gates(module: nn.Module) -> list[SqueezeExcitation]:
    return [m for m in module.modules() if isinstance(m, SqueezeExcitation)]


# ---- 모델에서 재는 양 ----------------------------------------------------------------------------------------------


def gates(subject: Any) -> int:
    """게이트의 수."""
    return len(_gates(subject.model))


def gate_values(subject: Any) -> int:
    """그림 한 장에서 게이트가 내는 값의 수: 게이트마다 채널의 수만큼."""
    return sum(gate.expand.out_features for gate in _gates(subject.model))


def gate_params(subject: Any, *stages: str) -> int:
    """게이트의 매개변수(편향까지). stages를 비우면 전부."""
    places = [subject.model.get_submodule(stage) for stage in stages] or [subject.model]
    return sum(_size(gate) for place in places for gate in _gates(place))


def gate_share(subject: Any, stage: str) -> float:
    """게이트의 매개변수 가운데 그 단계의 몫, %."""
    return 100 * gate_params(subject, stage) / gate_params(subject)


def gate_growth(subject: Any, *stages: str) -> float:
    """게이트가 없을 때보다 매개변수가 몇 % 느는가. stages를 주면 그 단계에만 게이트를 둘 때."""
    return 100 * gate_params(subject, *stages) / (_size(subject.model) - gate_params(subject))


def gate_widths(subject: Any, block: str) -> str:
    """게이트를 지나는 값의 수: "256-16-256"."""
    gate = subject.model.get_submodule(block).se
    return f"{gate.reduce.in_features}-{gate.reduce.out_features}-{gate.expand.out_features}"


def gate_order(subject: Any, block: str) -> str:
    """게이트에서 실행되는 차례: "mean Linear relu Linear sigmoid mul"(자리를 늘리는 것은 뺀다)."""
    rows = subject.table[subject.table["name"].str.startswith(f"{block}.se.")]
    return " ".join(kind for kind in rows["type"] if kind != "getitem")


def after_gate(subject: Any, block: str) -> str:
    """게이트의 곱셈 다음에 블록에서 실행되는 것: "add relu"(지름길의 계층은 뺀다)."""
    names, kinds = subject.table["name"], subject.table["type"]
    start = int(names[names == f"{block}.se.mul"].index[0]) + 1
    left = zip(names[start:], kinds[start:], strict=True)
    inside = [kind for name, kind in left if name.startswith(f"{block}.") and ".shortcut" not in name]
    return " ".join(inside)


# ---- 수만으로 계산하는 양 ------------------------------------------------------------------------------------------


def equation_5(reduction: int) -> int:
    """식 (5): SE-ResNet-50의 게이트가 늘리는 가중치(편향 제외)."""
    return 2 * sum(n * c * (c // reduction) for n, c in zip(DEPTHS[50], BOTTLENECK_CHANNELS, strict=True))


def _million_params(stages: tuple[str, ...], reduction: int) -> float:
    with torch.device("meta"):
        return _size(se_resnet50_in(stages, reduction)) / 1e6


def million_params_with_ratio(reduction: int) -> float:
    """축소비가 reduction인 SE-ResNet-50의 매개변수, 백만."""
    return _million_params(STAGES, reduction)


def million_params_with_stage(number: int) -> float:
    """conv{number}_x에만 게이트를 둔 SE-ResNet-50의 매개변수, 백만."""
    return _million_params((f"conv{number}_x",), 16)


def _values() -> int:
    """ResNet-50에서 잔차 갈래들이 내는 값의 수(입력 224)."""
    return sum(n * c * side**2 for n, c, side in zip(DEPTHS[50], BOTTLENECK_CHANNELS, SIDES, strict=True))


def _resnet50_macs() -> int:
    from cnnlab.analysis.tables import layer_table

    with torch.device("meta"):
        model = resnet50()
    return int(layer_table(model, (3, 224, 224)).attrs["macs"])


def gate_macs_percent(reduction: int) -> float:
    """게이트의 완전 연결이 늘리는 MAC(가중치마다 그림 한 장에 한 번), ResNet-50에 대한 %."""
    return 100 * equation_5(reduction) / _resnet50_macs()


def gate_work_percent(reduction: int) -> float:
    """압축의 덧셈과 크기 조정의 곱셈까지 하나씩 세었을 때 늘어나는 계산, ResNet-50의 MAC에 대한 %."""
    return 100 * (equation_5(reduction) + 2 * _values()) / _resnet50_macs()


def no_squeeze_gmacs(reduction: int) -> float:
    """전역 평균을 빼고 완전 연결을 1x1 합성곱으로 바꾼 SE-ResNet-50의 MAC, 십억."""
    sizes = zip(DEPTHS[50], BOTTLENECK_CHANNELS, SIDES, strict=True)
    return (_resnet50_macs() + sum(2 * n * c * (c // reduction) * side**2 for n, c, side in sizes)) / 1e9


def _scales(channels: int, reduction: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    gate = SqueezeExcitation(channels, reduction)
    with torch.no_grad():
        for p in gate.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) / 4)
        x = torch.rand(8, channels, 4, 4, generator=generator) + 1
        return gate(x) / x


def lowest_gate(channels: int, reduction: int) -> float:
    """아무 가중치나 넣은 게이트가 채널에 곱하는 값 가운데 가장 작은 것(그림 여덟 장)."""
    return float(_scales(channels, reduction).min())


def highest_gate(channels: int, reduction: int) -> float:
    """같은 게이트가 곱하는 값 가운데 가장 큰 것."""
    return float(_scales(channels, reduction).max())


GATE_MEASURES: dict[str, Callable[..., int | float | str]] = {
    measure.__name__: measure
    for measure in (gates, gate_values, gate_params, gate_share, gate_growth, gate_widths, gate_order, after_gate)
}
GATE_FORMULAS: dict[str, Callable[..., int | float | str]] = {
    formula.__name__: formula
    for formula in (
        *(equation_5, million_params_with_ratio, million_params_with_stage, gate_macs_percent, gate_work_percent),
        *(no_squeeze_gmacs, lowest_gate, highest_gate),
    )
}
