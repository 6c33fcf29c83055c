"""갈래가 있는 그래프를 위에서 아래로 그린 SVG: 상자는 계층, 동그라미는 더하기와 곱하기, 선은 값이 가는 길."""

import itertools
from collections.abc import Sequence
from html import escape

from cnnlab.analysis.drawing.canvas import (
    BORDER,
    COLORS,
    INK,
    LINE,
    MARGIN,
    MUTED,
    by,
    card,
    draw_text,
    legend,
    number,
    text_width,
)
from cnnlab.analysis.drawing.geometry import Placed, Point, Size
from cnnlab.analysis.drawing.layout import routes
from cnnlab.analysis.drawing.units import Unit

TOP = 82.0  # 제목이 차지하는 높이
PAD = 13.0
BEND = 9.0  # 꺾인 선의 둥근 모서리
CIRCLE = 13.0
SHORTCUT = "#E07A3F"


def unit_size(unit: Unit, prefix: str) -> Size:
    """상자의 크기. 더하기와 곱하기는 동그라미이고, 글은 그 오른쪽에 적는다."""
    if _is_circle(unit):
        return Size(CIRCLE + 8 + max(text_width(line, 12) for line in _beside(unit)) + CIRCLE, 2 * CIRCLE, CIRCLE)
    lines = _lines(unit, prefix)
    width = max(text_width(line, size) for line, size, _, _ in lines) + 2 * PAD
    return Size(width, 16.5 * len(lines) + 13, width / 2)


def render_graph(title: str, total: str, units: Sequence[Unit], placed: Placed, prefix: str) -> str:
    """units: 그릴 상자. placed: 놓은 자리. prefix: 이름에서 떼고 적을 앞부분."""
    families = [family for family in dict.fromkeys(unit.family for unit in units) if family in COLORS]
    header = max(text_width(title, 18), text_width(total, 13)) + sum(text_width(f, 12) + 34 for f in families) + 30
    width = 2 * MARGIN + max(placed.width, header)
    height = TOP + placed.height + MARGIN
    placed = placed.moved((width - placed.width) / 2, TOP)
    known = {unit.id: unit for unit in units}
    heights = {unit.id: unit_size(unit, prefix).height for unit in units}
    edges = [(giver, unit.id) for unit in units for giver in unit.inputs if giver in known]
    parts = []
    for edge, points in routes(placed, heights, edges).items():
        parts.append(_edge(points, edge in placed.tangled))
        if edge in placed.lanes and edge not in placed.tangled and known[edge[1]].join != "×":
            parts.append(_shortcut_label(placed.lanes[edge]))
    parts += [_unit(unit, placed.tops[unit.id], prefix) for unit in units]
    return "\n".join([card(width, height, title, total), legend(families, width), *parts, "</svg>"])


def _is_circle(unit: Unit) -> bool:
    return len(unit.join) == 1


def _beside(unit: Unit) -> list[str]:
    return [" · ".join((by(unit.shape), *unit.notes))]


def _lines(unit: Unit, prefix: str) -> list[tuple[str, float, str, bool]]:
    """상자에 적을 줄: (글, 크기, 색, 굵게)."""
    name = unit.name.removeprefix(prefix).lstrip(".") if prefix else unit.name
    head = " ".join(unit.label) or unit.family
    lines = [(head, 13.5, INK, True)]
    if unit.notes:
        lines.append((" · ".join(unit.notes), 11.5, MUTED, False))
    return [*lines, (" · ".join(word for word in (name, by(unit.shape)) if word), 11.5, INK, False)]


def _unit(unit: Unit, place: Point, prefix: str) -> str:
    x, y = place
    size = unit_size(unit, prefix)
    front = COLORS.get(unit.family, COLORS["기타"])[0]
    parts = [f"<g><title>{escape(chr(10).join(unit.hover))}</title>"]
    if _is_circle(unit):
        centre = y + CIRCLE
        parts += [
            f'<circle cx="{number(x)}" cy="{number(centre)}" r="{number(CIRCLE)}" fill="#FFFFFF" stroke="{INK}" '
            f'stroke-width="1.8"/>',
            draw_text(x, centre + 6.5, unit.join, 19, INK, bold=True),
            *(draw_text(x + CIRCLE + 8, centre + 4.5, line, 12, INK, "start") for line in _beside(unit)),
        ]
    else:
        left = x - size.anchor
        parts += [
            f'<rect x="{number(left)}" y="{number(y)}" width="{number(size.width)}" height="{number(size.height)}" '
            f'rx="8" fill="#FFFFFF" stroke="{BORDER}" stroke-width="1.4"/>',
            f'<path d="M{number(left + 3)} {number(y + 8)}v{number(size.height - 16)}" stroke="{front}" '
            f'stroke-width="5" stroke-linecap="round"/>',
        ]
        for row, (line, points, colour, bold) in enumerate(_lines(unit, prefix)):
            parts.append(draw_text(x, y + 20 + 16.5 * row, line, points, colour, bold=bold))
    return "".join([*parts, "</g>"])


def _edge(points: list[Point], tangled: bool) -> str:
    x, y = points[-1]
    head = f'<path d="M{number(x)} {number(y)}l-4.2 -7.5h8.4z" fill="{LINE}"/>'
    path = _curve(points) if tangled else _bent(points)
    return f'<path d="{path}" stroke="{LINE}" stroke-width="1.7" fill="none"/>{head}'


def _bent(points: list[Point]) -> str:
    """가로와 세로로만 가는 선, 모서리는 둥글게."""
    points = [point for at, point in enumerate(points) if at == 0 or point != points[at - 1]]
    if len({x for x, _ in points}) == 1:
        points = [points[0], points[-1]]
    words = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        (ax, ay), (bx, by_) = _toward(corner, before), _toward(corner, after)
        words.append(f"L{number(ax)} {number(ay)}Q{number(corner[0])} {number(corner[1])} {number(bx)} {number(by_)}")
    x, y = points[-1]
    return "".join([*words, f"L{number(x)} {number(y - 4)}"])


def _toward(corner: Point, other: Point) -> Point:
    """모서리에서 other 쪽으로 조금 간 곳."""
    (x, y), (ox, oy) = corner, other
    length = abs(ox - x) + abs(oy - y)
    step = min(BEND, length / 2) / length
    return x + (ox - x) * step, y + (oy - y) * step


def _curve(points: list[Point]) -> str:
    words = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        middle = (y + to_y) / 2
        words.append(f"C{number(x)} {number(middle)} {number(to_x)} {number(middle)} {number(to_x)} {number(to_y)}")
    return "".join(words)


def _shortcut_label(lane: list[Point]) -> str:
    (x, top), (_, bottom) = lane[0], lane[-1]
    return draw_text(x + 7, (top + bottom) / 2 + 4, "지름길", 11.5, SHORTCUT, "start", bold=True)
