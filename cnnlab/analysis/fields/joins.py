"""갈래가 여럿일 수 있는 연산의 수용 영역 규칙: (노드, 인자마다의 Sight; 상수면 None) -> 출력의 Sight."""

from collections.abc import Callable, Sequence

from cnnlab.analysis.fields.align import combine, concatenate
from cnnlab.analysis.fields.axis import nothing
from cnnlab.analysis.fields.sight import PLACES, CannotFollow, Sight, blend, build, plain
from cnnlab.analysis.graph import Node
from cnnlab.analysis.tracing.calls import Shape


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
    return joined(node.sizes, sights, at - 1, node.output_shape)


def _stack_rule(node: Node, sights: list[Sight | None]) -> Sight:
    (at,) = node.dims
    if at == 0:
        raise CannotFollow("배치 축으로 이어 붙입니다")
    stacked = [
        sight and Sight(sight.parts, (*sight.layout[: at - 1], (), *sight.layout[at - 1 :]), sight.channel)
        for sight in sights
    ]
    return joined(node.sizes, stacked, at - 1, node.output_shape)


def joined(sizes: Sequence[int], sights: Sequence[Sight | None], at: int, shape: Shape) -> Sight:
    known = [sight for sight in sights if sight]
    whole = [sight or constant(at, size, len(shape)) for sight, size in zip(sights, sizes, strict=True)]
    for place, dim in enumerate(shape):
        if place != at and not any(sight.layout[place] for sight in known) and dim > 1:
            raise CannotFollow("이어 붙이는 갈래의 형태를 알 수 없습니다")
    return concatenate(whole, at, shape)


def constant(at: int, size: int, rank: int) -> Sight:
    """입력을 보지 않는 조각. at 축의 길이만 있고 나머지 축은 넓혀 쓴다."""
    return build(((nothing(1), nothing(1)),), [plain(size if place == at else 1) for place in range(rank)])


def _einsum_rule(node: Node, sights: list[Sight | None]) -> Sight:
    """글자마다 축 하나. 자리가 든 글자가 결과에 그대로 남으면 자리도 남고, 더해져 사라지면 모두를 본다.

    한 값이 두 자리를 짝지어 보면(attention의 점수) 그림 전체로 친다.
    """
    terms, result = node.equation.split("->")
    terms_of = terms.split(",")[: len(sights)]
    if any(sights[len(terms_of) :]):
        raise CannotFollow("마스크나 가중치까지 입력에서 계산됩니다")
    sights = sights[: len(terms_of)]
    sizes = dict(zip(result[1:], node.output_shape, strict=True))
    aligned = []
    for kind in PLACES:
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
