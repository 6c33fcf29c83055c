"""layer_table을 강의실 화면에 맞게: 자릿점, 형태의 곱셈표, 합계 줄."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# 열 이름 -> 화면의 이름. 여기에 없는 열은 그리지 않는다
HEADINGS = {
    "name": "이름",
    "type": "종류",
    "output": "출력",
    "kernel": "커널",
    "stride": "스트라이드",
    "padding": "패딩",
    "params": "매개변수",
    "macs": "MAC",
    "activation_kb": "출력 메모리(KB)",
    "rf": "수용 영역",
    "jump": "간격",
}
TOTALS = ("params", "macs", "activation_kb")


@dataclass(frozen=True)
class TableView:
    """표 하나를 화면에 그린 것. 원래 표는 `.table`에 그대로 있다."""

    table: pd.DataFrame

    def _rows(self) -> list[list[str]]:
        columns = [column for column in HEADINGS if column in self.table]
        rows = [[HEADINGS[column] for column in columns]]
        rows += [[cell(row[column]) for column in columns] for row in self.table.to_dict("records")]
        rows.append([cell(self.table.attrs[c]) if c in TOTALS else ("합계" if c == "name" else "") for c in columns])
        return rows

    def __repr__(self) -> str:
        rows = self._rows()
        widths = [max(len(text) for text in column) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        head, *body, total = self._rows()
        line = "1px solid rgba(128,128,128,.35)"

        def row(cells: list[str], tag: str, border: str) -> str:
            style = f"padding:.2em .7em;border-{border}:{line};white-space:nowrap"
            aligned = (("left" if n < 2 else "right", text) for n, text in enumerate(cells))
            return "".join(f'<{tag} style="{style};text-align:{side}">{escape(text)}</{tag}>' for side, text in aligned)

        rows = "".join(f"<tr>{row(cells, 'td', 'bottom')}</tr>" for cells in body)
        return (
            '<div style="overflow-x:auto"><table style="border-collapse:collapse">'
            f"<thead><tr>{row(head, 'th', 'bottom')}</tr></thead><tbody>{rows}</tbody>"
            f"<tfoot><tr>{row(total, 'th', 'top')}</tr></tfoot></table></div>"
        )


def show_table(table: pd.DataFrame) -> TableView:
    """layer_table이 돌려준 표를 읽기 좋게 그린다. 셀의 마지막 줄에 두면 보인다."""
    return TableView(table)


def cell(value: Any) -> str:
    """1216 -> "1,216", 18.375 -> "18.38", (6, 28, 28) -> "6×28×28"."""
    if isinstance(value, tuple):
        return "×".join(cell(part) for part in value)
    if not isinstance(value, Real):
        return str(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
