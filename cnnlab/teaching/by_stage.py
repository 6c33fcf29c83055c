"""검산이 재는 양 가운데, 신경망의 단계(이름의 첫 마디)를 가리키는 것과, 커널을 나누고 특징 맵을 줄이는 값.

단계의 값은 모두 layer_table에서 읽는다: meta 장치에 만든 신경망이면 충분하다.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from cnnlab.analysis.formulas import conv_macs

Value = int | float | str
_CHANNELS, _SIDE = 64, 28  # 비를 잴 때의 크기. 어떤 크기에서나 비는 같다


def flops(subject: Any) -> int:
    """곱셈과 덧셈을 따로 센 것: MAC의 두 배."""
    return 2 * int(subject.table.attrs["macs"])


def rows_of(subject: Any, kind: str) -> int:
    """layer_table에서 type이 kind인 행의 수. 지름길의 덧셈은 "add"."""
    return int((subject.table["type"] == kind).sum())


def ends(subject: Any, stage: str) -> str:
    """단계의 출력 형태, 배치 제외: "384x35x35"."""
    return "x".join(map(str, subject.row(stage)["output"]))


def channels_after(subject: Any, stage: str) -> int:
    return int(subject.row(stage)["output"][0])


def repeats(subject: Any, *stages: str) -> str:
    """단계마다 이어진 블록의 수: "4-7-3"."""
    return "-".join(str(len(list(subject.model.get_submodule(stage).children()))) for stage in stages)


def _macs(kernel: tuple[int, int], side: int, c_in: int = _CHANNELS, c_out: int = _CHANNELS) -> int:
    return conv_macs((c_out, c_in, *kernel), (1, c_out, side, side))


def _pairs(sides: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(zip(sides[::2], sides[1::2], strict=True))


def path_saving(*sides: int) -> float:
    """첫 커널 하나 대신 나머지 커널들을 차례로 지나면 줄어드는 MAC, %. sides: 세로, 가로, 세로, 가로, ...

    입력, 가운데, 출력의 채널은 모두 같다.
    """
    whole, *parts = (_macs(kernel, _SIDE) for kernel in _pairs(sides))
    return 100 * (1 - sum(parts) / whole)


def path_ratio(*sides: int) -> float:
    """첫 커널의 MAC / 나머지 커널들의 MAC."""
    whole, *parts = (_macs(kernel, _SIDE) for kernel in _pairs(sides))
    return whole / sum(parts)


def path_field(*sides: int) -> str:
    """스트라이드 1인 커널들을 차례로 지난 수용 영역: "3x3"."""
    pairs = _pairs(sides)
    height, width = (1 + sum(pair[axis] - 1 for pair in pairs) for axis in (0, 1))
    return f"{height}x{width}"


def _shrinking(side: int, channels: int) -> dict[str, int]:
    """side x side, channels를 절반의 크기, 두 배의 채널로 줄이는 세 방법의 MAC(3x3 커널)."""
    small = side // 2
    return {
        "conv_first": _macs((3, 3), side, channels, 2 * channels),
        "pool_first": _macs((3, 3), small, channels, 2 * channels),
        "side_by_side": _macs((3, 3), small, channels, channels),
    }


def pool_first_saving(side: int, channels: int) -> float:
    """합성곱 다음 풀링 대신 풀링 다음 합성곱이면 줄어드는 MAC, %."""
    work = _shrinking(side, channels)
    return 100 * (1 - work["pool_first"] / work["conv_first"])


def side_by_side_saving(side: int, channels: int) -> float:
    """합성곱 다음 풀링 대신, 스트라이드 2인 합성곱과 풀링을 나란히 두면 줄어드는 MAC, %."""
    work = _shrinking(side, channels)
    return 100 * (1 - work["side_by_side"] / work["conv_first"])


def smoothed_target(classes: int, percent: int) -> float:
    """라벨 평활화를 percent % 했을 때 정답의 목표 확률, %. 로짓에 대한 기울기는 (확률 - 목표)이므로 거기서 되짚는다."""
    loss = torch.nn.CrossEntropyLoss(label_smoothing=percent / 100)
    logits = torch.zeros(1, classes, dtype=torch.float64, requires_grad=True)
    loss(logits, torch.tensor([0])).backward()
    assert logits.grad is not None
    return 100 * (1 / classes - float(logits.grad[0, 0]))


@cache
def _v3() -> dict[str, Any]:
    """torchvision의 Inception-v3(보조 분류기 없음)에서 잰 합계."""
    from torchvision.models import inception_v3

    from cnnlab.analysis.tables import layer_table

    with torch.device("meta"):
        model = inception_v3(weights=None, init_weights=False, aux_logits=False)
    return {str(name): total for name, total in layer_table(model, (3, 299, 299)).attrs.items()}


BY_STAGE: dict[str, Callable[..., Value]] = {
    measure.__name__: measure for measure in (flops, rows_of, ends, channels_after, repeats)
}

# 수만으로 계산하는 양
STAGE_FORMULAS: dict[str, Callable[..., Value]] = {
    **{
        formula.__name__: formula
        for formula in (path_saving, path_ratio, path_field, pool_first_saving, side_by_side_saving, smoothed_target)
    },
    "v3_params": lambda: int(_v3()["params"]),
    "v3_macs": lambda: int(_v3()["macs"]),
    "v3_depth": lambda: int(_v3()["depth"]),
}
