"""용어집: 용어마다 한글, 영어, 한 문장, 처음 나오는 수업.

python3 -m cnnlab.course.glossary           # docs/glossary.md를 다시 만들기

용어는 terms.csv에 적는다. 처음 나오는 수업은 노트북에서 찾는다.
"""

from __future__ import annotations

import argparse
import csv
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from cnnlab.course.lessons import Lesson, read_lessons

PAGE = Path("docs") / "glossary.md"
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)
PAIR = re.compile(r"(?P<korean>[가-힣0-9×·\- ]*[가-힣])\*{0,2}\((?P<english>[a-z][a-z -]+)(?:, [^)]*)?\)")


@dataclass(frozen=True)
class Term:
    korean: str
    english: str
    meaning: str
    avoid: tuple[str, ...]  # 같은 뜻으로 쓰지 않는 말


def terms() -> list[Term]:
    """terms.csv의 용어, 가나다차례."""
    text = (resources.files("cnnlab.course") / "terms.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    made = [Term(r["korean"], r["english"], r["meaning"], tuple(filter(None, r["avoid"].split(";")))) for r in rows]
    return sorted(made, key=lambda term: term.korean)


def prose(lesson: Lesson) -> str:
    """노트북의 글에서 코드를 뺀 것."""
    return CODE.sub("", "\n".join(cell.source for cell in lesson.notebook.cells if cell.cell_type == "markdown"))


def pairs(lesson: Lesson) -> list[tuple[str, str]]:
    """글에 나오는 `한글(english)`의 (한글, english). 한글은 괄호 앞의 몇 낱말이다."""
    return [(match["korean"], match["english"].strip()) for match in PAIR.finditer(prose(lesson))]


def first_lesson(term: Term, lessons: list[Lesson]) -> Lesson | None:
    """용어를 영어와 함께 처음 소개한 수업, 그런 수업이 없으면 처음 쓴 수업."""
    introduced = [one for one in lessons if any(e == term.english and k.endswith(term.korean) for k, e in pairs(one))]
    used = [one for one in lessons if term.korean in prose(one)]
    return next(iter(introduced or used), None)


def page(lessons: list[Lesson]) -> str:
    """docs/glossary.md의 내용."""
    lines = [
        "# 용어집",
        "",
        "수업에서 쓰는 말과 그 영어, 처음 나오는 수업입니다. "
        "이 쪽은 `python3 -m cnnlab.course.glossary`가 `cnnlab/course/terms.csv`에서 만듭니다.",
        "",
        "| 용어 | 영어 | 뜻 | 처음 나오는 수업 |",
        "|---|---|---|---|",
    ]
    for term in terms():
        lesson = first_lesson(term, lessons)
        where = f"[{lesson.title}](../notebooks/{lesson.path.name})" if lesson else ""
        lines.append(f"| {term.korean} | {term.english} | {term.meaning} | {where} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m cnnlab.course.glossary", description="용어집을 다시 만듭니다.")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="프로젝트 폴더(지금 폴더)")
    root = parser.parse_args(arguments).root
    (root / PAGE).write_text(page(read_lessons(root)), encoding="utf-8", newline="\n")
    print(f"만들었습니다: {PAGE.as_posix()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
