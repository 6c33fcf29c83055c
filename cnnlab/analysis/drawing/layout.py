"""나눈 그래프(branches.py)를 위에서 아래로 놓는다: 상자의 자리와 선이 지나는 점.

이어진 것은 위아래로, 나란한 것은 옆으로 놓으므로 선이 엇갈리지 않는다. 더 나눌 수 없는 부분은 tangle.py가
맡는다.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from cnnlab.analysis.drawing.branches import Chain, Fork, Part
from cnnlab.analysis.drawing.geometry import COLUMN_GAP, LANE, ROW_GAP, Edge, Placed, Point, Size
from cnnlab.analysis.drawing.tangle import untangle

_BELOW, _ABOVE = 0.4 * ROW_GAP, 0.55 * ROW_GAP  # 꺾이는 곳: 앞 상자에서, 뒤 상자까지


def arrange(
    chain: Chain, sizes: Mapping[int, Size], inputs: Mapping[int, Sequence[int]], source: int, sink: int
) -> Placed:
    """source와 sink 사이에 있는 chain을 놓는다. 두 끝도 sizes에 있으면 함께 놓는다."""
    ends = [[item] if item in sizes else [] for item in (source, sink)]
    return _chain(Chain((*ends[0], *chain.parts, *ends[1])), sizes, inputs, source, sink)


def routes(placed: Placed, heights: Mapping[int, float], edges: Sequence[Edge]) -> dict[Edge, list[Point]]:
    """선마다 지나는 점들. 갈라지는 곳에서는 상자 바로 아래에서, 합쳐지는 곳에서는 바로 위에서 꺾는다.

    heights: 상자의 높이. edges: 그릴 선. tangled가 아닌 선은 가로와 세로로만 간다.
    """
    leaving = Counter(giver for giver, _ in edges)
    drawn: dict[Edge, list[Point]] = {}
    for giver, taker in edges:
        x, top = placed.tops[giver]
        start, end = (x, top + heights[giver]), placed.tops[taker]
        below, above = start[1] + _BELOW, end[1] - _ABOVE
        lane = placed.lanes.get((giver, taker), [])
        if (giver, taker) in placed.tangled:
            points = [start, *lane, end]
        elif lane:
            x = lane[0][0]
            points = [start, (start[0], below), (x, below), (x, above), (end[0], above), end]
        else:
            y = below if leaving[giver] > 1 else above
            points = [start, (start[0], y), (end[0], y), end]
        drawn[giver, taker] = points
    return drawn


def _chain(
    chain: Chain, sizes: Mapping[int, Size], inputs: Mapping[int, Sequence[int]], source: int, sink: int
) -> Placed:
    if not chain.parts:
        placed = Placed(LANE, 0.0, LANE / 2)
        placed.lanes[source, sink] = [(LANE / 2, 0.0)]
        return placed
    pieces = []
    for number, part in enumerate(chain.parts):
        before = _end(chain.parts[:number][-1:], source)
        after = _end(chain.parts[number + 1 : number + 2], sink)
        pieces.append(_part(part, sizes, inputs, before, after))
    left = max(piece.anchor for piece in pieces)
    width = left + max(piece.width - piece.anchor for piece in pieces)
    height = sum(piece.height for piece in pieces) + ROW_GAP * (len(pieces) - 1)
    placed, y = Placed(width, height, left), 0.0
    for piece in pieces:
        placed.put(piece, left - piece.anchor, y)
        y += piece.height + ROW_GAP
    return placed


def _end(neighbour: tuple[Part, ...], otherwise: int) -> int:
    """갈라지는 곳의 앞뒤에는 언제나 상자가 있다."""
    return neighbour[0] if neighbour and isinstance(neighbour[0], int) else otherwise


def _part(part: Part, sizes: Mapping[int, Size], inputs: Mapping[int, Sequence[int]], source: int, sink: int) -> Placed:
    if isinstance(part, int):
        size = sizes[part]
        return Placed(size.width, size.height, size.anchor, {part: (size.anchor, 0.0)})
    if isinstance(part, Chain):
        return _chain(part, sizes, inputs, source, sink)
    if isinstance(part, Fork):
        return _fork(part, sizes, inputs, source, sink)
    return untangle(part, sizes, inputs, source, sink)


def _fork(fork: Fork, sizes: Mapping[int, Size], inputs: Mapping[int, Sequence[int]], source: int, sink: int) -> Placed:
    """갈래를 왼쪽부터 놓고, 낮은 갈래는 가운데로 내린다. 지름길은 갈래의 높이만큼 곧게 내려간다."""
    pieces = [_chain(branch, sizes, inputs, source, sink) for branch in fork.branches]
    height = max(piece.height for piece in pieces)
    placed, x, anchors = Placed(0.0, height, 0.0), 0.0, []
    for branch, piece in zip(fork.branches, pieces, strict=True):
        placed.put(piece, x, (height - piece.height) / 2)
        anchors.append(x + piece.anchor)
        if not branch.parts:
            placed.lanes[source, sink] = [(x + piece.anchor, 0.0), (x + piece.anchor, height)]
        x += piece.width + COLUMN_GAP
    placed.width = x - COLUMN_GAP
    # 갈래 하나와 지름길이면 갈래가 가운데 줄기다
    stems = [anchor for anchor, branch in zip(anchors, fork.branches, strict=True) if branch.parts]
    placed.anchor = (stems[0] + stems[-1]) / 2
    return placed
