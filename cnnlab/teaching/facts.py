"""검산: 논문과 글이 적은 값을 지금 계산한 값 옆에 놓는다.

주장은 `facts.csv`에 있고(출처가 없는 줄은 없다), 계산하는 법은 `quantities.py`에 있다. 계산할 수 없는 주장(cited)은
논문의 절을 밝히고 사람이 판정한다. 판정의 뜻:
    맞음 - 적힌 값과 계산한 값이 같다.        틀림 - 다르다.
    오타 - 값을 옮기다 틀렸다.               모호 - 기준(단위, 세는 법)을 밝혀야 맞거나 틀리다.
"""

import csv
import html
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from cnnlab.errors import LearnerError
from cnnlab.teaching.quantities import Subject, Value, compute

if TYPE_CHECKING:
    import pandas as pd

_RUN = ("00", "01", "08")  # 모델을 실행해서 재는 단원
VERDICTS = ("맞음", "틀림", "오타", "모호")
LONGEST_UNBROKEN = 14  # 글자: 123,642,856,000까지
_COLUMNS = ("주장", "출처", "적힌 값", "지금 계산", "판정", "설명")
_MARKS = {  # 판정: (기호, 글자 색, 배경). 색을 가려도 기호와 낱말이 남는다.
    "맞음": ("✓", "#1b5e2f", "#eaf6ed"),
    "틀림": ("✗", "#8c1d18", "#fcedec"),
    "오타": ("✎", "#5b3a9b", "#f2edfb"),
    "모호": ("△", "#7a4f00", "#fdf4e0"),
}


class UnknownFacts(LearnerError, ValueError):
    """검산할 주장이 없는 단원이나 모델."""


@dataclass(frozen=True)
class Fact:
    """facts.csv의 한 줄. stated는 수("156"), 부등식("<1", ">50"), 글("6x28x28") 가운데 하나."""

    id: str
    lesson: str
    model: str
    input: str
    quantity: str
    claim: str
    stated: str
    tolerance: str
    source: str
    kind: str
    verdict: str
    correct: str
    note: str


@dataclass(frozen=True)
class Checked:
    """주장 하나와 지금 계산한 값(계산할 수 없는 주장이면 None), 판정."""

    fact: Fact
    computed: Value | None
    verdict: str

    def cells(self) -> tuple[str, ...]:
        fact = self.fact
        note = fact.note
        if fact.kind == "cited" and fact.verdict != "맞음":
            note = f"옳은 내용: {fact.correct}. {note}"
        computed = "-" if self.computed is None else show(self.computed)
        return fact.claim, fact.source, show_stated(fact.stated), computed, self.verdict, note


@dataclass(frozen=True, repr=False)
class FactTable:
    """검산의 결과. 셀의 마지막 줄에 두면 표로 보인다."""

    rows: tuple[Checked, ...]

    @property
    def frame(self) -> "pd.DataFrame":
        """주장, 출처, 적힌 값, 지금 계산, 판정, 설명. 행의 이름은 주장의 번호."""
        import pandas as pd

        return pd.DataFrame(
            [row.cells() for row in self.rows],
            columns=list(_COLUMNS),
            index=pd.Index([row.fact.id for row in self.rows], name="번호"),
        )

    @property
    def summary(self) -> str:
        counts = {verdict: sum(row.verdict == verdict for row in self.rows) for verdict in VERDICTS}
        return f"주장 {len(self.rows)}개: " + ", ".join(f"{verdict} {n}" for verdict, n in counts.items() if n)

    def __repr__(self) -> str:
        lines = [self.summary]
        for row in self.rows:
            claim, source, stated, computed, verdict, note = row.cells()
            lines.append(f"{_MARKS[verdict][0]} {verdict}  {claim} ({source})")
            lines.append(f"    적힌 값 {stated}, 지금 계산 {computed}" + (f". {note}" if note else ""))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        right = [row for row in self.rows if row.verdict == "맞음"]
        others = [row for row in self.rows if row.verdict != "맞음"]
        # 읽을거리는 맞지 않는 주장에 있다: 맞는 것은 접어 둔다
        return (
            '<div style="overflow-x:auto;background:#ffffff;color:#1b1b1b;padding:4px">'
            f'<div style="font-weight:bold;padding:2px 0 6px 0;color:#1b1b1b">{html.escape(self.summary)}</div>'
            f"{_html_table(others) if others else ''}"
            '<details style="margin-top:6px">'
            f'<summary style="cursor:pointer">맞는 주장 {len(right)}개 펼쳐 보기</summary>'
            f"{_html_table(right)}</details></div>"
        )


