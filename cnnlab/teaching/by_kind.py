"""검산이 재는 양 가운데, 계층을 이름이 아니라 종류와 차례로 가리키는 것: "둘째 합성곱의 출력", "풀링마다의 채널".

모두 layer_table에서 읽으므로 모델을 실행하지 않는다: meta 장치에 만든 신경망이면 충분하다.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from cnnlab.analysis.formulas import conv_output_size
from cnnlab.errors import LearnerError

Value = int | float | str

# 검산의 종류 이름 -> layer_table의 type
KINDS: dict[str, tuple[str, ...]] = {
    "conv": ("Conv2d",),
    "fc": ("Linear",),
    "pool": ("MaxPool2d",),
    "lrn": ("LocalResponseNorm",),
    "dropout": ("Dropout",),
    "weights": ("Conv2d", "Linear"),
    "outputs": ("Conv2d", "MaxPool2d", "Linear"),  # 메모리를 세는 표가 흔히 적는 것: ReLU는 제자리에서 한다고 본다
}
LETTERS = {"Conv2d": "C", "LocalResponseNorm": "N", "MaxPool2d": "P", "Linear": "F"}
MB = 1024**2

COLUMNS: dict[str, Callable[[Any], Value]] = {
    "kernel": lambda row: int(row.kernel),
    "stride": lambda row: int(row.stride),
    "padding": lambda row: int(row.padding),
    "overlap": lambda row: int(row.kernel - row.stride),
    "params": lambda row: int(row.params),
    "macs": lambda row: int(row.macs),
    "rf": lambda row: row.rf,
    "kb": lambda row: float(row.activation_kb),
    "output": lambda row: "x".join(map(str, row.output)),
    "channels": lambda row: int(row.output[0]),
    "side": lambda row: int(row.output[-1]),
    "values": lambda row: math.prod(row.output),
    # 출력 하나로 들어오는 값의 수에 편향 하나를 더해 출력마다 센다
    "connections": lambda row: int(row.macs) + math.prod(row.output),
    # 커널 하나의 깊이는 MAC / (출력의 수 x k x k): 그룹 합성곱이면 그룹 안의 채널 수가 된다
    "shape": lambda row: (
        f"{row.output[0]} x {row.kernel}x{row.kernel}x{row.macs // (math.prod(row.output) * row.kernel**2)}"
    ),
}


class UnknownKind(LearnerError, ValueError):
    """모르는 계층의 종류나 열."""


def _rows(subject: Any, kind: str) -> list[Any]:
    if kind not in KINDS:
        raise UnknownKind(f"모르는 종류입니다. 아는 것: {', '.join(KINDS)}. 받은 것: {kind}")
    return [row for row in subject.table.itertuples() if row.type in KINDS[kind]]


def _cell(row: Any, column: str) -> Any:
    if column not in COLUMNS:
        raise UnknownKind(f"모르는 열입니다. 아는 것: {', '.join(COLUMNS)}. 받은 것: {column}")
    return COLUMNS[column](row)


def _cells(subject: Any, kind: str, column: str) -> list[Any]:
    return [_cell(row, column) for row in _rows(subject, kind)]


def depth(subject: Any) -> int:
    """가장 긴 길에 있는 합성곱과 완전 연결의 수."""
    return int(subject.table.attrs["depth"])


def count(subject: Any, kind: str) -> int:
    """그 종류의 계층이 몇 개인가."""
    return len(_rows(subject, kind))


def at(subject: Any, kind: str, number: str, column: str) -> Value:
    """그 종류의 number번째(1부터) 계층의 값."""
    return _cells(subject, kind, column)[int(number) - 1]


def series(subject: Any, kind: str, column: str, first: str = "1") -> str:
    """그 종류의 first번째 계층부터 늘어놓은 값: "96-256-384-384-256"."""
    return "-".join(str(value) for value in _cells(subject, kind, column)[int(first) - 1 :])


def steps(subject: Any, kind: str, column: str) -> str:
    """바뀔 때만 적은 값: "224-112-56-28-14"."""
    return "-".join(str(value) for value in dict.fromkeys(_cells(subject, kind, column)))


def kinds_of(subject: Any, kind: str, column: str) -> str:
    """서로 다른 값을 작은 것부터: "1, 3"."""
    return ", ".join(str(value) for value in sorted(set(_cells(subject, kind, column))))


def distinct(subject: Any, kind: str, column: str) -> int:
    """서로 다른 값의 수."""
    return len(set(_cells(subject, kind, column)))


def drops(subject: Any, kind: str, column: str) -> int:
    """앞 계층보다 값이 줄어든 곳의 수. 늘거나 같기만 하면 0."""
    cells = _cells(subject, kind, column)
    return sum(after < before for before, after in pairwise(cells))


def order(subject: Any) -> str:
    """계층의 차례: C 합성곱, N LRN, P 최대 풀링, F 완전 연결."""
    return "".join(LETTERS.get(row.type, "") for row in subject.table.itertuples())


def neurons(subject: Any) -> int:
    """합성곱과 완전 연결의 출력을 모두 더한 수."""
    return sum(_cells(subject, "weights", "values"))


def share_of(subject: Any, column: str, kind: str) -> float:
    """그 종류의 계층들이 차지하는 몫, %."""
    return 100 * sum(_cells(subject, kind, column)) / sum(_cells(subject, "outputs", column))


def share_at(subject: Any, column: str, kind: str, number: str) -> float:
    """그 종류의 number번째 계층 하나가 차지하는 몫, %."""
    return 100 * _cells(subject, kind, column)[int(number) - 1] / sum(_cells(subject, "outputs", column))


def largest_share(subject: Any, column: str, kind: str) -> float:
    """그 종류의 계층 하나가 차지하는 가장 큰 몫, %."""
    return 100 * max(_cells(subject, kind, column)) / sum(_cells(subject, "outputs", column))


def share_until(subject: Any, column: str, number: str) -> float:
    """number번째 최대 풀링까지의 합성곱과 풀링이 차지하는 몫, %."""
    cells = _cells(subject, "outputs", column)
    pools = [i for i, row in enumerate(_rows(subject, "outputs")) if row.type in KINDS["pool"]]
    return 100 * sum(cells[: pools[int(number) - 1] + 1]) / sum(cells)


def stage_ends_ratio(subject: Any, column: str) -> float:
    """풀링 바로 앞의 합성곱들 가운데 가장 작은 값 / 가장 큰 값. 단계마다 같으면 1."""
    rows = _rows(subject, "outputs")
    ends = [
        _cell(before, column)
        for before, after in pairwise(rows)
        if after.type in KINDS["pool"] and before.type in KINDS["conv"]
    ]
    return min(ends) / max(ends)


def held_values(subject: Any) -> int:
    """입력과 합성곱, 풀링, 완전 연결의 출력을 모두 더한 수(ReLU는 제자리)."""
    return math.prod(subject.input_size) + sum(_cells(subject, "outputs", "values"))


def held_mb(subject: Any, times: str = "1") -> float:
    """held_values를 float32로 times벌 담는 메모리, MB(1,048,576바이트). times 2는 기울기까지."""
    return held_values(subject) * 4 * int(times) / MB


def every_output_mb(subject: Any) -> float:
    """모든 계층(정규화, ReLU도)의 출력을 따로 담는 메모리, MB."""
    return float(subject.table.attrs["activation_kb"]) / 1024


BY_KIND: dict[str, Callable[..., Value]] = {
    measure.__name__: measure
    for measure in (
        *(depth, count, at, series, steps, kinds_of, distinct, drops, order, neurons),
        *(share_of, share_at, largest_share, share_until, stage_ends_ratio),
        *(held_values, held_mb, every_output_mb),
    )
}

# 수만으로 계산하는 양
MORE_FORMULAS: dict[str, Callable[..., Value]] = {
    # 나머지를 올리는 출력 크기(cuda-convnet의 modulesX), 패딩 0
    "size_up": lambda size, kernel, stride: conv_output_size(size, kernel, stride, ceil_mode=True),
    # 큰 그림에서 작은 창을 놓을 수 있는 자리의 수 x 좌우 뒤집기 2
    "crops": lambda size, crop: 2 * (size - crop + 1) ** 2,
    # big x big 커널 하나가 3x3 커널 times개보다 가중치가 몇 % 많은가(입력과 출력 채널이 같을 때)
    "stack_extra": lambda times, big: 100 * (big**2 / (9 * times) - 1),
}
