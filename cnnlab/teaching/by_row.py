"""검산이 재는 양 가운데, 논문의 표의 행(신경망의 단계)을 가리키는 것과, 다른 신경망에 견준 것.

layer_table에서 읽으므로 meta 장치에 만든 신경망이면 충분하다.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from cnnlab.teaching.by_kind import COLUMNS

Value = int | float | str
K, M = 1024, 1_000_000  # GoogLeNet의 표 1이 쓰는 단위: 매개변수의 K는 1,024, 연산의 M은 100만
SHRINKING = ("MaxPool2d", "AdaptiveAvgPool2d")


def cell(subject: Any, layer: str, column: str) -> Value:
    """그 계층이나 단계의 (마지막) 행에서 한 칸: "1024x7x7"."""
    return COLUMNS[column](subject.row(layer))


def _weights(module: nn.Module) -> int:
    return sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear))


def kilo_weights(subject: Any, *stages: str) -> float:
    """단계들의 가중치(편향 제외), K = 1,024."""
    return sum(_weights(subject.model.get_submodule(stage)) for stage in stages) / K


def million_macs(subject: Any, *stages: str) -> float:
    """단계들의 MAC, 백만. 단계를 적지 않으면 신경망 전체."""
    names = subject.table["name"]
    if not stages:
        return int(subject.table.attrs["macs"]) / M
    return sum(int(subject.table["macs"][names.str.startswith(f"{s}.") | (names == s)].sum()) for s in stages) / M


def stages(subject: Any, prefix: str) -> int:
    """이름이 prefix로 시작하는 바로 아래 단계의 수."""
    return sum(name.startswith(prefix) for name, _ in subject.model.named_children())


def branches(subject: Any, stage: str) -> int:
    """단계 하나에 나란히 있는 갈래의 수."""
    return len(list(subject.model.get_submodule(stage).children()))


def stage_kernels(subject: Any, stage: str) -> str:
    """단계 하나에 있는 합성곱 커널의 한 변을 작은 것부터: "1, 3, 5"."""
    convs = [m for m in subject.model.get_submodule(stage).modules() if isinstance(m, nn.Conv2d)]
    return ", ".join(str(side) for side in sorted({conv.kernel_size[0] for conv in convs}))


def depth_with_pools(subject: Any) -> int:
    """가중치가 있는 층에, 특징 맵을 줄이는 풀링까지 센 깊이."""
    pools = [row for row in subject.table.itertuples() if row.type in SHRINKING and row.input[1:] != row.output[1:]]
    return int(subject.table.attrs["depth"]) + len(pools)


def _until(subject: Any, side: int) -> int:
    """한 변이 side인 특징 맵이 처음 나올 때까지의 MAC."""
    total = 0
    for row in subject.table.itertuples():
        total += int(row.macs)
        if len(row.output) == 3 and row.output[-1] <= side:
            return total
    return total


def macs_until(subject: Any, side: str) -> float:
    """한 변이 side인 특징 맵이 처음 나올 때까지의 MAC, 백만."""
    return _until(subject, int(side)) / M


def times_fewer(subject: Any, other: str) -> float:
    """other의 매개변수가 이 신경망의 몇 배인가."""
    from cnnlab import models

    with torch.device("meta"):
        theirs = sum(p.numel() for p in models.build(other).parameters())
    return theirs / sum(p.numel() for p in subject.model.parameters())


BY_ROW: dict[str, Callable[..., Value]] = {
    measure.__name__: measure
    for measure in (
        *(cell, kilo_weights, million_macs, stages, branches, stage_kernels),
        *(depth_with_pools, macs_until, times_fewer),
    )
}

# 수만으로 계산하는 양
ROW_FORMULAS: dict[str, Callable[..., Value]] = {
    # 1x1로 channels -> narrow로 줄인 뒤 kernel x kernel로 되돌리는 가중치 / 바로 하는 가중치, %
    "reduced_share": lambda channels, narrow, kernel: 100 * (narrow + narrow * kernel**2) / (channels * kernel**2),
    # 풀링 갈래를 그대로 이어 붙인 모듈의 출력 채널: 들어온 채널 + 합성곱 갈래의 채널
    "naive_channels": lambda c_in, *branch: c_in + sum(branch),
}
