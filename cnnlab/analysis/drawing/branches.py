"""그래프를 이어짐과 갈라짐으로 나눈다: 어디에서 갈라져 어디에서 합쳐지는가.

CNN의 그래프는 거의 언제나 차례로 이은 것(Chain)과 나란한 것(Fork)을 겹쳐 만든 것이다. 그렇게 나누면 선이 엇갈리지 않게
그릴 수 있다. 나누어지지 않는 부분만 Tangle로 남는다.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Chain:
    """차례로 지나는 것들. 빈 것은 상자 없이 이어진 지름길이다."""

    parts: "tuple[Part, ...]" = ()


@dataclass(frozen=True)
class Fork:
    """같은 곳에서 갈라져 같은 곳에서 합쳐지는 갈래들. 갈라지는 곳과 합쳐지는 곳은 들어 있지 않다."""

    branches: tuple[Chain, ...]


@dataclass(frozen=True)
class Tangle:
    """더 나눌 수 없는 부분에 있는 것들, 실행 순서로."""

    members: tuple[int, ...]


Part = int | Chain | Fork | Tangle


def split(members: Sequence[int], inputs: Mapping[int, Sequence[int]], source: int, sink: int) -> Chain:
    """source에서 sink까지(둘은 빼고) 사이에 있는 members를 나눈다.

    members: 실행 순서로 늘어놓은 것. inputs: 값을 주는 것들(members와 source 가운데 있는 것만 본다).
    members는 모두 source에서 sink로 가는 길 위에 있어야 한다.
    """
    order = [source, *members, sink]
    place = {item: index for index, item in enumerate(order)}
    edges = {(place[giver], place[item]) for item in order[1:] for giver in inputs[item] if giver in place}
    return _split(order, edges, inputs)


def _split(order: list[int], edges: set[tuple[int, int]], inputs: Mapping[int, Sequence[int]]) -> Chain:
    """order의 첫째에서 마지막까지. edges는 order의 자리로 적은 선이다."""
    reach = 0  # 지금까지의 것에서 나간 선이 닿는 가장 먼 곳
    furthest = [max((end for start, end in edges if start == index), default=0) for index in range(len(order))]
    cuts = [0]
    for index in range(1, len(order)):
        reach = max(reach, furthest[index - 1])
        if reach <= index:  # 이곳을 건너뛰는 선이 없다: 모든 길이 여기를 지난다
            cuts.append(index)
    parts: list[Part] = []
    for start, end in itertools.pairwise(cuts):
        direct = (start, end) in edges
        groups = _connected(range(start + 1, end), edges)
        if len(groups) == 1 and not direct:
            parts.append(Tangle(tuple(order[index] for index in groups[0])))
        elif groups:
            branches = [_branch(order, [start, *group, end], edges, inputs) for group in groups]
            ranks = [_rank([order[index] for index in group], inputs[order[end]]) for group in groups]
            ranked = [branches[number] for number in sorted(range(len(groups)), key=lambda number: ranks[number])]
            parts.append(Fork((*ranked, *([Chain()] if direct else []))))
        if end < len(order) - 1:
            parts.append(order[end])
    return Chain(tuple(parts))


def _branch(
    order: list[int], places: list[int], edges: set[tuple[int, int]], inputs: Mapping[int, Sequence[int]]
) -> Chain:
    """갈래 하나를 다시 나눈다. 갈라지는 곳에서 합쳐지는 곳으로 바로 가는 선은 이 갈래의 것이 아니다."""
    new = {place: index for index, place in enumerate(places)}
    last = len(places) - 1
    mine = {(new[start], new[end]) for start, end in edges if start in new and end in new}
    return _split([order[place] for place in places], mine - {(0, last)}, inputs)


def _rank(group: list[int], received: Sequence[int]) -> int:
    """합쳐지는 곳이 이 갈래를 몇째로 받는가: 이어 붙이는 순서가 그림의 순서다."""
    return min((list(received).index(item) for item in group if item in received), default=len(received))


def _connected(places: range, edges: set[tuple[int, int]]) -> list[list[int]]:
    """선으로 이어진 것끼리 묶는다."""
    root = {index: index for index in places}

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    for start, end in sorted(edges):
        if start in root and end in root:
            root[find(end)] = find(start)
    groups: dict[int, list[int]] = {}
    for index in places:
        groups.setdefault(find(index), []).append(index)
    return list(groups.values())
