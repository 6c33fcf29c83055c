"""잔차 블록 안의 순서를 나란히 그린 그림: 어느 계층이 갈래에 있고 어느 계층이 덧셈 뒤에 있는가."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cnnlab.runtime import use_korean_font
from cnnlab.teaching.plots import GREY, Picture, PlotError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import nn

WORDS = {"Conv2d": "conv", "BatchNorm2d": "BN", "ReLU": "ReLU", "relu": "ReLU", "add": "add"}  # 표의 type -> 짧은 이름
BOX = {"conv": "#bfdbfe", "BN": "#fde68a", "ReLU": "#fecaca", "add": "#ffffff"}
WIDE, TALL = 1.0, 0.62  # 상자의 폭과 높이. 한 칸의 높이는 1이다
BRANCH, TRUNK = 1.0, -0.25  # 갈래와 지름길의 가로 위치


def executed(model: nn.Module, input_size: tuple[int, ...], block: str) -> tuple[str, ...]:
    """블록 하나에서 실행된 차례: ("conv", "BN", "ReLU", "conv", "BN", "add", "ReLU").

    input_size: (C, H, W). 지름길이 항등인 블록이어야 한 줄이 된다. 다른 계층이 있으면 PlotError.
    """
    from cnnlab.analysis.tables import layer_table

    table = layer_table(model, input_size)
    rows = table[table["name"].str.startswith(f"{block}.")]
    unknown = sorted(set(rows["type"]) - set(WORDS))
    if rows.empty:
        raise PlotError(f"그런 블록이 없습니다: {block}. layer_table의 name 열에서 앞마디를 고르세요.")
    if unknown:
        raise PlotError(
            f"차례를 한 줄로 적을 수 없습니다({', '.join(unknown)}). 지름길이 항등인 블록을 고르세요: {block}"
        )
    return tuple(WORDS[kind] for kind in rows["type"])


def show_orders(orders: Mapping[str, Sequence[str]]) -> Picture:
    """차례 여럿을 나란히. 왼쪽 선이 지름길, 오른쪽이 갈래이고 ⊕에서 더한다. 값은 위에서 아래로 흐른다.

    orders: 이름 -> executed()의 결과. 덧셈이 하나씩 있어야 한다(아니면 PlotError).
    """
    if not orders or any(words.count("add") != 1 for words in orders.values()):
        raise PlotError("덧셈이 하나 있는 차례를 주세요. 예: {'처음': ('conv', 'BN', 'add', 'ReLU')}")
    from matplotlib.figure import Figure

    use_korean_font()
    longest = max(len(words) for words in orders.values())
    figure = Figure(figsize=(1.9 * len(orders), 0.46 * (longest + 3)), layout="constrained")
    for axes, (name, words) in zip(figure.subplots(1, len(orders), squeeze=False)[0], orders.items(), strict=True):
        _column(axes, words, longest)
        axes.set_title(name, fontsize=11)
    return Picture(figure, "블록의 순서: " + ", ".join(orders))


def _column(axes: Axes, words: Sequence[str], longest: int) -> None:
    total = words.index("add")
    bottom = longest + 1  # 가장 긴 차례에 맞추어 화살표의 끝이 나란하다
    axes.plot([TRUNK, TRUNK], [-1, bottom - 0.3], color=GREY, lw=1.6, zorder=1)  # 지름길과 그 뒤
    axes.annotate("", (TRUNK, bottom), (TRUNK, bottom - 0.5), arrowprops={"arrowstyle": "->", "color": GREY})
    axes.plot([TRUNK, BRANCH, BRANCH, TRUNK], [-0.65, -0.65, total, total], color=GREY, lw=1.6, zorder=1)
    for row, word in enumerate(words):
        x = BRANCH if row < total else TRUNK
        if word == "add":
            axes.text(x, row, "+", ha="center", va="center", fontsize=13, zorder=3)
            axes.plot([x], [row], "o", ms=15, mfc="white", mec=GREY, zorder=2)
            continue
        from matplotlib.patches import FancyBboxPatch

        corner, style = (x - WIDE / 2, row - TALL / 2), "round,pad=0,rounding_size=0.12"
        axes.add_patch(FancyBboxPatch(corner, WIDE, TALL, boxstyle=style, fc=BOX[word], ec=GREY, lw=1, zorder=2))
        axes.text(x, row, word, ha="center", va="center", fontsize=10, zorder=3)
    axes.set(xlim=(-0.95, 1.7), ylim=(bottom + 0.2, -1.2))
    axes.axis("off")
