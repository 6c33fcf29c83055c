"""특징 맵 위에서 자리를 옮기는 연산의 수용 영역 규칙: 창(합성곱, 풀링)과 확대."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from cnnlab.analysis.fields.axis import Axis, picked_axis, taps_table
from cnnlab.analysis.fields.sight import (
    AXIS,
    Axes,
    CannotFollow,
    Dim,
    Sight,
    blend,
    build,
    merge_axes,
    need_places,
    plain,
)
from cnnlab.analysis.graph import Node
from cnnlab.analysis.tracing.calls import Adaptive


def window_rule(node: Node, sight: Sight) -> Sight:
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
    return axis.gather(taps_table([range(start, end) for start, end in bounds], count), regular)


def resize_rule(node: Node, sight: Sight) -> Sight:
    sight, kinds = _as_map(node, sight)
    assert node.taps is not None

    def resized(axes: Axes) -> Axes:
        return tuple(picked_axis(axis, node.taps[kinds.index(kind)]) for kind, axis in zip("yx", axes, strict=True))  # type: ignore[return-value, index]

    if node.op == "pixel_shuffle":
        sight = blend(sight)
    return _onto_map(node, sight, kinds, resized)


def _as_map(node: Node, sight: Sight) -> tuple[Sight, list[str]]:
    """끝의 두 축이 공간인 특징 맵으로: (Sight, 끝의 두 축이 y와 x 가운데 어느 것인지)."""
    if len(node.input_shape) != 3:
        raise CannotFollow("(채널, 높이, 너비) 모양이 아닙니다")
    need_places(sight, range(3))
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
