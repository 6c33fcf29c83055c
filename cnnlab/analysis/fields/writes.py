"""일부에 써넣는 연산(x[:, :4] = y)의 수용 영역 규칙."""

from collections.abc import Sequence
from dataclasses import replace

from cnnlab.analysis.fields.align import combine
from cnnlab.analysis.fields.joins import constant, joined
from cnnlab.analysis.fields.rules import pick_rule
from cnnlab.analysis.fields.sight import AXIS, CannotFollow, Sight, build
from cnnlab.analysis.formulas import Pair
from cnnlab.analysis.graph import Node
from cnnlab.analysis.tracing.calls import Pick, Shape


def write_rule(node: Node, sights: list[Sight | None]) -> Sight:
    """써넣은 자리는 value를, 나머지는 원래의 것을 본다."""
    target, value = sights[0], sights[1] if len(sights) > 1 else None
    if node.picks[0] != Pick(0):
        raise CannotFollow("배치 축의 일부에 써넣습니다")
    if target is None:
        assert value is not None
        return _placed(node, value)
    chosen = [pick for pick in node.picks[1:] if pick.dim is not None and pick.indices is not None]
    if not chosen:
        return combine([_widened(node, value)], node.output_shape) if value else constant(0, 1, len(node.output_shape))
    if len(chosen) > 1:
        raise CannotFollow("두 축에서 한꺼번에 골라 써넣습니다. F.pad나 torch.cat으로 바꾸어 쓰세요")
    at = (chosen[0].dim or 0) - 1
    length = node.output_shape[at]
    before, after = _sides(chosen[0], length)
    size = length - before - after
    shape = (*node.output_shape[:at], size, *node.output_shape[at + 1 :])
    ends = [_taken(node, target, at, part) if part else None for part in (range(before), range(length - after, length))]
    piece = combine([_widened(node, value)], shape) if value else None
    return _in_row(((ends[0], before), (piece, size), (ends[1], after)), at, node.output_shape)


def _taken(node: Node, sight: Sight, at: int, part: range) -> Sight:
    """at 축에서 part만 고른 것."""
    picks = tuple(Pick(dim, part if dim == at + 1 else None) for dim in range(len(node.picks)))
    shape = (*node.output_shape[:at], len(part), *node.output_shape[at + 1 :])
    return pick_rule(replace(node, picks=picks, output_shape=shape), sight)


def _widened(node: Node, value: Sight) -> Sight:
    """번호 하나로 고른 축(x[:, 0] = value)에 크기 1의 축을 넣는다."""
    layout = [*value.layout]
    for at, pick in enumerate(node.picks[1:]):
        if not pick.keep:
            layout.insert(at, ())
    if len(layout) != len(node.picks) - 1:
        raise CannotFollow("써넣는 값의 축의 수가 다릅니다")
    return Sight(value.parts, tuple(layout), value.channel)


def _placed(node: Node, value: Sight) -> Sight:
    """상수의 일부에 써넣은 것: 나머지는 아무것도 보지 않는다(손으로 쓴 패딩)."""
    shape = [
        len(p.indices) if p.indices is not None else n for p, n in zip(node.picks[1:], node.output_shape, strict=True)
    ]
    sight = combine([_widened(node, value)], tuple(shape))
    for at, pick in enumerate(node.picks[1:]):
        if pick.indices is None:
            continue
        sides = _sides(pick, node.output_shape[at])
        shape[at] = node.output_shape[at]
        dim = sight.layout[at]
        if len(dim) == 1 and dim[0][0] in AXIS:
            sight = _padded(sight, at, dim[0][0], sides)
        else:
            pieces = ((None, sides[0]), (sight, len(pick.indices)), (None, sides[1]))
            sight = _in_row(pieces, at, tuple(shape))
    return sight


def _sides(pick: Pick, length: int) -> Pair:
    """써넣은 구간의 (앞, 뒤)에 남은 길이. 이어진 구간이 아니면 CannotFollow."""
    run = [*(pick.indices or ())]
    if not run or run != [*range(run[0], run[-1] + 1)]:
        raise CannotFollow("이어진 한 구간이 아닌 곳에 써넣습니다. F.pad, torch.cat, F.interpolate로 바꾸어 쓰세요")
    return run[0], length - run[-1] - 1


def _in_row(pieces: Sequence[tuple[Sight | None, int]], at: int, shape: Shape) -> Sight:
    """길이가 0인 조각을 빼고 at 축으로 이어 붙인다."""
    pieces = [(sight, size) for sight, size in pieces if size]
    if len(pieces) == 1:
        return pieces[0][0] or constant(at, shape[at], len(shape))
    return joined([size for _, size in pieces], [sight for sight, _ in pieces], at, shape)


def _padded(sight: Sight, at: int, kind: str, sides: Pair) -> Sight:
    outputs = sight.shape[at] + sum(sides)
    which = AXIS[kind]
    parts = []
    for y, x in sight.parts:
        wide = (y, x)[which].slide((1, 1, sides, 1), outputs)
        parts.append((wide, x) if which == 0 else (y, wide))
    layout = (*sight.layout[:at], ((kind, outputs),), *sight.layout[at + 1 :])
    return build(tuple(parts), layout, sight.channel)
