"""단계마다의 몫을 막대로: 매개변수, MAC, 메모리가 어디에 사는가. SVG라서 언제 그려도 글자 하나까지 같다."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.analysis import fold_table
from cnnlab.teaching.drawing import COLOURS, label, svg_card

if TYPE_CHECKING:
    import pandas as pd

PARTS = (("params", "매개변수", "#2563eb"), ("macs", "MAC", "#d97706"), ("activation_kb", "출력 메모리", "#059669"))
NAME, BAR, GAP, ROW = 132, 190, 62, 24  # 이름 칸, 막대의 최대 길이, 비율을 적을 자리, 줄의 높이
_FEWEST = 5  # 단계의 수가 적어도 이만큼은 되게 접는다
LEAST = 0.0005  # 셋 모두 이보다 작은 단계는 그리지 않는다


def stages(table: pd.DataFrame) -> pd.DataFrame:
    """layer_table의 표를 단계로 접는다: 이름의 앞마디로, 줄이 다섯은 될 만큼만."""
    deepest = max(str(name).count(".") for name in table["name"]) + 1
    folds = (fold_table(table, depth) for depth in range(1, deepest + 1))
    last = table
    for last in folds:
        if len(last) >= _FEWEST:
            break
    return last


def shares(folded: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    """단계의 이름 -> (매개변수, MAC, 출력 메모리)의 몫, 0..1. 셋 모두 거의 0인 단계는 없다.

    folded: `fold_table`의 표. 이름이 겹치면 합친다.
    """
    columns = [folded[column].astype(float) / (float(folded[column].sum()) or 1.0) for column, _, _ in PARTS]
    found: dict[str, tuple[float, ...]] = {}
    for name, *parts in zip(folded["name"], *columns, strict=True):
        before = found.get(str(name), (0.0,) * len(PARTS))
        found[str(name)] = tuple(a + b for a, b in zip(before, parts, strict=True))
    return {name: parts for name, parts in found.items() if max(parts) >= LEAST}


def _short(name: str) -> str:
    """이름 칸에 들어가는 이름: conv1~maxpool은 conv1만 적는다."""
    name = name.split("~")[0]
    return name if len(name) <= 17 else f"{name[:16]}…"


def bars_svg(folded: pd.DataFrame, title: str) -> str:
    """단계마다 한 줄, 셋의 몫을 나란히. 막대의 길이는 그 칸에서 가장 큰 몫이 꽉 차게 맞춘다."""
    rows = shares(folded)
    longest = [max((parts[n] for parts in rows.values()), default=0.0) or 1.0 for n in range(len(PARTS))]
    column = BAR + GAP
    width, height = 16 + NAME + column * len(PARTS), 44 + ROW * len(rows) + 12
    drawn = [label(16 + NAME + column * n, 30, text, 14) for n, (_, text, _) in enumerate(PARTS)]
    for row, (name, parts) in enumerate(rows.items()):
        y = 44 + ROW * row
        drawn.append(label(16, y + 14, _short(name), 13, COLOURS["ink"]))
        for n, (share, (_, text, colour)) in enumerate(zip(parts, PARTS, strict=True)):
            x, length = 16 + NAME + column * n, BAR * share / longest[n]
            drawn.append(
                f'<g><title>{name} {text} {share:.1%}</title><rect x="{x}" y="{y + 2}" width="{max(length, 0.5):.1f}" '
                f'height="{ROW - 8}" rx="2" fill="{colour}"/></g>'
            )
            drawn.append(label(round(x + length + 6, 1), y + 14, f"{share:.1%}", 12, COLOURS["soft"]))
    return svg_card(width, height, f"{title}: 단계마다의 몫", drawn)
