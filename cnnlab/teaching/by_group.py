"""검산이 재는 양 가운데 그룹 합성곱에 관한 것: 묶음의 수, 나란한 길의 가중치."""

from collections.abc import Callable
from typing import Any

from torch import nn


def grouped(subject: Any, groups: str) -> int:
    """묶음의 수가 groups인 합성곱의 수."""
    return sum(isinstance(m, nn.Conv2d) and m.groups == int(groups) for m in subject.model.modules())


def inner_channels(subject: Any, *stages: str) -> str:
    """단계마다 첫 블록의 3x3 합성곱이 내는 채널(길의 수 x 너비): "128-256"."""

    def middle(stage: str) -> int:
        convs = [m for m in subject.model.get_submodule(stage)[0].residual if isinstance(m, nn.Conv2d)]
        return convs[1].out_channels

    return "-".join(str(middle(stage)) for stage in stages)


GROUP_MEASURES: dict[str, Callable[..., int | float | str]] = {
    function.__name__: function for function in (grouped, inner_channels)
}

# 수만으로 계산하는 양
GROUP_FORMULAS: dict[str, Callable[..., int | float | str]] = {
    # 입출력이 channels채널인 블록에서 너비 d인 길 cardinality개의 가중치 (Xie 2017, 식 (4))
    "path_weights": lambda channels, cardinality, d: cardinality * (2 * channels * d + 9 * d**2),
    # kernel x kernel 합성곱을 groups개로 나눈 가중치
    "grouped_weights": lambda c_in, c_out, kernel, groups: c_in // groups * c_out * kernel**2,
}
