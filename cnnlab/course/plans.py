"""docs/teaching.md를 읽는다: 수업마다의 50분 계획이 적히는 곳은 그 쪽 하나다."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cnnlab.course.lessons import CourseError

PAGE = Path("docs") / "teaching.md"
MINUTES = 50
_LESSON = re.compile(r"^## (\d\d_\w+)\n(.*?)(?=^## |\Z)", re.M | re.S)
_SPAN = re.compile(r"(\d+)–(\d+)")


@dataclass(frozen=True)
class Step:
    """수업의 한 토막: 몇 분부터 몇 분까지, 노트북의 어느 절에서, 무엇을 보여 주고 묻는가."""

    start: int
    end: int
    section: str  # 노트북의 `## ` 제목
    what: str


@dataclass(frozen=True)
class Plan:
    """한 수업의 계획."""

    stem: str
    before: str  # 첫 표 앞의 글(준비, 여는 질문)
    steps: tuple[Step, ...]
    between: str  # 두 표 사이의 글(학습을 멈출 곳, 건너뛸 곳)
    replies: tuple[tuple[str, str], ...]  # (예상하는 틀린 답, 대답)


def read_plans(root: Path) -> dict[str, Plan]:
    """노트북의 이름 -> 계획. 오류: 모양이 약속과 다르면 어느 수업인지 말하는 CourseError."""
    text = (root / PAGE).read_text(encoding="utf-8")
    return {stem: _plan(stem, body) for stem, body in _LESSON.findall(text)}


def _plan(stem: str, body: str) -> Plan:
    blocks = re.split(r"((?:^\|.*\n?)+)", body.strip() + "\n", flags=re.M)
    if len(blocks) < 4:
        raise CourseError(f"{PAGE.as_posix()}의 {stem}에는 시간표와 틀린 답의 표, 두 표가 있어야 합니다.")
    before, timetable, between, replies = blocks[:4]
    steps = []
    for span, section, what in _rows(timetable, 3, stem):
        match = _SPAN.fullmatch(span)
        if match is None:
            raise CourseError(f"{PAGE.as_posix()}의 {stem}: 분은 '0–5'처럼 적어 주세요. 받은 값: {span}")
        steps.append(Step(int(match[1]), int(match[2]), section, what))
    pairs = tuple((wrong, reply) for wrong, reply in _rows(replies, 2, stem))
    return Plan(stem, before.strip(), tuple(steps), between.strip(), pairs)


def _rows(table: str, columns: int, stem: str) -> list[list[str]]:
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]] for line in table.strip().splitlines()
    ]
    wrong = [row for row in rows if len(row) != columns]
    if wrong:
        raise CourseError(f"{PAGE.as_posix()}의 {stem}: 표의 칸이 {columns}개가 아닌 줄이 있습니다. {wrong[0][:1]}")
    return rows[2:]
