"""단계의 목록을 SVG 그림으로: 특징 맵은 상자, 벡터는 막대.

상자의 높이와 깊이는 특징 맵의 높이와 너비, 두께는 채널 수다.
224에서 6까지 한 그림에 담으려고 눈금을 눌렀다(높이는 거듭제곱, 두께는 로그).
"""

import math
from dataclasses import dataclass, field
from html import escape

from cnnlab.analysis.checks import times
from cnnlab.analysis.ops import Shape

FONT = "Noto Sans KR, Malgun Gothic, Apple SD Gothic Neo, NanumGothic, sans-serif"
ROW_WIDTH = 1120  # 한 줄의 너비. 넘으면 다음 줄로
MARGIN = 28
TALLEST = 118  # 가장 큰 특징 맵의 높이
SLANT = 0.34  # 상자의 깊이를 비스듬히 그리는 비율

INK, MUTED, LINE, CARD, BORDER = "#1F2A44", "#5B6780", "#8A96AD", "#FBFCFF", "#D8DFEC"
# 종류 -> (앞면, 윗면, 옆면). 색만으로 나누지 않도록 이름도 늘 함께 적는다
COLORS = {
    "입력": ("#AEB8CA", "#C9D0DD", "#8D99AF"),
    "합성곱": ("#5B8DEF", "#8FB3F7", "#3D69C4"),
    "풀링": ("#34B3A0", "#74CFC1", "#1F8577"),
    "완전 연결": ("#F2994A", "#F7BE88", "#C9732A"),
    "기타": ("#9B7EDE", "#BFABEC", "#7458B8"),
}


@dataclass
class Stage:
    """상자 하나와 그것을 만든 연산."""

    name: str
    family: str
    label: tuple[str, ...]  # 화살표 위에 적을 줄들
    shape: Shape
    hover: list[str]
    notes: list[str] = field(default_factory=list)  # 상자 아래에 붙는 활성화 따위


def by(sizes: tuple[int, ...]) -> str:
    """(6, 28, 28) -> "6×28×28"."""
    return times(sizes).replace("x", "×")


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


def _text_width(text: str, size: float) -> float:
    """글자 폭의 어림: 한글은 한 칸, 나머지는 반 칸 남짓."""
    return sum(0.95 if ord(letter) > 0x2E80 else 0.6 for letter in text) * size


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
        gap = max(_text_width(text, size) for text, size in lines) + 20 if stage.label else 0.0
        below = [(by(stage.shape), 13.0)] + [(note, 11.5) for note in stage.notes]
        room = max([solid.width, *(_text_width(text, size) for text, size in below)]) + 6
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
    header = max(_text_width(title, 18), _text_width(total, 13)) + sum(_text_width(f, 12) + 34 for f in families) + 30
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
    return "\n".join([_card(width, height, title, total), _legend(families, width), *parts, "</svg>"])


def _card(width: float, height: float, title: str, total: str) -> str:
    w, h = _n(width), _n(height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
        f'aria-label="{escape(title)}: {escape(total)}" '
        f'style="width:100%;max-width:{w}px;height:auto" font-family="{FONT}">\n'
        f'<rect x="0.75" y="0.75" width="{_n(width - 1.5)}" height="{_n(height - 1.5)}" rx="16" fill="{CARD}" '
        f'stroke="{BORDER}" stroke-width="1.5"/>\n'
        + _text(MARGIN, 37, title, 18, INK, "start", bold=True)
        + _text(MARGIN, 60, total, 13, MUTED, "start")
    )


def _legend(families: list[str], width: float) -> str:
    parts, x = [], width - MARGIN
    for family in reversed(families):
        x -= _text_width(family, 12)
        parts.append(_text(x, 36, family, 12, MUTED, "start"))
        x -= 18
        parts.append(f'<rect x="{_n(x)}" y="26" width="12" height="12" rx="3" fill="{COLORS[family][0]}"/>')
        x -= 16
    return "".join(parts)


def _draw_stage(placed: _Placed, offset: float, centre: float, above: float) -> str:
    stage, solid = placed.stage, placed.solid
    left = offset + placed.x
    middle = left + placed.gap + placed.room / 2
    parts = [f"<g><title>{escape(chr(10).join(stage.hover))}</title>"]
    if stage.label:
        parts.append(_arrow(left + 7, left + placed.gap - 4 + (placed.room - solid.width) / 2, centre))
        label_x = left + placed.gap / 2
        for index, line in enumerate(reversed(stage.label)):
            parts.append(_text(label_x, centre - 10 - 17 * index, line, 13, INK))
        parts.append(_text(label_x, centre + 19, stage.name, 11, MUTED))
    parts.append(_box(solid, middle - solid.width / 2, centre, COLORS[stage.family], math.prod(stage.shape[:-2])))
    below = centre + above + 20
    parts.append(_text(middle, below, by(stage.shape), 13, INK, bold=True))
    for index, note in enumerate(stage.notes):
        parts.append(_text(middle, below + 17 + 16 * index, note, 11.5, MUTED))
    return "".join([*parts, "</g>"])


def _box(solid: _Solid, x: float, centre: float, colors: tuple[str, str, str], channels: int) -> str:
    """앞면, 윗면, 옆면. 앞면의 가는 세로선은 겹친 채널을 나타낸다."""
    t, d = solid.thick, solid.deep
    top, bottom = centre - (solid.tall - d) / 2, centre + (solid.tall + d) / 2
    front, roof, side = colors
    edge = 'stroke="#FFFFFF" stroke-width="0.8" stroke-linejoin="round"'
    slices = min(channels, int(t // 5)) if d > 5 else 1
    lines = "".join(
        f'<path d="M{_n(x + t * cut / slices)} {_n(top)}V{_n(bottom)}" stroke="#FFFFFF" stroke-opacity="0.45"/>'
        for cut in range(1, slices)
    )
    return (
        f'<path d="M{_n(x)} {_n(top)}l{_n(d)} {_n(-d)}h{_n(t)}l{_n(-d)} {_n(d)}z" fill="{roof}" {edge}/>'
        f'<path d="M{_n(x + t)} {_n(top)}l{_n(d)} {_n(-d)}V{_n(bottom - d)}l{_n(-d)} {_n(d)}z" fill="{side}" {edge}/>'
        f'<rect x="{_n(x)}" y="{_n(top)}" width="{_n(t)}" height="{_n(bottom - top)}" fill="{front}" {edge}/>{lines}'
    )


def _arrow(start: float, end: float, y: float) -> str:
    return (
        f'<path d="M{_n(start)} {_n(y)}H{_n(end - 5)}" stroke="{LINE}" stroke-width="1.6" fill="none"/>'
        f'<path d="M{_n(end)} {_n(y)}l-7 -4v8z" fill="{LINE}"/>'
    )


def _text(x: float, y: float, text: str, size: float, color: str, anchor: str = "middle", bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{size:g}"{weight} fill="{color}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _n(value: float) -> str:
    """소수 첫째 자리까지: 실행할 때마다 같은 글자가 나오게."""
    return f"{value:.1f}"
