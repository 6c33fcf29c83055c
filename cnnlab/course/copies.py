"""노트북 하나에서 학생용과 교사용을 만든다.

    python3 -m cnnlab.course.copies --out 사본        # 사본/student, 사본/teacher

학생용: 출력을 지워, 예측하기 전에 답이 보이지 않는다. 연습의 답은 빈칸이다.
교사용: 연습의 답이 채워져 채점까지 되어 있고, 절마다 수업 계획(docs/teaching.md)이 붙는다.
"""

from __future__ import annotations

import argparse
import copy
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell, new_output

from cnnlab.course.lessons import (
    CourseError,
    Lesson,
    Notebook,
    clear_outputs,
    exercise_cells,
    imports,
    read_lessons,
)
from cnnlab.course.plans import Plan, read_plans

NOTE_TAG = "teacher-note"


def student_copy(lesson: Lesson) -> Notebook:
    """출력이 없는 노트북. 연습은 빈칸 그대로다."""
    made = copy.deepcopy(lesson.notebook)
    for cell in made.cells:
        clear_outputs(cell)
    return made


def teacher_copy(lesson: Lesson, plan: Plan) -> Notebook:
    """연습이 풀려 있고 절마다 계획이 붙은 노트북. 나머지 출력은 저장된 그대로다.

    오류: 계획의 절이 노트북에 없으면 CourseError.
    """
    made = copy.deepcopy(lesson.notebook)
    names = imports(made)
    for exercise_id, name, place in exercise_cells(made):
        _solve(made.cells[place], exercise_id, name, dict(names))
    made.cells = list(_with_notes(made.cells, plan))
    return made


def _solve(cell: Notebook, exercise_id: str, name: str, scope: dict[str, Any]) -> None:
    """빈칸 셀을 풀이와 채점으로 바꾼다. 출력은 실제로 채점한 결과다."""
    from cnnlab.teaching.exercises import Attempt
    from cnnlab.teaching.questions import EXERCISES

    one = EXERCISES[exercise_id]
    cell.source = f"{one.solution_code}\n\n{name}.check({one.name})"
    exec(one.solution_code, scope)
    result = Attempt(one).grade(scope[one.name])
    data = {"text/plain": repr(result), "text/html": result._repr_html_()}
    cell.outputs = [new_output("execute_result", data, execution_count=cell.execution_count)]


def _with_notes(cells: list[Notebook], plan: Plan) -> Iterable[Notebook]:
    steps = {step.section: step for step in plan.steps}
    used = set()
    for i, cell in enumerate(cells):
        yield cell
        if i == 0:
            yield _note(f"**수업 계획**\n\n{plan.before}\n\n{plan.between}")
        heading = re.match(r"## (.+)", cell.source) if cell.cell_type == "markdown" else None
        step = steps.get(heading[1]) if heading else None
        if step:
            used.add(step.section)
            yield _note(f"**{step.start}–{step.end}분** {step.what}")
        if heading and "연습" in heading[1]:
            rows = "\n".join(f"| {wrong} | {reply} |" for wrong, reply in plan.replies)
            yield _note(f"| 예상하는 틀린 답 | 이렇게 답하세요 |\n|---|---|\n{rows}")
    if missing := steps.keys() - used:
        raise CourseError(f"{plan.stem}의 계획에 있는 절이 노트북에 없습니다: {', '.join(sorted(missing))}")


def _note(text: str) -> Notebook:
    quoted = "\n".join(f"> {line}".rstrip() for line in f"교사용\n\n{text}".splitlines())
    return new_markdown_cell(quoted, metadata={"tags": [NOTE_TAG]})


def write_copies(root: Path, out: Path) -> list[Path]:
    """out/student와 out/teacher에 모든 수업의 사본을 쓴다."""
    plans = read_plans(root)
    written = []
    for lesson in read_lessons(root):
        if lesson.stem not in plans:
            raise CourseError(f"docs/teaching.md에 {lesson.stem}의 계획이 없습니다. '## {lesson.stem}' 절을 더하세요.")
        for folder, made in (("student", student_copy(lesson)), ("teacher", teacher_copy(lesson, plans[lesson.stem]))):
            path = out / folder / lesson.path.name
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(made, path)
            written.append(path)
    return written


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m cnnlab.course.copies", description="학생용과 교사용 노트북을 만듭니다."
    )
    parser.add_argument("--out", type=Path, default=Path("copies"), help="사본을 둘 폴더(copies)")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="프로젝트 폴더(지금 폴더)")
    given = parser.parse_args(arguments)
    written = write_copies(given.root, given.out)
    print(f"노트북 {len(written)}개를 만들었습니다: {given.out}/student, {given.out}/teacher")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
