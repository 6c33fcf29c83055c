"""갈래가 하나인 연산의 수용 영역 규칙: (노드, 입력의 Sight) -> 출력의 Sight. 종류마다 하나(`RULES`)."""

import math
from collections.abc import Callable

import numpy as np

from cnnlab.analysis.fields.axis import picked_axis, taps_table
from cnnlab.analysis.fields.maps import resize_rule, window_rule
from cnnlab.analysis.fields.sight import AXIS, CannotFollow, Dim, Sight, blend, build, merge_axes, need_places, plain
from cnnlab.analysis.graph import Node
from cnnlab.analysis.tracing.calls import Pick


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
            vague = any(name == "p" for name, _ in dim)  # 모두 섞였으므로 이제 모두가 같은 곳을 본다
            layout.append(dim if same and not vague else plain(node.output_shape[at]))
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
    need_places(sight, moved)
    layout = [plain(node.output_shape[at]) if at in moved else dim for at, dim in enumerate(sight.layout)]
    return Sight((sight.axes,), tuple(layout))


def pick_rule(node: Node, sight: Sight) -> Sight:
    layout: list[Dim] = []
    channel, parts = sight.channel, sight.parts
    if node.picks[0] != Pick(0):
        raise CannotFollow("배치 축에서 고릅니다")
    need_places(sight, [dim - 1 for dim in node.dims])
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
            parts = tuple((picked_axis(y, taps), x) if which == 0 else (y, picked_axis(x, taps)) for y, x in parts)
            kept = ((dim[0][0], size),)
        elif dim:
            kinds = [name for name, _ in dim if name in AXIS]
            if not all(map(sight.single, kinds)):
                raise CannotFollow("펼친 값의 일부만 고릅니다. 펼치기(flatten) 전에 고르세요")
            return pick_rule(node, sight.gathered(kinds))  # 모두 같은 곳을 보므로 어느 것을 골라도 같다
        else:
            kept = plain(size)
        if pick.keep:
            layout.append(kept)
    if channel is not None:
        used, flat = np.unique(channel, return_inverse=True)
        parts = tuple(parts[int(part)] for part in used)
        channel = flat.reshape(channel.shape) if len(used) > 1 else None
    return build(parts, layout, channel)


def _prefix_rule(node: Node, sight: Sight) -> Sight:
    """출력 i는 그 축의 0번째부터 i번째까지를 본다."""
    (at,) = (dim - 1 for dim in node.dims)
    if at < 0:
        raise CannotFollow("배치 축을 따라 더합니다")
    need_places(sight, [at])
    dim = sight.layout[at]
    if not dim:
        return sight
    if all(name == "c" for name, _ in dim):
        if sight.channel is not None:
            raise CannotFollow("보는 곳이 다른 채널들을 앞에서부터 더합니다")
        return sight
    if len(dim) > 1:
        raise CannotFollow("펼친 값을 앞에서부터 더합니다. 펼치기(flatten) 전에 하세요")
    which = AXIS[dim[0][0]]
    taps = taps_table([range(index + 1) for index in range(dim[0][1])], dim[0][1])
    parts = tuple((y.gather(taps), x) if which == 0 else (y, x.gather(taps)) for y, x in sight.parts)
    return build(parts, sight.layout, sight.channel)


RULES: dict[str, Callable[[Node, Sight], Sight]] = {
    "window": window_rule,
    "resize": resize_rule,
    "reshape": _reshape_rule,
    "mix": _mix_rule,
    "order": _order_rule,
    "move": _move_rule,
    "pick": pick_rule,
    "prefix": _prefix_rule,
}
