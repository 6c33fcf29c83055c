"""수용 영역의 산수: 출력의 한 값이 입력의 어느 화소들을 보는가.

Field 한 축의 규칙(크기, 간격, 시작)과, 그래프를 따라 규칙을 적용하는 `fields_of`가 있다.
출처: Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", 식 (2)-(5).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from cnnlab.analysis.checks import times
from cnnlab.analysis.errors import UnknownOpError
from cnnlab.analysis.formulas import Pair, pair
from cnnlab.analysis.graph import Node, Trace
from cnnlab.analysis.ops import Adaptive, Window

Interval = tuple[int, int]  # (처음, 마지막) 화소, 양 끝을 포함한다


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


@dataclass(frozen=True)
class Axis:
    """한 축에서 출력마다 보는 곳.

    field: 식으로 쓴 수용 영역. 적응 풀링의 창이 고르지 않으면 한 식으로 쓸 수 없으므로 None이다.
    seen: 출력마다 실제로 보이는 화소의 구간(입력 안, 패딩 제외). 패딩만 보는 출력은 None이다.
    """

    field: Field | None
    seen: tuple[Interval | None, ...]

    @property
    def size(self) -> int:
        if self.field:
            return self.field.size
        return max((last - first + 1 for first, last in filter(None, self.seen)), default=0)

    @property
    def visible(self) -> Interval | None:
        """어느 출력에게든 보이는 화소의 구간."""
        return _union(list(self.seen))

    @property
    def merged(self) -> bool:
        """모든 출력이 같은 곳을 보는가."""
        return self.field is not None and self.field.jump == 0

    def unit(self, index: int) -> Interval:
        """index번째 출력이 보는 구간. 식이 있으면 패딩까지 포함한다."""
        seen = self.seen[index]
        return self.field.unit(index) if self.field else (seen or (0, -1))

    def windows(self, field: Field | None, taps: list[list[int]]) -> "Axis":
        """출력마다 지금의 출력 taps를 합쳐 본다."""
        return Axis(field, tuple(_union([self.seen[tap] for tap in window]) for window in taps))

    def all(self) -> "Axis":
        """모두를 합쳐 본 것 하나."""
        seen = self.visible
        if self.field:
            return Axis(self.field.merged(len(self.seen)), (seen,))
        first, last = seen or (0, -1)
        return Axis(Field(last - first + 1, 0, first), (seen,))


def _union(intervals: list[Interval | None]) -> Interval | None:
    known = [interval for interval in intervals if interval is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


@dataclass(frozen=True)
class Sight:
    """한 노드의 출력이 입력을 보는 모습.

    axes: (세로, 가로). flat: 특징 맵을 채널·행·열 순서로 펼쳐 놓았는가(값마다 보는 곳은 그대로다).
    """

    axes: tuple[Axis, Axis]
    flat: bool = False

    @property
    def merged(self) -> bool:
        return all(axis.merged for axis in self.axes)

    @property
    def size(self) -> Pair:
        """펼치기 전 특징 맵의 (높이, 너비)."""
        return len(self.axes[0].seen), len(self.axes[1].seen)


def fields_of(trace: Trace) -> dict[int, Sight]:
    """노드 id -> Sight. 사슬을 따라 규칙을 하나씩 적용한다.

    오류: 공간이 어떻게 섞이는지 말할 수 없으면 UnknownOpError.
    """
    _, height, width = trace.input_size
    axes = (_pixels(height), _pixels(width))
    sights = {0: Sight(axes)}
    for node in trace.nodes[1:]:
        sights[node.id] = RULES[node.kind](node, [sights[source] for source in node.inputs])
    return sights


def _pixels(count: int) -> Axis:
    return Axis(Field(), tuple((pixel, pixel) for pixel in range(count)))


# --- 종류마다의 규칙: (노드, 입력들의 Sight) -> 출력의 Sight


def _window_rule(node: Node, sights: list[Sight]) -> Sight:
    sight = sights[0]
    if sight.flat and not sight.merged:
        _refuse(node, "펼친 값에 창을 밀 수 없습니다")
    outputs = node.output_shape[-2:]
    if isinstance(node.window, Adaptive):
        y, x = (_adaptive(axis, count) for axis, count in zip(sight.axes, outputs, strict=True))
        return Sight((y, x))
    assert node.window is not None  # window 종류의 연산은 언제나 창을 읽는다
    y, x = (_slide(axis, node.window, at, outputs[at]) for at, axis in enumerate(sight.axes))
    return Sight((y, x))


def _slide(axis: Axis, window: Window, at: int, outputs: int) -> Axis:
    kernel, stride, padding, dilation = window.along(at)
    count = len(axis.seen)
    starts = [unit * stride - padding[0] for unit in range(outputs)]
    taps = [[tap for tap in range(start, start + dilation * kernel, dilation) if 0 <= tap < count] for start in starts]
    field = axis.field.through(kernel, stride, padding, dilation) if axis.field else None
    return axis.windows(field, taps)


def _adaptive(axis: Axis, outputs: int) -> Axis:
    count = len(axis.seen)
    if outputs == 1:
        return axis.all()
    bounds = [(unit * count // outputs, -(-(unit + 1) * count // outputs)) for unit in range(outputs)]
    steps = {after[0] - before[0] for before, after in pairwise(bounds)}
    widths = {end - start for start, end in bounds}
    even = len(steps) == 1 and len(widths) == 1
    field = axis.field.through(widths.pop(), steps.pop()) if axis.field and even else None
    return axis.windows(field, [list(range(start, end)) for start, end in bounds])


def _point_rule(node: Node, sights: list[Sight]) -> Sight:
    sight = sights[0]
    if not sight.merged:
        same = node.input_shape == node.output_shape
        if not same and (sight.flat or node.input_shape[-2:] != node.output_shape[-2:]):
            _refuse(node, "상수와 계산하면서 높이나 너비가 바뀝니다")
    return _resized(node, sight)


def _reshape_rule(node: Node, sights: list[Sight]) -> Sight:
    sight = sights[0]
    if sight.merged:
        return _resized(node, sight)
    is_map = len(node.output_shape) >= 2 and node.output_shape[-2:] == sight.size
    return replace(sight, flat=not is_map)


def _mix_rule(node: Node, sights: list[Sight]) -> Sight:
    sight = sights[0]
    if sight.merged or not node.dims:
        return _resized(node, sight)
    # node.dims는 배치를 포함한 축 번호, input_shape는 배치를 뺀 형태다
    rank = len(node.input_shape) + 1
    if sight.flat:
        height, width = sight.size
        if rank - 1 in node.dims and node.input_shape[-1] % (height * width) == 0:
            return _merge(node, sight)
        _refuse(node, "펼친 값의 일부만 섞습니다")
    spatial = {rank - 2, rank - 1} & set(node.dims)
    if len(spatial) == 1:
        _refuse(node, "높이와 너비 가운데 하나만 섞습니다. 완전 연결이라면 앞에 nn.Flatten()을 두었는지 확인하세요")
    return _merge(node, sight) if spatial else sight


def _move_rule(node: Node, sights: list[Sight]) -> Sight:
    sight = sights[0]
    if sight.merged or not node.dims:
        return _resized(node, sight)
    rank = len(node.input_shape) + 1
    if sight.flat or {0, rank - 2, rank - 1} & set(node.dims):
        _refuse(node, "높이, 너비, 배치 축의 자리를 바꾸거나 일부를 고릅니다")
    return sight


RULES: dict[str, Callable[[Node, list[Sight]], Sight]] = {
    "window": _window_rule,
    "point": _point_rule,
    "reshape": _reshape_rule,
    "mix": _mix_rule,
    "move": _move_rule,
}


def _merge(node: Node, sight: Sight) -> Sight:
    y, x = (axis.all() for axis in sight.axes)
    return _resized(node, Sight((y, x)))


def _resized(node: Node, sight: Sight) -> Sight:
    """모두가 같은 곳을 보면 형태가 어떻게 바뀌어도 그대로다: 출력의 수만 새 형태에 맞춘다."""
    if not sight.merged or node.input_shape == node.output_shape:
        return sight
    height, width = node.output_shape[-2:] if len(node.output_shape) >= 3 else (1, 1)
    y, x = (replace(axis, seen=(axis.visible,) * n) for axis, n in zip(sight.axes, (height, width), strict=True))
    return Sight((y, x))


def _refuse(node: Node, why: str) -> None:
    raise UnknownOpError(
        f"{node.name}: 이 연산({node.op})이 입력의 어디를 보는지 계산할 수 없습니다. {why}. "
        f"들어온 모양: {times(node.input_shape)}."
    )
