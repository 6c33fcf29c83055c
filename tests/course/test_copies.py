"""노트북 하나에서 학생용과 교사용: 빈칸은 '아직 안 함', 풀이는 '맞음', 계획은 제자리에."""

import itertools
import re
from pathlib import Path

import nbformat
import pytest

import cnnlab
from cnnlab.course.copies import NOTE_TAG, main, student_copy, teacher_copy
from cnnlab.course.lessons import CourseError, exercise_cells, headings, imports, read_lessons, tags
from cnnlab.course.plans import MINUTES, PAGE, Plan, Step, read_plans
from cnnlab.teaching.exercises import Attempt, Outcome
from cnnlab.teaching.questions import LESSONS as QUESTIONS

ROOT = Path(__file__).resolve().parents[2]
LESSONS = read_lessons(ROOT)
PLANS = read_plans(ROOT)


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path))


@pytest.fixture(params=LESSONS, ids=lambda lesson: lesson.stem, scope="module")
def lesson(request):
    return request.param


def outcomes(notebook) -> dict[str, Outcome]:
    """답 셀을 실제로 실행해 채점한 결과."""
    names = imports(notebook)
    found = {}
    for exercise_id, name, place in exercise_cells(notebook):
        scope = {**names, name: cnnlab.exercise(exercise_id)}
        lines = notebook.cells[place].source.rstrip().split("\n")
        assert lines[-1].startswith(f"{name}.check(")
        exec("\n".join([*lines[:-1], f"result = {lines[-1]}"]), scope)
        found[exercise_id] = scope["result"].outcome
    return found


def test_in_the_students_copy_every_exercise_is_there_and_not_attempted(lesson) -> None:
    made = outcomes(student_copy(lesson))
    assert list(made) == [one.id for one in QUESTIONS[lesson.number]]
    assert set(made.values()) == {Outcome.NOT_YET}


def test_in_the_students_copy_no_answer_is_visible(lesson) -> None:
    made = student_copy(lesson)
    assert not [cell for cell in made.cells if cell.get("outputs") or cell.get("execution_count")]
    assert not [cell for cell in made.cells if NOTE_TAG in tags(cell)]
    sources = "\n".join(cell.source for cell in made.cells)
    assert not [one.id for one in QUESTIONS[lesson.number] if one.solution_code in sources]


def test_in_the_teachers_copy_every_solution_is_right(lesson) -> None:
    made = teacher_copy(lesson, PLANS[lesson.stem])
    assert set(outcomes(made).values()) == {Outcome.RIGHT}
    for _, _, place in exercise_cells(made):
        assert made.cells[place].outputs[0]["data"]["text/plain"].startswith("✓ 맞음")


def test_in_the_teachers_copy_each_planned_section_carries_its_note(lesson) -> None:
    made = teacher_copy(lesson, PLANS[lesson.stem])
    for step in PLANS[lesson.stem].steps:
        place = next(i for i, c in enumerate(made.cells) if re.match(rf"## {re.escape(step.section)}$", c.source, re.M))
        note = made.cells[place + 1]
        assert NOTE_TAG in tags(note)
        assert f"**{step.start}–{step.end}분**" in note.source
        assert step.what in note.source
    nbformat.validate(made)


def test_everything_but_exercises_and_notes_is_the_lesson_as_it_is(lesson) -> None:
    made = teacher_copy(lesson, PLANS[lesson.stem])
    answers = {place for _, _, place in exercise_cells(lesson.notebook)}
    kept = [cell for cell in made.cells if NOTE_TAG not in tags(cell)]
    assert len(kept) == len(lesson.notebook.cells)
    assert [kept[i] for i in range(len(kept)) if i not in answers] == [
        cell for i, cell in enumerate(lesson.notebook.cells) if i not in answers
    ]


