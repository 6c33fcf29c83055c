"""학습 곡선 그림(SVG): 왼쪽은 손실, 오른쪽은 정확도. 학습이 도는 동안에도, 여러 학습을 견줄 때도 같은 그림이다."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape, unescape

from cnnlab.errors import LearnerError
from cnnlab.teaching.drawing import COLOURS, FONT
from cnnlab.training.runs import History

# Okabe, Ito 2008의 색: 색을 가려 보기 어려워도 구별된다. 선의 무늬도 함께 달라진다.
STYLES = (
    ("#0072b2", ""),
    ("#d55e00", "7 4"),
    ("#009e73", "2 3"),
    ("#cc79a7", "10 3 2 3"),
    ("#e69f00", "5 2"),
    ("#56b4e9", "12 5"),
)
WIDTH, TOP, BOTTOM, ROW = 720, 60, 276, 22
LOSS_AREA, ACCURACY_AREA = (52, 346), (414, 704)

Point = tuple[float, float]


class CurveError(LearnerError, ValueError):
    """그릴 학습 기록이 없거나 이름표의 수가 맞지 않는다."""


@dataclass(frozen=True, repr=False)
class CurveFigure:
    """노트북이 그림으로 보여 주는 SVG."""

    svg: str

    def __repr__(self) -> str:
        """그림을 그리지 못하는 곳에 보이는 글: SVG의 제목과 곡선마다의 마지막 값."""
        return curve_text(self.svg)

    def _repr_svg_(self) -> str:
        return self.svg


def curve_text(svg: str) -> str:
    """학습 곡선 그림을 대신하는 글. 그림의 제목과 범례(이름과 마지막 정확도)에서 읽는다."""
    heading = re.search(r"<title>(.*?)</title>", svg)
    keys = re.findall(r">([^<>]*[^<>\d.%\s][^<>]*%)</text>", svg)  # '20%' 같은 눈금은 뺀다
    return f"학습 곡선 그림: {unescape('. '.join([heading[1] if heading else '', *keys]))}"


@dataclass(frozen=True)
class _Panel:
    """값을 화면의 자리로 옮기는 좌표축 하나."""

    area: tuple[int, int]  # 왼쪽과 오른쪽 끝
    x_max: float
    y_max: float

    def at(self, x: float, y: float) -> str:
        left, right = self.area
        across = left + (right - left) * min(1.0, x / self.x_max)
        return f"{across:.1f},{BOTTOM - (BOTTOM - TOP) * min(1.0, y / self.y_max):.1f}"

    def line(self, points: Sequence[Point], colour: str, dash: str, width: float) -> str:
        if not points:
            return ""
        pattern = f' stroke-dasharray="{dash}"' if dash else ""
        path = " ".join(self.at(x, y) for x, y in points)
        return (
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
            f'stroke-linejoin="round"{pattern}/>'
        )

    def dots(self, points: Sequence[Point], colour: str) -> str:
        places = (self.at(x, y).split(",") for x, y in points)
        return "".join(f'<circle cx="{x}" cy="{y}" r="3.2" fill="{colour}"/>' for x, y in places)

    def axes(self, x_title: str, y_title: str, y_text: Callable[[float], str]) -> str:
        left, right = self.area
        parts = [_text(left, TOP - 10, y_title, weight=600)]
        for tick in _ticks(self.y_max):
            y = float(self.at(0, tick).split(",")[1])
            parts.append(f'<path d="M{left} {y:.1f}H{right}" stroke="{COLOURS["padding"]}"/>')
            parts.append(_text(left - 6, y + 4, y_text(tick), "end", COLOURS["soft"]))
        for tick in _ticks(self.x_max):
            x = float(self.at(tick, 0).split(",")[0])
            parts.append(_text(x, BOTTOM + 17, f"{tick:g}", "middle", COLOURS["soft"]))
        parts.append(f'<path d="M{left} {BOTTOM}H{right}" stroke="{COLOURS["grid"]}"/>')
        parts.append(_text((left + right) / 2, BOTTOM + 35, x_title, "middle", COLOURS["soft"]))
        return "".join(parts)


def show_curves(
    histories: History | Sequence[History], labels: Sequence[str] | None = None, title: str = ""
) -> CurveFigure:
    """끝난 학습 하나나 여럿을 한 그림에 겹쳐 그린다. 인자와 오류는 curve_svg()와 같다."""
    return CurveFigure(curve_svg(histories, title, labels))


def curve_svg(histories: History | Sequence[History], title: str = "", labels: Sequence[str] | None = None) -> str:
    """학습 곡선 그림을 SVG 글로 돌려준다. 같은 기록이면 늘 같은 글이다.

    하나면 학습 정확도(가는 선)와 시험 정확도(점)를, 여럿이면 시험 정확도만 겹쳐 그린다.
    가로축: 모두 에폭으로 센 학습이면 에폭, 아니면 시간(초).
    title: 비우면 모델의 이름. 데이터의 이름은 늘 뒤에 붙는다. labels: 범례의 이름, 기록마다 하나.
    오류: 기록이 없거나 labels의 수가 다르면 CurveError.
    """
    shown = [histories] if isinstance(histories, History) else list(histories or ())
    if not shown or not all(isinstance(history, History) for history in shown):
        raise CurveError("그릴 학습 기록이 없습니다. fit()이 돌려준 History를 하나나 여럿(리스트로) 넣으세요.")
    names = list(labels) if labels is not None else [history.model for history in shown]
    if len(names) != len(shown):
        raise CurveError(f"labels에는 기록마다 이름이 하나씩 필요합니다. 기록 {len(shown)}개, 이름 {len(names)}개")

    by_epoch = all(history.recipe.get("epochs") is not None for history in shown)
    x_max = max(_extent(history, by_epoch) for history in shown)
    loss_panel = _Panel(LOSS_AREA, x_max, _loss_top(shown))
    accuracy_panel = _Panel(ACCURACY_AREA, x_max, 1.0)
    x_title = "에폭" if by_epoch else "시간(초)"
    heading = _heading(shown, names, title)
    parts = [
        _text(16, 24, heading, size=15, weight=700),
        loss_panel.axes(x_title, "학습 손실", lambda tick: f"{tick:g}"),
        accuracy_panel.axes(x_title, "정확도" if len(shown) == 1 else "시험 정확도", lambda tick: f"{tick:.0%}"),
    ]
    for index, history in enumerate(shown):
        colour, dash = STYLES[index % len(STYLES)]
        steps = [((step.epoch if by_epoch else step.seconds), step) for step in history.steps]
        tests = [((e.epoch if by_epoch else e.seconds), e.accuracy) for e in history.evals]
        parts.append(loss_panel.line([(x, step.loss) for x, step in steps], colour, dash, 1.6))
        if len(shown) == 1:
            parts.append(accuracy_panel.line([(x, step.accuracy) for x, step in steps], COLOURS["grid"], "", 1.4))
        parts.append(accuracy_panel.line(tests, colour, dash, 2.4))
        parts.append(accuracy_panel.dots(tests, colour))
    rows, legend = _legend(shown, names)
    height = BOTTOM + 54 + rows * ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'style="max-width:100%;height:auto" role="img" font-family="{FONT}" font-size="12">'
        f"<title>{escape(heading)}</title>"
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8" fill="{COLOURS["card"]}" '
        f'stroke="{COLOURS["grid"]}"/>{"".join(parts)}{legend}</svg>'
    )


def _heading(shown: Sequence[History], names: Sequence[str], title: str) -> str:
    sources = ", ".join(dict.fromkeys(history.source for history in shown))
    front = title or (names[0] if len(shown) == 1 else "학습 곡선")
    return front if sources in front else f"{front} · {sources}"


def _extent(history: History, by_epoch: bool) -> float:
    """가로축의 끝: 정해진 분량까지. 그래서 학습이 도는 동안 눈금이 움직이지 않는다."""
    if by_epoch:
        return float(history.recipe["epochs"])
    minutes = history.recipe.get("minutes")
    return max(60 * float(minutes or 0), history.seconds, *(step.seconds for step in history.steps[-1:]), 0.1)


def _loss_top(histories: Sequence[History]) -> float:
    """손실 축의 끝. 튄 값 몇 개에 나머지가 눌리지 않게 큰 쪽 2%는 위로 넘친다."""
    losses = sorted(step.loss for history in histories for step in history.steps)
    return 1.05 * losses[int(0.98 * (len(losses) - 1))] if losses else 2.5


def _ticks(end: float) -> list[float]:
    """0부터 end까지 다섯 칸 안팎의 둥근 눈금."""
    rough = end / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * unit for unit in (1, 2, 2.5, 5, 10) if power * unit >= rough * 0.999)
    return [round(step * count, 10) for count in range(int(end / step * 1.001) + 1)]


def _legend(shown: Sequence[History], names: Sequence[str]) -> tuple[int, str]:
    """범례의 줄 수와 그림. 이름 곁에 마지막 시험 정확도를 적는다."""
    entries = []
    for index, (history, name) in enumerate(zip(shown, names, strict=True)):
        colour, dash = STYLES[index % len(STYLES)]
        label = "시험 정확도" if len(shown) == 1 else name
        last = f" {history.evals[-1].accuracy:.1%}" if history.evals else ""
        entries.append((colour, dash, 2.4, label + last))
    if len(shown) == 1:
        last = f" {shown[0].steps[-1].accuracy:.1%}" if shown[0].steps else ""
        label = "학습 정확도(증강한 사진)" if shown[0].recipe.get("augment", True) else "학습 정확도"
        entries.append((COLOURS["grid"], "", 1.4, label + last))
    # 하나일 때의 범례는 정확도 그림의 것이다: 손실의 선으로 읽히지 않게 그 아래에만 둔다
    left = ACCURACY_AREA[0] if len(shown) == 1 else LOSS_AREA[0]
    columns = 2 if len(shown) > 1 and max(len(label) for *_, label in entries) <= 34 else 1
    parts = []
    for index, (colour, dash, width, label) in enumerate(entries):
        x, y = left + index % columns * 340, BOTTOM + 58 + index // columns * ROW
        pattern = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path d="M{x} {y - 4}h34" stroke="{colour}" stroke-width="{width:g}"{pattern}/>')
        parts.append(_text(x + 42, y, label))
    return math.ceil(len(entries) / columns), "".join(parts)


def _text(
    x: float,
    y: float,
    text: str,
    anchor: str = "start",
    colour: str = COLOURS["ink"],
    size: int = 12,
    weight: int = 400,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )
