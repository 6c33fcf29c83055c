"""나누어지지 않는 부분을 놓는다: 층으로 나누고, 층 안의 순서를 바꾸어 엇갈림을 줄인다."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from cnnlab.analysis.drawing.branches import Tangle
from cnnlab.analysis.drawing.geometry import COLUMN_GAP, LANE, ROW_GAP, Edge, Placed, Size

_SWEEPS = 12
Stop = int | tuple[int, int, int]  # 상자, 또는 선 (앞, 뒤)가 지나가는 층의 자리


def untangle(
    part: Tangle, sizes: Mapping[int, Size], inputs: Mapping[int, Sequence[int]], source: int, sink: int
) -> Placed:
    """층을 나누고(가장 긴 길), 여러 층을 건너는 선에는 층마다 자리를 주고, 엇갈림이 적은 순서를 찾는다."""
    depth = {source: 0}
    for item in part.members:
        depth[item] = 1 + max(depth[giver] for giver in inputs[item] if giver in depth)
    last = max(depth.values()) + 1
    edges = [(giver, item) for item in part.members for giver in inputs[item] if giver in depth]
    edges += [(giver, sink) for giver in inputs[sink] if giver in depth and giver != source]
    routes: dict[Edge, list[Stop]] = {}
    rows: list[list[Stop]] = [[] for _ in range(last + 1)]
    rows[0], rows[last] = [source], [sink]
    for item in part.members:
        rows[depth[item]].append(item)
    for giver, item in edges:
        between = range(depth[giver] + 1, last if item == sink else depth[item])
        stops: list[Stop] = [(giver, item, row) for row in between]
        for row, stop in zip(between, stops, strict=True):
            rows[row].append(stop)
        routes[giver, item] = [giver, *stops, item]
    links = [link for route in routes.values() for link in pairwise(route)]
    rows = _untangled(rows, links)

    shapes = {stop: sizes[stop] if isinstance(stop, int) else Size(LANE / 2, 0.0, LANE / 4) for stop in _inner(rows)}
    heights = [max(shapes[stop].height for stop in row) for row in rows[1:-1]]
    xs = _columns(rows[1:-1], shapes, links)
    tops = [sum(heights[:number]) + ROW_GAP * number for number in range(len(heights))]
    placed = Placed(
        max(xs[stop] + shapes[stop].width - shapes[stop].anchor for stop in _inner(rows)), tops[-1] + heights[-1], 0.0
    )
    for line, top, height in zip(rows[1:-1], tops, heights, strict=True):
        for stop in line:
            if isinstance(stop, int):
                placed.tops[stop] = (xs[stop], top + (height - shapes[stop].height) / 2)
    for edge, route in routes.items():
        passed = [(stop, depth[edge[0]] + number) for number, stop in enumerate(route)][1:-1]
        placed.lanes[edge] = [
            point
            for stop, row in passed
            for point in ((xs[stop], tops[row - 1]), (xs[stop], tops[row - 1] + heights[row - 1]))
        ]
        placed.tangled.add(edge)
    placed.anchor = placed.width / 2
    return placed


def _inner(rows: list[list[Stop]]) -> list[Stop]:
    return [stop for row in rows[1:-1] for stop in row]


def _untangled(rows: list[list[Stop]], links: list[tuple[Stop, Stop]]) -> list[list[Stop]]:
    """위아래로 번갈아 훑으며 이웃의 평균 자리로 늘어놓고, 가장 덜 엇갈린 것을 고른다."""
    best, fewest = rows, _crossings(rows, links)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        rows = [list(row) for row in rows]
        downward = sweep % 2 == 0
        for number in range(1, len(rows)) if downward else range(len(rows) - 2, -1, -1):
            near = rows[number - 1] if downward else rows[number + 1]
            place = {stop: index for index, stop in enumerate(near)}
            pairs = [(b, a) if downward else (a, b) for a, b in links]
            wanted = {
                stop: [place[other] for mine, other in pairs if mine == stop and other in place]
                for stop in rows[number]
            }
            now = {stop: index for index, stop in enumerate(rows[number])}
            rows[number].sort(key=lambda stop: sum(wanted[stop]) / len(wanted[stop]) if wanted[stop] else now[stop])
        count = _crossings(rows, links)
        if count < fewest:
            best, fewest = rows, count
    return best


def _crossings(rows: list[list[Stop]], links: list[tuple[Stop, Stop]]) -> int:
    total = 0
    for upper, lower in pairwise(rows):
        above = {stop: index for index, stop in enumerate(upper)}
        below = {stop: index for index, stop in enumerate(lower)}
        spans = [(above[a], below[b]) for a, b in links if a in above and b in below]
        total += sum((a - c) * (b - d) < 0 for number, (a, b) in enumerate(spans) for c, d in spans[:number])
    return total


def _columns(rows: list[list[Stop]], shapes: Mapping[Stop, Size], links: list[tuple[Stop, Stop]]) -> dict[Stop, float]:
    """순서를 지키며 이웃의 한가운데로 몇 번 당긴다."""
    xs: dict[Stop, float] = {}
    for row in rows:
        x = 0.0
        for stop in row:
            xs[stop] = x + shapes[stop].anchor
            x += shapes[stop].width + COLUMN_GAP
    near: dict[Stop, list[Stop]] = {stop: [] for stop in xs}
    for a, b in links:
        if a in xs and b in xs:
            near[a].append(b)
            near[b].append(a)
    for _ in range(_SWEEPS):
        for row in rows:
            wanted = [
                sum(xs[other] for other in near[stop]) / len(near[stop]) if near[stop] else xs[stop] for stop in row
            ]
            _spread(row, wanted, shapes, xs)
    left = min(xs[stop] - shapes[stop].anchor for row in rows for stop in row)
    return {stop: x - left for stop, x in xs.items()}


def _spread(row: list[Stop], wanted: list[float], shapes: Mapping[Stop, Size], xs: dict[Stop, float]) -> None:
    """바라는 자리에 놓되 겹치지 않게 한다: 왼쪽부터 밀고, 오른쪽부터 민 것과 평균한다(둘 다 겹치지 않으므로 평균도)."""

    def gap(a: Stop, b: Stop) -> float:
        return shapes[a].width - shapes[a].anchor + COLUMN_GAP + shapes[b].anchor

    right = list(wanted)
    for number in range(1, len(row)):
        right[number] = max(right[number], right[number - 1] + gap(row[number - 1], row[number]))
    left = list(wanted)
    for number in range(len(row) - 2, -1, -1):
        left[number] = min(left[number], left[number + 1] - gap(row[number], row[number + 1]))
    for stop, a, b in zip(row, left, right, strict=True):
        xs[stop] = (a + b) / 2
