"""검산이 재는 양 가운데 깊이별 분리 합성곱에 관한 것: 종류마다의 몫, 폭과 해상도를 바꾼 값."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

M = 1_000_000
KINDS = {
    "depthwise": lambda m: isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1,
    "pointwise": lambda m: isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1),
    "full": lambda m: isinstance(m, nn.Conv2d) and m.groups == 1 and m.kernel_size != (1, 1),
    "linear": lambda m: isinstance(m, nn.Linear),
}


def layers_of_kind(subject: Any, kind: str) -> int:
    """depthwise, pointwise, full(보통의 합성곱), linear 가운데 하나인 계층의 수."""
    return sum(KINDS[kind](m) for m in subject.model.modules())


def kind_share(subject: Any, column: str, kind: str) -> float:
    """column(params, macs)에서 그 종류의 몫, %."""
    names = {name for name, m in subject.model.named_modules() if KINDS[kind](m)}
    table = subject.table
    return float(100 * table[column][table["name"].isin(names)].sum() / table[column].sum())


def mobilenet_macs(percent: int, side: int) -> float:
    """폭이 percent %이고 입력이 side x side인 MobileNet-v1의 MAC, 백만."""
    return float(_mobilenet(percent, side)["macs"]) / M


def mobilenet_params(percent: int) -> float:
    """폭이 percent %인 MobileNet-v1의 매개변수, 백만."""
    return float(_mobilenet(percent, 224)["params"]) / M


def full_mobilenet(column: int) -> float:
    """보통의 3x3으로 만든 MobileNet(표 4의 Conv MobileNet). column 0은 MAC, 1은 매개변수, 백만."""
    from cnnlab.models.mobilenet import MobileNetV1, full_conv

    return float(_attrs(lambda: MobileNetV1(block=full_conv), 224)[("macs", "params")[column]]) / M


def _mobilenet(percent: int, side: int) -> dict[Any, Any]:
    from cnnlab.models.mobilenet import mobilenet_v1

    return _attrs(lambda: mobilenet_v1(width=percent / 100), side)


def _attrs(build: Callable[[], nn.Module], side: int) -> dict[Any, Any]:
    from cnnlab.analysis.tables import layer_table

    with torch.device("meta"):
        model = build()
    return layer_table(model, (3, side, side)).attrs


SEPARABLE_MEASURES: dict[str, Callable[..., int | float | str]] = {
    function.__name__: function for function in (layers_of_kind, kind_share)
}
SEPARABLE_FORMULAS: dict[str, Callable[..., int | float | str]] = {
    **{function.__name__: function for function in (mobilenet_macs, mobilenet_params, full_mobilenet)},
    # 보통의 합성곱 / 깊이별 분리 합성곱의 값: 1 / (1/N + 1/k^2)
    "separable_saving": lambda channels, kernel: 1 / (1 / channels + 1 / kernel**2),
}
