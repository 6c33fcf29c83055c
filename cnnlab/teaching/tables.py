"""분석의 표를 강의실 화면에 맞게: 자릿점, 형태의 곱셈표, 합계 줄, 큰 표 접기, CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.analysis.compare import fold_table, folds_of
from cnnlab.errors import LearnerError

if TYPE_CHECKING:
    import pandas as pd

# 열 이름 -> 화면의 이름, 화면의 순서대로. 여기에 없는 열은 그리지 않는다
HEADINGS = {
    "model": "신경망",
    "name": "이름",
    "type": "종류",
    "layers": "계층 수",
    "output": "출력",
    "kernel": "커널",
    "stride": "스트라이드",
    "padding": "패딩",
    "params": "매개변수",
    "macs": "MAC",
    "activation_kb": "출력 메모리(KB)",
    "training_kb": "학습 메모리(KB)",
    "depth": "깊이",
    "rf": "수용 영역",
    "rf_without_gate": "게이트를 뺀 수용 영역",
    "jump": "간격",
    "start": "시작",
    "first": "첫 화소",
    "last": "마지막 화소",
}
TOTALS = ("params", "macs", "activation_kb")
_TEXT = ("model", "name", "type")  # 왼쪽에 맞추는 열
_PLACES = ("start", "first", "last")  # 쌍이 크기가 아니라 자리인 열
_LARGE = 60  # 행이 이보다 많으면 접어서 그린다
_FEW = 30  # 펼친 안쪽에서 더 접지 않는 행의 수
_LINE = "1px solid rgba(128,128,128,.35)"


class TableSaveError(LearnerError, OSError):
    """표를 파일로 저장하지 못했다."""


@dataclass(frozen=True)
class TableView:
    """표 하나를 화면에 그린 것. 원래 표는 `.table`에 그대로 있다.

    계층표가 길면 단계로 접어 그리고, HTML에서는 단계마다 펼쳐 볼 수 있다.
    """

    table: pd.DataFrame

    def __repr__(self) -> str:
        if not self._folds:
            return _text(self.table)
        folded = fold_table(self.table, _depth(self.table))
        return f"{_text(folded)}\n접은 표입니다. 계층 {len(self.table)}개의 행은 모두 .table에 있습니다."

    def _repr_html_(self) -> str:
        if not self._folds:
            return _html(self.table)
        depth = _depth(self.table)
        return f"{_html(fold_table(self.table, depth))}<div>{''.join(_details(self.table, depth))}</div>"

    @property
    def _folds(self) -> bool:
        return len(self.table) > _LARGE and {"name", "input", "macs", "rf", "jump"} <= set(self.table.columns)

    def save(self, path: str | Path) -> Path:
        """표의 모든 행과 열을 CSV로 저장하고 그 경로를 돌려준다. 엑셀이 한글을 바로 읽는 인코딩(BOM이 붙은 UTF-8)이다.

        수는 자릿점 없이 적고, 합계 줄은 넣지 않는다(엑셀에서 더하면 두 번 세게 된다).
        오류: 이름이 .csv로 끝나지 않거나 쓸 수 없는 곳이면 TableSaveError.
        """
        path = Path(path)
        if path.suffix.lower() != ".csv":
            raise TableSaveError(f"파일 이름은 .csv로 끝나야 합니다. 예: 표.csv. 받은 이름: {path.name}")
        columns = [str(column) for column in self.table]
        heads = [{**HEADINGS, "input": "입력"}.get(column, column) for column in columns]
        try:
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(heads)
                writer.writerows(
                    [
                        value if isinstance(value, Real) else text(c, value)
                        for c, value in zip(columns, row, strict=True)
                    ]
                    for row in self.table.itertuples(index=False)
                )
        except OSError as error:
            raise TableSaveError(
                "표를 저장하지 못했습니다. 폴더가 있는지, 쓸 수 있는 곳인지, 그 파일이 다른 프로그램(엑셀)에서 "
                f"열려 있지 않은지 확인하세요. 경로: {path}, 까닭: {error.strerror or error}"
            ) from error
        return path


def show_table(table: pd.DataFrame) -> TableView:
    """분석의 표(layer_table, fold_table, compare_models, receptive_field)를 읽기 좋게 그린다. 셀의 마지막 줄에 둔다."""
    return TableView(table)


def cell(value: Any) -> str:
    """1216 -> "1,216", 18.375 -> "18.38", (6, 28, 28) -> "6×28×28", None -> "모름"."""
    if isinstance(value, tuple):
        return "×".join(cell(part) for part in value)
    if value is None:
        return "모름"
    if not isinstance(value, Real):
        return str(value)
    if math.isnan(float(value)):
        return "모름"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def text(column: str, value: Any) -> str:
    """그 열의 값을 화면의 글자로: 자리(first, last)의 쌍은 곱이 아니라 (세로, 가로)다."""
    if column in _PLACES and isinstance(value, tuple):
        return f"({', '.join(map(cell, value))})"
    return cell(value)


def _cells(table: pd.DataFrame) -> tuple[list[str], list[list[str]], list[str]]:
    """(그릴 열, 행마다의 글자, 합계의 글자). 합계가 없는 표(신경망 비교, 수용 영역)이면 마지막이 빈 목록이다."""
    columns = [column for column in HEADINGS if column in table]
    rows = [[text(column, row[column]) for column in columns] for row in table.to_dict("records")]
    if not all(column in table.attrs for column in TOTALS):
        return columns, rows, []
    return columns, rows, [cell(table.attrs[c]) if c in TOTALS else ("합계" if c == "name" else "") for c in columns]


def _text(table: pd.DataFrame) -> str:
    columns, body, total = _cells(table)
    rows = [[HEADINGS[column] for column in columns], *body, *([total] if total else [])]
    widths = [max(len(text) for text in column) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _html(table: pd.DataFrame) -> str:
    columns, body, total = _cells(table)

    def row(cells: list[str], tag: str, border: str) -> str:
        style = f"padding:.2em .7em;border-{border}:{_LINE};white-space:nowrap"
        aligned = (("left" if c in _TEXT else "right", text) for c, text in zip(columns, cells, strict=True))
        return "".join(f'<{tag} style="{style};text-align:{side}">{escape(text)}</{tag}>' for side, text in aligned)

    rows = "".join(f"<tr>{row(cells, 'td', 'bottom')}</tr>" for cells in body)
    foot = f"<tfoot><tr>{row(total, 'th', 'top')}</tr></tfoot>" if total else ""
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse">'
        f"<thead><tr>{row([HEADINGS[column] for column in columns], 'th', 'bottom')}</tr></thead>"
        f"<tbody>{rows}</tbody>{foot}</table></div>"
    )


def _depth(table: pd.DataFrame) -> int:
    """처음에 접을 깊이: 줄이 다섯은 되게 한다(DenseNet은 첫 마디가 거의 모두 features다)."""
    deepest = max(str(name).count(".") for name in table["name"]) + 1
    return next((depth for depth in range(1, deepest) if len(folds_of(table, depth)) >= 5), deepest)


def _details(table: pd.DataFrame, depth: int) -> Iterator[str]:
    """단계마다 펼쳐 볼 수 있는 <details>. 안쪽이 길면 한 마디 더 깊이 접는다."""
    for fold in folds_of(table, depth):
        inside = table.iloc[fold.rows.start : fold.rows.stop]
        last = inside.iloc[-1]
        title = (
            f"<b>{escape(fold.name)}</b> · 계층 {len(inside)}개 · 출력 {cell(last['output'])} · "
            f"매개변수 {cell(inside['params'].sum())} · MAC {cell(inside['macs'].sum())}"
        )
        deeper = len(inside) > _FEW and len(folds_of(inside, depth + 1)) > 1
        body = "".join(_details(inside, depth + 1)) if deeper else _plain(inside)
        yield f'<details style="margin-left:1.2em"><summary>{title}</summary>{body}</details>'


def _plain(table: pd.DataFrame) -> str:
    """펼친 안쪽의 표. 행이 수백일 수 있으므로 칸마다 꾸미지 않는다."""
    columns, body, _ = _cells(table)

    def row(cells: list[str], tag: str) -> str:
        sides = (' style="text-align:left"' if column in _TEXT else "" for column in columns)
        inside = "".join(f"<{tag}{side}>{escape(text)}</{tag}>" for side, text in zip(sides, cells, strict=True))
        return f'<tr style="text-align:right">{inside}</tr>'

    rows = "".join(row(cells, "td") for cells in body)
    head = row([HEADINGS[column] for column in columns], "th")
    return f'<div style="overflow-x:auto"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
