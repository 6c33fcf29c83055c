"""한 축의 수용 영역: 식(Field)과, 출력마다 보는 구간(Axis).

출처: Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", 식 (2)-(5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from cnnlab.analysis.formulas import Pair, pair

Interval = tuple[int, int]  # (처음, 마지막) 화소, 양 끝을 포함한다
Ends = np.ndarray[Any, Any]  # (2, 출력의 수): 처음 화소의 줄과 마지막 화소의 줄. 아무것도 보지 않으면 (_FAR, -_FAR)
_FAR = 2**60


@dataclass(frozen=True)
class Field:
    """한 축의 수용 영역. 입력 화소 자신은 Field()다.

    size: 출력 하나가 보는 화소 수. jump: 이웃한 두 출력이 보는 곳 사이의 거리(0이면 모두 같은 곳을 본다).
    start: 첫 출력이 보는 첫 화소. 패딩이 있으면 음수다.
    """

    size: int = 1
    jump: int = 1
    start: int = 0

    def through(self, kernel: int, stride: int = 1, padding: int | Pair = 0, dilation: int = 1) -> "Field":
        """합성곱이나 풀링을 하나 더 지난 뒤의 수용 영역. padding은 앞쪽 것만 자리를 바꾼다."""
        return Field(
            size=self.size + dilation * (kernel - 1) * self.jump,
            jump=self.jump * stride,
            start=self.start - pair(padding)[0] * self.jump,
        )

    def merged(self, count: int) -> "Field":
        """출력 count개를 모두 합쳐 보는 값(완전 연결, 전역 풀링)의 수용 영역."""
        return Field(self.size + (count - 1) * self.jump, 0, self.start)

    def unit(self, index: int) -> Interval:
        """index번째 출력이 보는 (처음, 마지막) 화소. 입력 밖(음수나 끝을 넘는 수)은 패딩이다."""
        first = self.start + index * self.jump
        return first, first + self.size - 1


@dataclass(frozen=True, eq=False)
class Axis:
    """한 축에서 출력마다 보는 곳.

    field: 식으로 쓴 수용 영역. 간격이 고르지 않으면(적응 풀링, 확대) 한 식으로 쓸 수 없으므로 None이다.
    span: 출력마다 보는 구간. 식이 있으면 식의 것이므로 패딩도 들어 있고, 없으면 패딩의 자리는 세지 않는다.
    seen: 출력마다 실제로 보이는 화소의 구간(입력 안).
    """

    field: Field | None
    span: Ends
    seen: Ends

    @property
    def count(self) -> int:
        return self.seen.shape[1]

    @cached_property
    def size(self) -> int:
        if self.field:
            return self.field.size
        return max(0, int((self.span[1] - self.span[0]).max()) + 1)

    @property
    def visible(self) -> Interval | None:
        """어느 출력에게든 보이는 화소의 구간."""
        return _interval(self.seen[0].min(), self.seen[1].max())

    @property
    def merged(self) -> bool:
        """모든 출력이 같은 곳을 보는가."""
        return self.field is not None and self.field.jump == 0

    @property
    def single(self) -> bool:
        """자리의 구별이 없는가: 출력이 하나이거나 모두 같은 곳을 본다."""
        return self.count == 1 or self.merged

    @property
    def blank(self) -> bool:
        """입력을 전혀 보지 않는가."""
        return self.field is None and bool((self.span[0] > self.span[1]).all())

    def unit(self, index: int) -> Interval:
        """index번째 출력이 보는 구간."""
        return _interval(*self.span[:, index]) or (0, -1)

    def seen_by(self, index: int) -> Interval | None:
        return _interval(*self.seen[:, index])

    def slide(self, along: tuple[int, int, Pair, int], outputs: int) -> "Axis":
        """(kernel, stride, padding, dilation)의 창을 민다."""
        kernel, stride, padding, dilation = along
        if (kernel, stride, padding, outputs) == (1, 1, (0, 0), self.count):
            return self
        field = self.field.through(kernel, stride, padding, dilation) if self.field else None
        return self.gather(_sliding_taps(self.count, outputs, kernel, stride, padding[0], dilation), field)

    def gather(self, taps: Ends, field: Field | None = None) -> "Axis":
        """출력마다 지금의 출력 taps[출력]을 합쳐 본다. taps (출력, 개수); 없는 자리는 self.count로 적는다."""
        seen = _hull(self.seen, taps)
        return Axis(field, _span_of(field, taps.shape[0]) if field else _hull(self.span, taps), seen)

    def all(self) -> "Axis":
        """모두를 합쳐 본 것 하나."""
        if self.single and self.count == 1 and self.merged:
            return self
        first, last = int(self.span[0].min()), int(self.span[1].max())
        seen = np.array([[self.seen[0].min()], [self.seen[1].max()]])
        if self.blank:
            return Axis(None, seen, seen)
        field = self.field.merged(self.count) if self.field else Field(last - first + 1, 0, first)
        return Axis(field, _span_of(field, 1), seen)

    def spread(self, count: int) -> "Axis":
        """자리의 구별이 없는 것을 출력 count개에 똑같이 나누어 준다."""
        if self.count == count:
            return self
        one = self.all()
        return Axis(one.field, np.repeat(one.span, count, axis=1), np.repeat(one.seen, count, axis=1))


def pixels(count: int) -> Axis:
    """입력 그림의 한 축."""
    ends = _span_of(Field(), count)
    return Axis(Field(), ends, ends)


def nothing(count: int) -> Axis:
    """상수: 입력을 보지 않는다."""
    ends = np.repeat(np.array([[_FAR], [-_FAR]]), count, axis=1)
    return Axis(None, ends, ends)


def taps_table(taps: Sequence[Sequence[int]], count: int) -> Ends:
    """출력마다의 번호 목록을 `Axis.gather`가 받는 표로: 짧은 줄은 없는 자리(count)로 채운다."""
    width = max([1, *map(len, taps)])
    return np.array([[*row, *[count] * (width - len(row))] for row in taps])


def picked_axis(axis: Axis, taps: Sequence[Sequence[int]]) -> Axis:
    """출력마다 taps의 자리를 본다. 하나씩, 같은 간격으로 고르면 식이 남는다."""
    firsts = [row[0] for row in taps if len(row) == 1]
    steps = {after - before for before, after in pairwise(firsts)}
    regular = None
    if axis.field and len(firsts) == len(taps) and len(steps) <= 1:
        step = steps.pop() if steps else 1
        regular = Field(axis.field.size, axis.field.jump * step, axis.field.start + firsts[0] * axis.field.jump)
        if axis.field.jump and regular.jump <= 0 and len(taps) > 1:
            regular = Field(regular.size, 0, regular.start) if regular.jump == 0 else None
    return axis.gather(taps_table(taps, axis.count), regular)


def union(axes: Sequence[Axis]) -> Axis:
    """같은 자리의 값들을 합친 것: 출력마다 구간을 합친다(사이의 빈 곳도 든다)."""
    axes = [*dict.fromkeys(axis for axis in axes if not axis.blank)] or [axes[0]]
    if len(axes) == 1:
        return axes[0]
    count = max(axis.count for axis in axes)
    axes = [axis.spread(count) for axis in axes]
    seen = np.stack([axis.seen for axis in axes])
    seen = np.stack([seen[:, 0].min(axis=0), seen[:, 1].max(axis=0)])
    field = _common_field(axes, seen)
    if field:
        return Axis(field, _span_of(field, count), seen)
    spans = np.stack([axis.span for axis in axes])
    return Axis(None, np.stack([spans[:, 0].min(axis=0), spans[:, 1].max(axis=0)]), seen)


def _common_field(axes: list[Axis], seen: Ends) -> Field | None:
    fields = [axis.field for axis in axes if axis.field]
    jumps = {field.jump for field in fields}
    if len(jumps) == 1 and len(fields) == len(axes):
        start = min(field.start for field in fields)
        return Field(max(field.start + field.size for field in fields) - start, jumps.pop(), start)
    # 모두를 보는 갈래가 있으면 합친 것도 모두를 본다. 다른 갈래가 그 밖을 본다면 한 식으로 쓸 수 없다
    if 0 in jumps and (seen == seen[:, :1]).all():
        first = int(min(axis.span[0].min() for axis in axes))
        return Field(int(max(axis.span[1].max() for axis in axes)) - first + 1, 0, first)
    return None


def _interval(first: Any, last: Any) -> Interval | None:
    return (int(first), int(last)) if first <= last else None


def _span_of(field: Field, count: int) -> Ends:
    first = field.start + field.jump * np.arange(count)
    return np.stack([first, first + field.size - 1])


def _hull(ends: Ends, taps: Ends) -> Ends:
    first, last = np.append(ends[0], _FAR), np.append(ends[1], -_FAR)
    return np.stack([first[taps].min(axis=1, initial=_FAR), last[taps].max(axis=1, initial=-_FAR)])


@cache
def _sliding_taps(count: int, outputs: int, kernel: int, stride: int, before: int, dilation: int) -> Ends:
    taps = np.arange(outputs)[:, None] * stride - before + np.arange(kernel) * dilation
    return np.where((taps >= 0) & (taps < count), taps, count)
