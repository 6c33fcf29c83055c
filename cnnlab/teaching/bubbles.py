"""거품 그림(SVG): 신경망마다 거품 하나. 두 축과 크기로 세 양을 한 번에 견준다. 이름은 겹치지 않는 곳에 적는다."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from cnnlab.analysis.drawing.canvas import text_width
from cnnlab.teaching.drawing import COLOURS, label, svg_card
from cnnlab.teaching.plots import BLUE, ORANGE, PlotError

if TYPE_CHECKING:
    import pandas as pd

WIDTH, HEIGHT = 860, 480
LEFT, TOP, RIGHT, BOTTOM = 76, 58, 24, 56  # 그림판의 바깥: 축의 눈금과 이름이 들어간다
SMALLEST, LARGEST = 5.0, 26.0  # 거품의 반지름(화소). 넓이가 양에 비례한다
FONT_SIZE = 13
Box = tuple[float, float, float, float]  # 왼쪽, 위, 오른쪽, 아래


@dataclass(frozen=True, repr=False)
class BubbleChart:
    """그린 결과. 셀의 마지막 줄에 두면 보이고, 거품에 마우스를 올리면 값이 나온다."""

    title: str
    svg: str

    def __repr__(self) -> str:
        return f"그림: {self.title}"

    def _repr_svg_(self) -> str:
        return self.svg


def show_bubbles(
    table: pd.DataFrame,
    x: str,
    y: str,
    size: str | None = None,
    *,
    title: str = "",
    log_y: bool = False,
    mine: pd.DataFrame | None = None,
) -> BubbleChart:
    """table의 한 행이 거품 하나: 색인이 이름, x와 y와 size는 열의 이름이고 축의 이름이 된다.

    가로축은 로그다. size: 거품의 넓이. 적지 않으면 모두 같다. mine: 같은 열이 있는 표. 마름모로 얹는다.
    값이 없거나(NaN) 로그 축에서 0 이하인 행은 그리지 않고 그림 아래에 이름을 적는다.
    오류: 없는 열이거나, 그릴 행이 하나도 없으면 PlotError.
    """
    columns = [x, y] if size is None else [x, y, size]
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise PlotError(f"표에 없는 열입니다: {', '.join(missing)}. 있는 열: {', '.join(map(str, table.columns))}")
    points, left_out = _points(table, x, y, size, log_y)
    own = _points(mine, x, y, None, log_y)[0] if mine is not None else []
    if not points and not own:
        raise PlotError(f"그릴 값이 없습니다. {x}와 {y}에 0보다 큰 수가 있는 행이 하나는 있어야 합니다.")
    both = [*points, *own]
    across = _scale([p.x for p in both], LEFT, WIDTH - RIGHT, log=True)
    up = _scale([p.y for p in both], HEIGHT - BOTTOM, TOP, log=log_y)
    biggest = max((p.size for p in points), default=1.0)
    drawn = _axes(across, up, x, y)
    circles = [(across.at(p.x), up.at(p.y), max(SMALLEST, LARGEST * math.sqrt(p.size / biggest))) for p in points]
    if size is None:
        circles = [(cx, cy, 8.0) for cx, cy, _ in circles]
    diamonds = [(across.at(p.x), up.at(p.y), 8.0) for p in own]
    for (cx, cy, r), point in sorted(zip(circles, points, strict=True), key=lambda pair: -pair[0][2]):
        tip = escape(_tip(point, x, y, size))
        drawn.append(
            f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{r:.1f}" fill="{BLUE}" fill-opacity=".28" '
            f'stroke="{BLUE}" stroke-width="1.5"><title>{tip}</title></circle>'
        )
    for (cx, cy, r), point in zip(diamonds, own, strict=True):
        tip = escape(_tip(point, x, y, None))
        drawn.append(
            f'<path d="M{cx:.1f} {cy - r:.1f}l{r} {r}l{-r} {r}l{-r} {-r}z" fill="{ORANGE}" stroke="#7c2d12">'
            f"<title>{tip}</title></path>"
        )
    drawn += _names([*circles, *diamonds], [p.name for p in both])
    notes = [f"거품의 넓이: {size}"] if size else []
    notes += ["마름모: 내 기록"] if own else []
    notes += [f"값이 없어 뺀 것: {', '.join(left_out)}"] if left_out else []
    drawn.append(label(LEFT, TOP - 12, " · ".join(notes), 13, COLOURS["soft"]))
    caption = title or f"{x}와 {y}"
    drawn.insert(0, label(LEFT, 24, caption, 15))
    return BubbleChart(f"{caption}, 신경망 {len(points)}개", svg_card(WIDTH, HEIGHT, caption, drawn))


@dataclass(frozen=True)
class _Point:
    name: str
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class _Scale:
    at: Callable[[float], float]
    ticks: tuple[float, ...]


def _points(table: pd.DataFrame, x: str, y: str, size: str | None, log_y: bool) -> tuple[list[_Point], list[str]]:
    """그릴 점들과, 값이 없어 뺀 이름들."""
    points, left_out = [], []
    for name, row in table.iterrows():
        values = [float(row[column]) for column in ((x, y) if size is None else (x, y, size))]
        fits = all(math.isfinite(value) for value in values) and values[0] > 0 and (values[1] > 0 or not log_y)
        if fits:
            points.append(_Point(str(name), values[0], values[1], values[2] if size else 1.0))
        else:
            left_out.append(str(name))
    return points, left_out


def _scale(values: Sequence[float], start: float, end: float, *, log: bool) -> _Scale:
    """값을 화소로 옮기는 함수와 눈금. 양 끝에 조금 여유를 둔다."""
    if log:
        low, high = math.log10(min(values)), math.log10(max(values))
        margin = 0.08 * (high - low) or 0.3
        low, high = low - margin, high + margin
        steps = (1, 2, 5) if high - low < 3 else (1,)
        ticks = [m * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for m in steps]
        kept = tuple(tick for tick in ticks if low <= math.log10(tick) <= high)
        return _Scale(lambda value: start + (end - start) * (math.log10(value) - low) / (high - low), kept)
    low, high = min(values), max(values)
    margin = 0.1 * (high - low) or 1.0
    low, high = low - margin, high + margin
    step = _round_step((high - low) / 6)
    first = math.ceil(low / step)
    kept = tuple(number * step for number in range(first, math.floor(high / step) + 1))
    return _Scale(lambda value: start + (end - start) * (value - low) / (high - low), kept)


def _round_step(rough: float) -> float:
    """눈금의 간격: 1, 2, 5에 10의 거듭제곱을 곱한 수 가운데 rough 이상인 것."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)


