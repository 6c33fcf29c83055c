"""단계의 목록을 SVG 그림으로: 특징 맵은 상자, 벡터는 막대.

상자의 높이와 깊이는 특징 맵의 높이와 너비, 두께는 채널 수다.
224에서 6까지 한 그림에 담으려고 눈금을 눌렀다(높이는 거듭제곱, 두께는 로그).
"""

import math
from dataclasses import dataclass, field
from html import escape

from cnnlab.analysis.drawing.canvas import (
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
from cnnlab.analysis.tracing.ops import Shape

ROW_WIDTH = 1120  # 한 줄의 너비. 넘으면 다음 줄로
TALLEST = 118  # 가장 큰 특징 맵의 높이
SLANT = 0.34  # 상자의 깊이를 비스듬히 그리는 비율


@dataclass
class Stage:
    """상자 하나와 그것을 만든 연산."""

    name: str
    family: str
    label: tuple[str, ...]  # 화살표 위에 적을 줄들
    shape: Shape
    hover: list[str]
    notes: list[str] = field(default_factory=list)  # 상자 아래에 붙는 활성화 따위


@dataclass(frozen=True)
class _Solid:
    """상자의 겉모습(그림 좌표). thick: 채널, tall: 높이, deep: 비스듬한 깊이."""

    thick: float
    tall: float
    deep: float

    @property
    def width(self) -> float:
        return self.thick + self.deep


def _solid(shape: Shape, largest: int) -> _Solid:
    if len(shape) < 3:  # 벡터: 막대
        return _Solid(11.0, min(TALLEST, 22 + 8 * math.log2(1 + math.prod(shape))), 5.0)
    channels, height, width = math.prod(shape[:-2]), shape[-2], shape[-1]
    tall, wide = (TALLEST * (size / largest) ** 0.62 for size in (height, width))
    return _Solid(5 + 4.6 * math.log2(1 + channels), max(tall, 9.0), max(wide * SLANT, 4.0))


@dataclass(frozen=True)
class _Placed:
    """자리를 잡은 단계. x는 줄의 왼쪽에서, gap은 화살표 길이, room은 상자와 그 아래 글자가 쓰는 폭이다."""

    stage: Stage
    solid: _Solid
    x: float
    gap: float
    room: float


def _arrange(stages: list[Stage]) -> list[list[_Placed]]:
    """왼쪽부터 놓다가 줄이 차면 다음 줄로 넘긴다."""
    largest = max(max(stage.shape[-2:]) for stage in stages if len(stage.shape) >= 3)
    rows: list[list[_Placed]] = [[]]
    x = 0.0
    for stage in stages:
        solid = _solid(stage.shape, largest)
        lines = [(line, 13.0) for line in stage.label] + [(stage.name, 11.0)]
        gap = max(text_width(text, size) for text, size in lines) + 20 if stage.label else 0.0
        below = [(by(stage.shape), 13.0)] + [(note, 11.5) for note in stage.notes]
        room = max([solid.width, *(text_width(text, size) for text, size in below)]) + 6
        if rows[-1] and x + gap + room > ROW_WIDTH - 2 * MARGIN:
            rows.append([])
            x = 0.0
        rows[-1].append(_Placed(stage, solid, x, gap, room))
        x += gap + room
    return rows


def render(title: str, total: str, stages: list[Stage]) -> str:
    """title: 제목, total: 그 아래 한 줄, stages: 왼쪽부터의 단계 -> SVG 글."""
    rows = _arrange(stages)
    content = max(row[-1].x + row[-1].gap + row[-1].room for row in rows)
    families = list(dict.fromkeys(stage.family for stage in stages))
    header = max(text_width(title, 18), text_width(total, 13)) + sum(text_width(f, 12) + 34 for f in families) + 30
    width = 2 * MARGIN + max(content, header)
    parts, y = [], 88.0
    for row in rows:
        above = max(placed.solid.tall + placed.solid.deep for placed in row) / 2
        above = max(above, 40.0)
        centre = y + above
        offset = MARGIN + (width - 2 * MARGIN - content) / 2
        for placed in row:
            parts.append(_draw_stage(placed, offset, centre, above))
        notes = max(len(placed.stage.notes) for placed in row)
        y = centre + above + 28 + 16 * notes + 26
    height = y - 4
    return "\n".join([card(width, height, title, total), legend(families, width), *parts, "</svg>"])


def _draw_stage(placed: _Placed, offset: float, centre: float, above: float) -> str:
    stage, solid = placed.stage, placed.solid
    left = offset + placed.x
    middle = left + placed.gap + placed.room / 2
    parts = [f"<g><title>{escape(chr(10).join(stage.hover))}</title>"]
    if stage.label:
        parts.append(_arrow(left + 7, left + placed.gap - 4 + (placed.room - solid.width) / 2, centre))
        label_x = left + placed.gap / 2
        for index, line in enumerate(reversed(stage.label)):
            parts.append(draw_text(label_x, centre - 10 - 17 * index, line, 13, INK))
        parts.append(draw_text(label_x, centre + 19, stage.name, 11, MUTED))
    parts.append(_box(solid, middle - solid.width / 2, centre, COLORS[stage.family], math.prod(stage.shape[:-2])))
    below = centre + above + 20
    parts.append(draw_text(middle, below, by(stage.shape), 13, INK, bold=True))
    for index, note in enumerate(stage.notes):
        parts.append(draw_text(middle, below + 17 + 16 * index, note, 11.5, MUTED))
    return "".join([*parts, "</g>"])


def _box(solid: _Solid, x: float, centre: float, colors: tuple[str, str, str], channels: int) -> str:
    """앞면, 윗면, 옆면. 앞면의 가는 세로선은 겹친 채널을 나타낸다."""
    t, d = solid.thick, solid.deep
    top, bottom = centre - (solid.tall - d) / 2, centre + (solid.tall + d) / 2
    front, roof, side = colors
    edge = 'stroke="#FFFFFF" stroke-width="0.8" stroke-linejoin="round"'
    slices = min(channels, int(t // 5)) if d > 5 else 1
    lines = "".join(
        f'<path d="M{number(x + t * cut / slices)} {number(top)}V{number(bottom)}" '
        'stroke="#FFFFFF" stroke-opacity="0.45"/>'
        for cut in range(1, slices)
    )
    left, right, upper, depth = (number(value) for value in (x, x + t, top, d))
    back, thick, tall = (number(value) for value in (-d, t, bottom - top))
    return (
        f'<path d="M{left} {upper}l{depth} {back}h{thick}l{back} {depth}z" fill="{roof}" {edge}/>'
        f'<path d="M{right} {upper}l{depth} {back}V{number(bottom - d)}l{back} {depth}z" fill="{side}" {edge}/>'
        f'<rect x="{left}" y="{upper}" width="{thick}" height="{tall}" fill="{front}" {edge}/>{lines}'
    )


def _arrow(start: float, end: float, y: float) -> str:
    return (
        f'<path d="M{number(start)} {number(y)}H{number(end - 5)}" stroke="{LINE}" stroke-width="1.6" fill="none"/>'
        f'<path d="M{number(end)} {number(y)}l-7 -4v8z" fill="{LINE}"/>'
    )