def _html_table(rows: Iterable[Checked]) -> str:
    cell = "padding:4px 8px;border:1px solid #c8ccd0;vertical-align:top;color:#1b1b1b;text-align:left"
    head = "".join(f'<th style="{cell};background:#e4e8ec">{title}</th>' for title in _COLUMNS)
    body = "".join(_html_row(row, cell) for row in rows)
    table = "border-collapse:collapse;word-break:keep-all;background:#ffffff;color:#1b1b1b;font-size:13px"
    return f'<table style="{table}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _html_row(row: Checked, cell: str) -> str:
    claim, source, stated, computed, verdict, note = (html.escape(text, quote=False) for text in row.cells())
    mark, ink, paper = _MARKS[row.verdict]
    number = f"{cell};text-align:right"
    badge = f"{cell};background:{paper};color:{ink};font-weight:bold;white-space:nowrap"
    # 수는 한 줄에 둔다. '64-128-256-512'처럼 긴 것과 글(cited)은 좁은 화면에서 설명을 밀어내므로 접히게 둔다.
    kept, counted = (number + ";white-space:nowrap" * (len(value) <= LONGEST_UNBROKEN) for value in (stated, computed))
    styles = (cell, cell, kept if row.computed is not None else cell, counted, badge, cell)
    texts = (claim, source, stated, computed, f"{mark} {verdict}", note)
    cells = "".join(f'<td style="{style}">{text}</td>' for style, text in zip(styles, texts, strict=True))
    return f'<tr style="background:#ffffff">{cells}</tr>'


def show(value: Value) -> str:
    """12345 -> "12,345", 0.7203 -> "0.72", "6x28x28" -> 그대로."""
    if isinstance(value, str):
        return value
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def show_stated(stated: str) -> str:
    sign, number = (stated[0], stated[1:]) if stated[:1] in "<>" else ("", stated)
    try:
        value = float(number)
    except ValueError:
        return stated
    words = {"<": "보다 작음", ">": "보다 큼", "": ""}[sign]
    return show(int(value) if value == int(value) else value) + words


def agrees(stated: str, tolerance: str, computed: Value) -> bool:
    """적힌 값과 계산한 값이 (허용하는 차이 안에서) 같은가."""
    if isinstance(computed, str):
        return stated == computed
    if stated.startswith("<"):
        return computed < float(stated[1:])
    if stated.startswith(">"):
        return computed > float(stated[1:])
    return abs(float(stated) - computed) <= float(tolerance or 0)


def all_facts() -> tuple[Fact, ...]:
    """facts.csv의 모든 주장, 적힌 차례대로."""
    text = files("cnnlab.teaching").joinpath("facts.csv").read_text(encoding="utf-8")
    return tuple(Fact(**row) for row in csv.DictReader(text.splitlines()))


def check(facts: Iterable[Fact]) -> FactTable:
    """주장마다 값을 지금 계산하고 판정한다. 같은 모델은 한 번만 만든다."""
    import torch

    from cnnlab import models

    subjects: dict[tuple[str, str], Subject] = {}
    rows = []
    for fact in facts:
        if fact.kind == "cited":
            rows.append(Checked(fact, None, fact.verdict))
            continue
        # 연결, 형태, 값을 실행해 재는 단원 말고는 layer_table만 보므로 가중치가 없어도 된다
        key = (fact.model, "cpu" if fact.lesson in _RUN else "meta")
        if fact.model and key not in subjects:
            size = tuple(int(side) for side in fact.input.split("x"))
            with torch.device(key[1]):
                subjects[key] = Subject(models.build(fact.model), size)
        computed = compute(fact.quantity, subjects.get(key))
        # 값이 다를 때에만 까닭(오타, 모호)을 csv에서 가져온다: 적힌 값을 고치면 판정도 바뀐다.
        verdict = "맞음" if agrees(fact.stated, fact.tolerance, computed) else fact.verdict or "틀림"
        rows.append(Checked(fact, computed, verdict))
    return FactTable(tuple(rows))


def check_facts(lesson_or_model: str) -> FactTable:
    """한 단원("01")이나 한 모델("lenet5_1998")에 대한 주장을 모두 검산한다.

    반환: FactTable(`.frame`은 DataFrame). 오류: 주장이 없으면 UnknownFacts(쓸 수 있는 이름의 목록).
    """
    facts = all_facts()
    chosen = [fact for fact in facts if lesson_or_model and lesson_or_model in (fact.lesson, fact.model)]
    if not chosen:
        known = dict.fromkeys([f.lesson for f in facts] + [f.model for f in facts if f.model])
        raise UnknownFacts(
            f"검산할 주장이 없습니다. 다음 가운데 하나를 적어 주세요: {', '.join(known)}. 받은 값: {lesson_or_model!r}"
        )
    return check(chosen)