def _axes(across: _Scale, up: _Scale, x: str, y: str) -> list[str]:
    floor, soft = HEIGHT - BOTTOM, COLOURS["soft"]
    lines = "".join(f"M{across.at(tick):.1f} {TOP}V{floor}" for tick in across.ticks)
    lines += "".join(f"M{LEFT} {up.at(tick):.1f}H{WIDTH - RIGHT}" for tick in up.ticks)
    drawn = [
        f'<path d="{lines}" stroke="#e5e7eb" fill="none"/>',
        f'<path d="M{LEFT} {TOP}V{floor}H{WIDTH - RIGHT}" stroke="{COLOURS["grid"]}" fill="none"/>',
    ]
    drawn += [
        f'<text x="{across.at(tick):.1f}" y="{floor + 18}" font-size="12" fill="{soft}" text-anchor="middle">'
        f"{tick:,.10g}</text>"
        for tick in across.ticks
    ]
    drawn += [
        f'<text x="{LEFT - 8}" y="{up.at(tick) + 4:.1f}" font-size="12" fill="{soft}" text-anchor="end">'
        f"{round(tick, 9):,.10g}</text>"
        for tick in up.ticks
    ]
    middle, height = (LEFT + WIDTH - RIGHT) / 2, (TOP + floor) / 2
    drawn.append(
        f'<text x="{middle:g}" y="{HEIGHT - 14}" font-size="14" fill="{COLOURS["ink"]}" text-anchor="middle">'
        f"{escape(x)}</text>"
    )
    drawn.append(
        f'<text x="20" y="{height:g}" font-size="14" fill="{COLOURS["ink"]}" text-anchor="middle" '
        f'transform="rotate(-90 20 {height:g})">{escape(y)}</text>'
    )
    return drawn


def _tip(point: _Point, x: str, y: str, size: str | None) -> str:
    parts = [f"{x} {point.x:,.4g}", f"{y} {point.y:,.4g}"]
    if size:
        parts.append(f"{size} {point.size:,.4g}")
    return f"{point.name}: " + ", ".join(parts)


def _names(circles: Sequence[tuple[float, float, float]], names: Sequence[str]) -> list[str]:
    """이름을 거품의 오른쪽, 왼쪽, 위, 아래 가운데 가장 덜 겹치는 곳에 적는다."""
    taken: list[Box] = [(cx - r * 0.7, cy - r * 0.7, cx + r * 0.7, cy + r * 0.7) for cx, cy, r in circles]
    drawn = []
    for (cx, cy, r), name in sorted(zip(circles, names, strict=True), key=lambda pair: pair[0][1]):
        box = min(_places(cx, cy, r, text_width(name, FONT_SIZE)), key=lambda box: _cost(box, taken))
        taken.append(box)
        drawn.append(label(round(box[0], 1), round(box[3] - 4, 1), name, FONT_SIZE))
    return drawn


def _places(cx: float, cy: float, r: float, width: float) -> list[Box]:
    half = FONT_SIZE * 0.65
    spots = [(cx + r + 4, cy), (cx - r - 4 - width, cy)]
    for lift in (r + half + 2, r + half + 16):
        spots += [(cx - width / 2, cy - lift), (cx - width / 2, cy + lift)]
        spots += [(cx + r * 0.7, cy - lift), (cx + r * 0.7, cy + lift)]
        spots += [(cx - r * 0.7 - width, cy - lift), (cx - r * 0.7 - width, cy + lift)]
    return [(x, y - half, x + width, y + half) for x, y in spots]


def _cost(box: Box, taken: Sequence[Box]) -> float:
    """다른 글이나 거품과 겹치는 넓이. 그림판을 벗어나면 크게 친다."""
    overlap = sum(
        max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in taken
    )
    outside = (
        max(0.0, LEFT - box[0])
        + max(0.0, box[2] - WIDTH + 4)
        + max(0.0, TOP - box[1])
        + max(0.0, box[3] - HEIGHT + BOTTOM)
    )
    return overlap + 100 * outside
