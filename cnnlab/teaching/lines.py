"""matplotlib 선 그림과 막대 그림: 여러 학습의 오류율, 층마다 잰 값, 해마다의 결과."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnlab.runtime import use_korean_font
from cnnlab.teaching.curves import STYLES
from cnnlab.teaching.plots import BLUE, GREY, Picture, PlotError
from cnnlab.training.history import History

Points = Sequence[tuple[float, float]]
Panels = Mapping[str, Mapping[str, Points]]

DASHES = ("-", "--", ":", "-.")  # 색을 가려 보기 어려워도 구별된다


def show_lines(
    panels: Panels, *, x: str = "", y: str = "", title: str = "", log: bool = False, percent: bool = False
) -> Picture:
    """선 여럿을 칸마다 겹쳐 그린다. 같은 이름의 선은 어느 칸에서나 같은 색이다.

    panels: 칸의 제목 -> {선의 이름: (가로, 세로) 점들}. 세로축은 모든 칸이 함께 쓴다.
    log: 세로축을 로그로. percent: 세로 값 0..1을 %로 적는다.
    오류: 점이 하나도 없으면 PlotError.
    """
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    if not any(points for lines in panels.values() for points in lines.values()):
        raise PlotError("그릴 점이 없습니다. {칸의 제목: {선의 이름: [(가로, 세로), ...]}} 모양으로 주세요.")
    from matplotlib.figure import Figure

    use_korean_font()
    figure = Figure(figsize=(4.0 * len(panels) if len(panels) > 1 else 6.4, 3.4), layout="constrained")
    for axes, (heading, lines) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
    ):
        for name, points in lines.items():
            number = names.index(name)
            colour, dash = STYLES[number % len(STYLES)][0], DASHES[number % len(DASHES)]
            across, up = [point[0] for point in points], [point[1] for point in points]
            axes.plot(across, up, dash, color=colour, label=name, linewidth=1.8)
        axes.set(xlabel=x, title=heading)
        if log:
            axes.set_yscale("log")
        if percent:
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.locator_params(axis="x", nbins=6)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8)
    figure.axes[0].set_ylabel(y)
    if title:
        figure.suptitle(title, fontsize=11)
    return Picture(figure, f"{title or ', '.join(panels)}. 선: {', '.join(names)}")


def training_errors(history: History, width: int = 5) -> list[tuple[float, float]]:
    """(에폭, 학습 오류율 0..1): 이웃한 기록 width개씩 평균한 학습 곡선. 증강한 사진에서, 학습하는 동안 잰 것이다."""
    steps = history.steps
    return [
        (steps[end - 1].epoch, 1 - sum(step.accuracy for step in steps[max(0, end - width) : end]) / min(width, end))
        for end in range(1, len(steps) + 1)
    ]


def show_bars(bars: Mapping[str, float], notes: Sequence[str], *, y: str = "", title: str = "") -> Picture:
    """막대 그림. bars: 이름 -> 높이. notes: 막대마다 높이 위에 적을 글 하나.

    오류: 막대가 없거나 notes의 수가 다르면 PlotError.
    """
    if not bars or len(notes) != len(bars):
        raise PlotError(f"막대마다 글이 하나씩 필요합니다. 막대 {len(bars)}개, 글 {len(notes)}개")
    from matplotlib.figure import Figure

    use_korean_font()
    figure = Figure(figsize=(max(5.0, 1.1 * len(bars)), 3.6), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(bars)), list(bars.values()), color=BLUE, width=0.62)
    for place, (height, note) in enumerate(zip(bars.values(), notes, strict=True)):
        axes.annotate(note, (place, height), (0, 3), textcoords="offset points", ha="center", fontsize=9)
    axes.set_xticks(range(len(bars)), list(bars), fontsize=9)
    axes.set_ylabel(y, color=GREY)
    axes.set_ylim(0, 1.18 * max(bars.values()))
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title, fontsize=11)
    return Picture(figure, title or ", ".join(bars))