def test_the_plan_fills_fifty_minutes_with_sections_that_the_lesson_has_in_its_order(lesson) -> None:
    plan = PLANS[lesson.stem]
    times = [(step.start, step.end) for step in plan.steps]
    assert times[0][0] == 0
    assert times[-1][1] == MINUTES
    assert all(before[1] == after[0] for before, after in itertools.pairwise(times))
    assert all(start < end for start, end in times)
    order = headings(lesson.notebook)
    places = [order.index(step.section) for step in plan.steps]
    assert places == sorted(set(places))
    assert plan.steps[-1].section == "정리"


def test_the_plan_says_what_to_prepare_ask_stop_and_skip_and_what_to_answer(lesson) -> None:
    plan = PLANS[lesson.stem]
    for word, text in (
        ("준비", plan.before),
        ("여는 질문", plan.before),
        ("학습을 멈출 곳", plan.between),
        ("건너뛸 곳", plan.between),
    ):
        assert f"**{word}**" in text
    assert len(plan.replies) >= 4
    assert all(len(reply) > 10 for _, reply in plan.replies)


def test_numbers_that_a_plan_quotes_are_on_the_page(lesson) -> None:
    """계획에 적은 세 자리 넘는 수와 소수, 백분율은 노트북의 글이나 출력, 문제의 자료에 있어야 한다."""
    plan = PLANS[lesson.stem]
    quoted = " ".join(
        [plan.before, plan.between, *(s.what for s in plan.steps), *(f"{a} {b}" for a, b in plan.replies)]
    )
    quoted = re.sub(r"`[^`]*`|\d\d-\d", "", quoted)
    numbers = set(re.findall(r"(?<![\d.])(?:\d{1,3}(?:,\d{3})+|\d+\.\d+|\d{3,})(?![\d.]*\d)", quoted))
    page = re.sub(r"[,\s]", "", str(lesson.notebook.cells)) + re.sub(r"[,\s]", "", str(QUESTIONS[lesson.number]))
    assert [number for number in numbers if number.replace(",", "") not in page] == []


def test_every_lesson_has_a_plan_and_every_plan_a_lesson() -> None:
    assert list(PLANS) == [lesson.stem for lesson in LESSONS]


def test_a_section_that_the_lesson_does_not_have_is_named() -> None:
    plan = Plan(LESSONS[0].stem, "", (Step(0, 50, "없는 절", "보기"),), "", ())
    with pytest.raises(CourseError, match="없는 절"):
        teacher_copy(LESSONS[0], plan)


@pytest.mark.parametrize(
    ("page", "word"),
    [
        ("## 00_x\n\n글뿐\n", "두 표"),
        (
            "## 00_x\n\n| 분 | 절 | 것 |\n|---|---|---|\n| 5분 | 가 | 나 |\n\n글\n\n| a | b |\n|---|---|\n| c | d |\n",
            "0–5",
        ),
        (
            "## 00_x\n\n| 분 | 절 | 것 |\n|---|---|---|\n| 0–5 | 가 |\n\n글\n\n| a | b |\n|---|---|\n| c | d |\n",
            "칸이 3개",
        ),
    ],
)
def test_a_plan_in_the_wrong_form_is_told_with_its_lesson(tmp_path, page, word) -> None:
    (tmp_path / PAGE).parent.mkdir()
    (tmp_path / PAGE).write_text(page, encoding="utf-8")
    with pytest.raises(CourseError, match=word) as caught:
        read_plans(tmp_path)
    assert "00_x" in str(caught.value)


def test_the_command_writes_both_copies_of_every_lesson(tmp_path, capsys) -> None:
    assert main(["--root", str(ROOT), "--out", str(tmp_path / "out")]) == 0
    for kind in ("student", "teacher"):
        assert len(list((tmp_path / "out" / kind).glob("*.ipynb"))) == len(LESSONS)
    assert f"{2 * len(LESSONS)}개" in capsys.readouterr().out


def test_grading_for_the_copy_is_not_written_into_anybodys_progress(tmp_path) -> None:
    teacher_copy(LESSONS[0], PLANS[LESSONS[0].stem])
    assert list(tmp_path.iterdir()) == []
    assert Attempt(QUESTIONS["00"][0]).grade(None).outcome is Outcome.NOT_YET
