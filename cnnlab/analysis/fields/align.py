"""여러 갈래의 Sight를 같은 자리끼리 맞추어 합치거나 이어 붙인다."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnlab.analysis.fields.axis import Axis, union
from cnnlab.analysis.fields.sight import (
    AXIS,
    PLACES,
    Axes,
    CannotFollow,
    Channels,
    Dim,
    Sight,
    build,
    merge_axes,
    plain,
)
from cnnlab.analysis.tracing.calls import Shape


def align(sights: Sequence[Sight], shape: Shape) -> tuple[list[Sight], list[Dim]]:
    """같은 자리끼리 계산할 수 있게 축을 맞춘다(넓히기, broadcasting): (맞춘 갈래들, 결과의 layout)."""
    rank = len(shape)
    padded = [replace(s, layout=((),) * (rank - len(s.layout)) + s.layout) for s in sights]
    for kind in "yx":
        places = {place for s in padded if (place := s.place(kind)) is not None}
        dims = {s.layout[place] for s in padded for place in places if s.layout[place]}
        if len(places) > 1 or len(dims) > 1:  # 자리의 구별이 없는 갈래는 어디에든 맞출 수 있다
            padded = [s.gathered([kind]) if s.single(kind) and s.place(kind) is not None else s for s in padded]
    layout: list[Dim] = []
    for at, size in enumerate(shape):
        dims = {s.layout[at] for s in padded if s.layout[at]}
        spatial = {dim for dim in dims if any(name in PLACES for name, _ in dim)}
        if len(spatial) > 1:
            raise CannotFollow("세로와 가로를 바꾼 것과 그대로인 것처럼, 서로 다른 두 자리를 짝지어 계산합니다")
        chosen = next(iter(spatial), None) or next(iter(dims), None) or plain(size)
        layout.append(chosen)
    for kind in PLACES:
        if sum(any(name == kind for name, _ in dim) for dim in layout) > 1:
            raise CannotFollow("서로 다른 두 자리를 짝지어 계산합니다")
    return padded, layout


def combine(sights: Sequence[Sight], shape: Shape) -> Sight:
    """같은 자리의 값들을 합친다: 갈래마다 보는 곳의 합집합."""
    sights = _without_vague(sights)
    padded, layout = align(sights, shape)
    if all(len(s.parts) == 1 for s in padded):
        return Sight((_spread(merge_axes([s.parts[0] for s in padded]), layout),), tuple(layout))
    sizes = [size for dim in layout for name, size in dim if name == "c"]
    numbers = [_channels(s, layout) for s in padded]
    stacked = np.stack([np.broadcast_to(number, sizes).ravel() for number in numbers], axis=1)
    rows, channel = np.unique(stacked, axis=0, return_inverse=True)
    parts = tuple(
        _spread(merge_axes([s.parts[number] for s, number in zip(padded, row, strict=True)]), layout) for row in rows
    )
    return build(parts, layout, channel.reshape(sizes))


def _without_vague(sights: Sequence[Sight]) -> Sequence[Sight]:
    """모든 값이 그림 전체를 보는 갈래가 있으면, 그 일부만 보는 갈래는 자리를 몰라도 합집합에 더할 것이 없다."""
    vague = [s for s in sights if s.vague]
    sure = [s for s in sights if not s.vague and s.merged]
    parts_of_sure = [v for v in vague if any(all(map(_within, v.axes, s.axes)) for s in sure)]
    return [s for s in sights if s not in parts_of_sure]


def _within(part: Axis, whole: Axis) -> bool:
    """part가 보는 곳이 모두 whole의 어느 출력에게나 보이는가."""
    return bool(whole.span[0].max() <= part.span[0].min() and part.span[1].max() <= whole.span[1].min())


def _spread(axes: Axes, layout: Sequence[Dim]) -> Axes:
    counts = {name: size for dim in layout for name, size in dim if name in AXIS}
    return tuple(axis.spread(counts.get(k, 1)) for k, axis in zip("yx", axes, strict=True))  # type: ignore[return-value]


def _channels(sight: Sight, layout: Sequence[Dim]) -> Channels:
    """결과의 채널 인자에 맞춘 번호. 넓혀지는 축은 1이다."""
    if sight.channel is None:
        return np.zeros([1] * sum(name == "c" for dim in layout for name, _ in dim), dtype=int)
    shape: list[int] = []
    for mine, theirs in zip(sight.layout, layout, strict=True):
        if mine and mine != theirs:
            raise CannotFollow("채널마다 보는 곳이 다른 갈래를 다른 축에 맞춥니다")
        shape += [size if mine else 1 for name, size in theirs if name == "c"]
    return sight.channel.reshape(shape)


def concatenate(sights: Sequence[Sight], at: int, shape: Shape) -> Sight:
    """at 축을 따라 이어 붙인다."""
    dims = [s.layout[at] for s in sights]
    if any(name in PLACES for dim in dims for name, _ in dim):
        return _concatenate_places(sights, at, shape)
    sizes = [s.shape[at] for s in sights]
    others = [replace(s, layout=(*s.layout[:at], (), *s.layout[at + 1 :])) for s in map(_without_channels, sights)]
    _, layout = align(others, (*shape[:at], 1, *shape[at + 1 :]))
    layout[at] = plain(shape[at])
    sizes_of = [
        [size for dim in (*layout[:at], plain(n), *layout[at + 1 :]) for k, size in dim if k == "c"] for n in sizes
    ]
    distinct: dict[tuple[int, int], int] = {}
    parts: list[Axes] = []
    pieces = []
    before = sum(name == "c" for dim in layout[:at] for name, _ in dim)  # 이어 붙이는 채널 인자의 번호
    for sight, length, n in zip(sights, sizes_of, sizes, strict=True):
        table = []
        for part in sight.parts:
            key = (id(part[0]), id(part[1]))
            if key not in distinct:
                distinct[key] = len(parts)
                parts.append(_spread(part, layout))
            table.append(distinct[key])
        channel = np.zeros(length, int) if sight.channel is None else sight.channel.reshape(length)
        channel = np.asarray(table)[channel]
        pieces.append(channel if n > 1 else np.expand_dims(channel, before))
    return build(tuple(parts), layout, np.concatenate(pieces, axis=before))


def _without_channels(sight: Sight) -> Sight:
    return Sight((sight.axes,), sight.layout)


def _concatenate_places(sights: Sequence[Sight], at: int, shape: Shape) -> Sight:
    """세로나 가로로 이어 붙인다. 다른 축에서 보는 곳이 모두 같을 때만 따라갈 수 있다."""
    kind = next(name for s in sights for name, _ in s.layout[at] if name in PLACES)
    if kind == "p" or any(s.place(kind) not in (at, None) or len(s.layout[at]) > 1 for s in sights):
        return _tokens(sights, at, shape)
    other = 1 - AXIS[kind]
    across = [s.axes[other] for s in sights if not s.axes[other].blank]
    if any(axis.count != across[0].count or (axis.span != across[0].span).any() for axis in across):
        raise CannotFollow("보는 곳이 다른 갈래를 높이나 너비로 이어 붙입니다")
    along = [s.axes[AXIS[kind]].spread(s.shape[at]) for s in sights]
    axis = Axis(None, np.concatenate([a.span for a in along], axis=1), np.concatenate([a.seen for a in along], axis=1))
    axes = (axis, across[0]) if kind == "y" else (across[0], axis)
    base = next(s for s in sights if s.place(kind) == at)
    layout = (*base.layout[:at], ((kind, shape[at]),), *base.layout[at + 1 :])
    return Sight((axes,), layout)


def _tokens(sights: Sequence[Sight], at: int, shape: Shape) -> Sight:
    """펼친 자리에 다른 것을 이어 붙인다: 값마다 보는 곳은 말할 수 없고, 모두를 합쳐 보는 곳만 남는다."""
    if any(name in PLACES for s in sights for place, dim in enumerate(s.layout) if place != at for name, _ in dim):
        raise CannotFollow("자리의 일부만 펼쳐서 이어 붙입니다")
    y, x = (union([s.axes[which].all() for s in sights]) for which in (0, 1))
    layout = [plain(size) for size in shape]
    layout[at] = (("p", shape[at]),)
    return Sight(((y, x),), tuple(layout))
