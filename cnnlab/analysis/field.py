"""그래프를 따라 수용 영역의 규칙을 적용한다: 종류마다 규칙 하나(`RULES`).

한 축의 산수는 axis.py, 축과 채널의 자리는 sight.py에 있다.
합쳐지는 곳(잔차 덧셈, 이어 붙이기)의 수용 영역은 갈래들의 합집합을 덮는 구간이다.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from cnnlab.analysis.axis import Axis, Field, Interval, nothing, pixels
from cnnlab.analysis.checks import times
from cnnlab.analysis.errors import UnknownOpError
from cnnlab.analysis.graph import Node, Trace
from cnnlab.analysis.ops import Adaptive, Pick, Shape
from cnnlab.analysis.sight import (
    AXIS,
    Axes,
    CannotFollow,
    Dim,
    Sight,
    blend,
    build,
    combine,
    concatenate,
    merge_axes,
    plain,
)

__all__ = ["Axis", "Field", "Fields", "Interval", "Sight", "fields_of"]


@dataclass(frozen=True)
class Fields:
    """노드 id -> Sight. 첫 입력을 보지 않는 노드는 없다.

    gated: 그림 전체를 보는 갈래가 그렇지 않은 갈래와 합쳐진 노드(SE 게이트, 전역 풀링 갈래)의 id.
    """

    sights: dict[int, Sight]
    gated: list[int] = field(default_factory=list)

    def __getitem__(self, number: int) -> Sight:
        return self.sights[number]

    def get(self, number: int) -> Sight | None:
        return self.sights.get(number)


def fields_of(trace: Trace, *, gates: bool = True) -> Fields:
    """노드마다의 수용 영역. 입력이 여럿이면 첫 입력의 화소로 센다.

    gates=False이면 그림 전체를 보는 갈래를, 그렇지 않은 갈래와 합쳐지는 곳에서 뺀다('게이트가 없을 때'의 값).
    오류: 공간이 어떻게 섞이는지 말할 수 없으면 UnknownOpError.
    """
    channels, height, width = trace.input_size
    y = pixels(height)
    axes = (y, y if width == height else pixels(width))
    fields = Fields(
        {0: build((axes,), (plain(channels), *(((k, n),) if n > 1 else () for k, n in (("y", height), ("x", width)))))}
    )
    for node in trace.nodes:
        sights = [fields.sights.get(source) for source in node.operands]
        if not any(sights):
            continue
        if _is_gate(sights):
            fields.gated.append(node.id)
            if not gates:
                sights = [None if sight and sight.merged else sight for sight in sights]
        try:
            fields.sights[node.id] = _follow(node, sights)
        except CannotFollow as why:
            _refuse(node, str(why))
    return fields


def _follow(node: Node, sights: list[Sight | None]) -> Sight:
    known = [sight for sight in sights if sight]
    if node.kind in JOINS:
        return JOINS[node.kind](node, sights)
    if len(known) > 1 and len({id(sight) for sight in known}) > 1:
        raise CannotFollow("가중치나 크기까지 입력에서 계산됩니다")
    return RULES[node.kind](node, known[0])


def _is_gate(sights: list[Sight | None]) -> bool:
    known = [sight.merged for sight in sights if sight]
    return any(known) and not all(known)


# --- 갈래가 하나인 규칙: (노드, 입력의 Sight) -> 출력의 Sight


def _window_rule(node: Node, sight: Sight) -> Sight:
    sight, kinds = _as_map(node, sight)
    outputs = dict(zip(kinds, node.output_shape[-2:], strict=True))

    def slid(axes: Axes) -> Axes:
        done: dict[tuple[object, ...], Axis] = {}
        return tuple(
            _through(node, axis, kinds.index(kind), outputs[kind], done) for kind, axis in zip("yx", axes, strict=True)
        )  # type: ignore[return-value]

    return _onto_map(node, sight, kinds, slid)


def _through(node: Node, axis: Axis, at: int, outputs: int, done: dict[tuple[object, ...], Axis]) -> Axis:
    if isinstance(node.window, Adaptive):
        return _adaptive(axis, outputs)
    assert node.window is not None  # window 종류의 연산은 언제나 창을 읽는다
    along = node.window.along(at)
    key = (id(axis), along, outputs)  # 정사각이면 세로와 가로가 같은 계산이다
    if key not in done:
        done[key] = axis.slide(along, outputs)
    return done[key]


def _adaptive(axis: Axis, outputs: int) -> Axis:
    count = axis.count
    if outputs == 1:
        return axis.all()
    bounds = [(unit * count // outputs, -(-(unit + 1) * count // outputs)) for unit in range(outputs)]
    steps = {after[0] - before[0] for before, after in pairwise(bounds)}
    widths = {end - start for start, end in bounds}
    even = len(steps) == 1 and len(widths) == 1
    regular = axis.field.through(max(widths), max(steps)) if axis.field and even else None
    return axis.gather(_table([range(start, end) for start, end in bounds], count), regular)


def _resize_rule(node: Node, sight: Sight) -> Sight:
    sight, kinds = _as_map(node, sight)
    assert node.taps is not None

    def resized(axes: Axes) -> Axes:
        return tuple(_picked_axis(axis, node.taps[kinds.index(kind)]) for kind, axis in zip("yx", axes, strict=True))  # type: ignore[return-value, index]

    if node.op == "pixel_shuffle":
        sight = blend(sight)
    return _onto_map(node, sight, kinds, resized)


def _table(taps: Sequence[Sequence[int]], count: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    width = max([1, *map(len, taps)])
    return np.array([[*row, *[count] * (width - len(row))] for row in taps])


def _picked_axis(axis: Axis, taps: Sequence[Sequence[int]]) -> Axis:
    """출력마다 taps의 자리를 본다. 하나씩, 같은 간격으로 고르면 식이 남는다."""
    firsts = [row[0] for row in taps if len(row) == 1]
    steps = {after - before for before, after in pairwise(firsts)}
    regular = None
    if axis.field and len(firsts) == len(taps) and len(steps) <= 1:
        step = steps.pop() if steps else 1
        regular = Field(axis.field.size, axis.field.jump * step, axis.field.start + firsts[0] * axis.field.jump)
        if axis.field.jump and regular.jump <= 0 and len(taps) > 1:
            regular = Field(regular.size, 0, regular.start) if regular.jump == 0 else None
    return axis.gather(_table(taps, axis.count), regular)


def _as_map(node: Node, sight: Sight) -> tuple[Sight, list[str]]:
    """끝의 두 축이 공간인 특징 맵으로: (Sight, 끝의 두 축이 y와 x 가운데 어느 것인지)."""
    if len(node.input_shape) != 3:
        raise CannotFollow("(채널, 높이, 너비) 모양이 아닙니다")
    found: list[str | None] = []
    for dim in sight.layout[-2:]:
        name = dim[0][0] if len(dim) == 1 else None
        found.append(name if name in AXIS else None)
    missing = [kind for kind in "yx" if kind not in found]
    for kind in missing:
        if sight.place(kind) is not None:
            if not sight.single(kind):
                raise CannotFollow("펼친 값에 창을 밀 수 없습니다")
            sight = sight.gathered([kind])
    kinds = [kind or missing.pop(0) for kind in found]
    counts = dict(zip(kinds, node.input_shape[-2:], strict=True))
    layout: list[Dim] = list(sight.layout)
    if any(name == "c" for dim in layout[-2:] for name, _ in dim):
        sight = blend(sight)
    for at, kind in zip((-2, -1), kinds, strict=True):
        layout[at] = ((kind, counts[kind]),) if counts[kind] > 1 else ()
    if any(name != "c" for name, _ in layout[0]):
        raise CannotFollow("채널 축에 자리가 섞여 있습니다")
    parts = tuple((y.spread(counts["y"]), x.spread(counts["x"])) for y, x in sight.parts)
    return build(parts, layout, sight.channel), kinds


def _onto_map(node: Node, sight: Sight, kinds: list[str], through: Callable[[Axes], Axes]) -> Sight:
    """parts마다 through를 적용한다. 합성곱이면 그룹 안의 채널이 섞인다."""
    channels, *places = node.output_shape
    layout = (plain(channels), *(((kind, n),) if n > 1 else () for kind, n in zip(kinds, places, strict=True)))
    if node.weight is None and channels == node.input_shape[0]:
        return build(tuple(map(through, sight.parts)), layout, sight.channel)
    groups = node.groups if sight.channel is not None else 1
    if groups == 1 or sight.channel is None:
        return Sight((through(sight.axes),), layout)
    members = sight.channel.reshape(groups, -1)
    parts: list[Axes] = []
    numbers: dict[tuple[int, ...], int] = {}
    for row in members:
        key = tuple(np.unique(row).tolist())
        if key not in numbers:
            numbers[key] = len(parts)
            parts.append(through(merge_axes([sight.parts[number] for number in key])))
    channel = np.repeat([numbers[tuple(np.unique(row).tolist())] for row in members], channels // groups)
    return build(tuple(parts), layout, channel)


def _reshape_rule(node: Node, sight: Sight) -> Sight:
    return sight.reshaped(node.output_shape)


def _order_rule(node: Node, sight: Sight) -> Sight:
    if node.dims[0] != 0:
        raise CannotFollow("배치 축의 자리를 바꿉니다")
    return sight.permuted([dim - 1 for dim in node.dims[1:]])


def _mix_rule(node: Node, sight: Sight) -> Sight:
    mixed = [dim - 1 for dim in node.dims if dim > 0]
    kinds = [kind for at in mixed for kind, _ in sight.layout[at] if kind in AXIS]
    if node.op == "linear" and len(kinds) == 1 and not sight.single(kinds[0]):
        raise CannotFollow(
            "높이와 너비 가운데 하나만 섞습니다. 완전 연결이라면 앞에 nn.Flatten()을 두었는지 확인하세요"
        )
    if len(sight.layout) == 1 and mixed:
        kinds = ["y", "x"]  # 펼친 것을 모두 섞는다: 특징 맵이 1x1이었어도 그 하나를 모두 본다
    counts = dict(zip("yx", sight.size, strict=True))
    keeps = len(node.output_shape) == len(sight.layout)
    layout: list[Dim] = []
    for at, dim in enumerate(sight.layout):
        if at not in mixed:
            layout.append(dim)
        elif keeps:
            same = node.output_shape[at] == sight.shape[at] and node.weight is None
            layout.append(dim if same else plain(node.output_shape[at]))
    if any(kind == "c" for at in mixed for kind, _ in sight.layout[at]) or kinds:
        sight = _mixed_channels(sight, mixed, layout, keeps)
    kept = {kind for dim in layout for kind, _ in dim}
    parts = []
    for part in sight.parts:
        axes = [axis.all() if kind in kinds else axis for kind, axis in zip("yx", part, strict=True)]
        axes = [axis.spread(counts[kind]) if kind in kept else axis for kind, axis in zip("yx", axes, strict=True)]
        parts.append((axes[0], axes[1]))
    return build(tuple(parts), layout, sight.channel)


def _mixed_channels(sight: Sight, mixed: list[int], layout: list[Dim], keeps: bool) -> Sight:
    """섞이는 축의 채널들은 서로의 것까지 본다. 섞이지 않는 채널 인자는 따로 남는다."""
    if sight.channel is None:
        return sight
    owners = [at for at, dim in enumerate(sight.layout) for name, _ in dim if name == "c"]
    if all(at in mixed for at in owners):
        return blend(sight)
    axes = tuple(number for number, at in enumerate(owners) if at in mixed)
    if not axes:
        return sight
    rest = [number for number in range(len(owners)) if number not in axes]
    rows = sight.channel.transpose([*rest, *axes]).reshape(math.prod(sight.channel.shape[n] for n in rest), -1)
    parts = tuple(merge_axes([sight.parts[number] for number in np.unique(row)]) for row in rows)
    channel = np.arange(len(rows)).reshape([sight.channel.shape[n] for n in rest])
    if keeps:
        channel = np.expand_dims(channel, axes)
        sizes = [size for dim in layout for name, size in dim if name == "c"]
        if len(sizes) != channel.ndim:
            return Sight((merge_axes(parts),), sight.layout)
        channel = np.broadcast_to(channel, sizes)
    return Sight(parts, sight.layout, channel)


def _move_rule(node: Node, sight: Sight) -> Sight:
    """값이 옮겨 간 자리를 모르므로 그 축은 모두 섞인 것으로 본다: 채널 축에서만 뜻이 있다."""
    moved = [dim - 1 for dim in node.dims]
    if -1 in moved or any(name in AXIS for at in moved for name, _ in sight.layout[at]):
        raise CannotFollow("높이, 너비, 배치 축의 자리를 바꾸거나 일부를 고릅니다")
    layout = [plain(node.output_shape[at]) if at in moved else dim for at, dim in enumerate(sight.layout)]
    return Sight((sight.axes,), tuple(layout))


def _pick_rule(node: Node, sight: Sight) -> Sight:
    layout: list[Dim] = []
    channel, parts = sight.channel, sight.parts
    if node.picks[0] != Pick(0):
        raise CannotFollow("배치 축에서 고릅니다")
    number = 0  # 채널 인자의 번호
    for pick in node.picks[1:]:
        if pick.dim is None:
            layout.append(())
            continue
        dim = sight.layout[pick.dim - 1]
        if pick.indices is None:
            layout.append(dim)
            number += sum(name == "c" for name, _ in dim)
            continue
        chosen = list(pick.indices)
        size = len(chosen) or node.output_shape[len(layout)] if pick.keep else 1
        if dim and all(name == "c" for name, _ in dim):
            if channel is not None and not chosen:
                raise CannotFollow("고른 번호를 알 수 없습니다")
            channel = None if channel is None else np.take(channel, chosen, axis=number)
            number += 1
            kept: Dim = (("c", size),) if pick.keep else ()
        elif len(dim) == 1:
            if not chosen:
                raise CannotFollow("고른 번호를 알 수 없습니다")
            which = AXIS[dim[0][0]]
            taps = [[index] for index in chosen]
            parts = tuple((_picked_axis(y, taps), x) if which == 0 else (y, _picked_axis(x, taps)) for y, x in parts)
            kept = ((dim[0][0], size),)
        elif dim:
            raise CannotFollow("펼친 값의 일부만 고릅니다")
        else:
            kept = plain(size)
        if pick.keep:
            layout.append(kept)
    if channel is not None:
        used, flat = np.unique(channel, return_inverse=True)
        parts = tuple(parts[int(part)] for part in used)
        channel = flat.reshape(channel.shape) if len(used) > 1 else None
    return build(parts, layout, channel)


RULES: dict[str, Callable[[Node, Sight], Sight]] = {
    "window": _window_rule,
    "resize": _resize_rule,
    "reshape": _reshape_rule,
    "mix": _mix_rule,
    "order": _order_rule,
    "move": _move_rule,
    "pick": _pick_rule,
}


# --- 갈래가 여럿일 수 있는 규칙: 상수인 갈래는 None이다


def _point_rule(node: Node, sights: list[Sight | None]) -> Sight:
    known = [*dict.fromkeys(sight for sight in sights if sight)]
    if len(known) == 1 and known[0].shape == node.output_shape:
        return _shuffled(known[0]) if node.op in ("channel_shuffle", "local_response_norm") else known[0]
    return combine(known, node.output_shape)


def _shuffled(sight: Sight) -> Sight:
    """채널의 자리를 바꾸거나 이웃한 채널을 섞는다: 채널마다 다르게 보면 모두 합쳐서 본다."""
    return blend(sight)


def _cat_rule(node: Node, sights: list[Sight | None]) -> Sight:
    (at,) = node.dims
    if at == 0:
        raise CannotFollow("배치 축으로 이어 붙입니다")
    return _joined(node, sights, at - 1, node.output_shape)


def _stack_rule(node: Node, sights: list[Sight | None]) -> Sight:
    (at,) = node.dims
    if at == 0:
        raise CannotFollow("배치 축으로 이어 붙입니다")
    stacked = [
        sight and Sight(sight.parts, (*sight.layout[: at - 1], (), *sight.layout[at - 1 :]), sight.channel)
        for sight in sights
    ]
    return _joined(node, stacked, at - 1, node.output_shape)


def _joined(node: Node, sights: list[Sight | None], at: int, shape: Shape) -> Sight:
    known = [sight for sight in sights if sight]
    blank = (nothing(1), nothing(1))
    whole = [
        sight or build((blank,), [plain(size if place == at else 1) for place in range(len(shape))])
        for sight, size in zip(sights, node.sizes, strict=True)
    ]
    for place, dim in enumerate(shape):
        if place != at and not any(sight.layout[place] for sight in known) and dim > 1:
            raise CannotFollow("이어 붙이는 갈래의 형태를 알 수 없습니다")
    return concatenate(whole, at, shape)


def _einsum_rule(node: Node, sights: list[Sight | None]) -> Sight:
    """글자마다 축 하나. 자리가 든 글자가 결과에 그대로 남으면 자리도 남고, 더해져 사라지면 모두를 본다.

    한 값이 두 자리를 짝지어 보면(attention의 점수) 그림 전체로 친다.
    """
    terms, result = node.equation.split("->")
    terms_of = terms.split(",")[: len(sights)]
    sizes = dict(zip(result[1:], node.output_shape, strict=True))
    aligned = []
    for kind in "yx":
        places = [(term, sight.place(kind)) for term, sight in zip(terms_of, sights, strict=True) if sight]
        homes = {term[1 + place] for term, place in places if place is not None}
        kept = len(homes) == 1 and homes <= set(result[1:])
        if not kept:
            sights = [sight and sight.gathered([kind] if sight.place(kind) is not None else []) for sight in sights]
    for term, sight in zip(terms_of, sights, strict=True):
        if sight is None:
            continue
        if term[0] != result[0]:
            raise CannotFollow("배치 축이 섞입니다")
        dims = dict(zip(term[1:], sight.layout, strict=True))
        aligned.append(Sight((sight.axes,), tuple(dims.get(letter, ()) for letter in result[1:])))
    return combine(aligned, tuple(sizes[letter] for letter in result[1:]))


JOINS: dict[str, Callable[[Node, list[Sight | None]], Sight]] = {
    "point": _point_rule,
    "cat": _cat_rule,
    "stack": _stack_rule,
    "einsum": _einsum_rule,
}


def _refuse(node: Node, why: str) -> None:
    raise UnknownOpError(
        f"{node.name}: 이 연산({node.op})이 입력의 어디를 보는지 계산할 수 없습니다. {why}. "
        f"들어온 모양: {times(node.input_shape)}."
    )
