"""수업마다 진짜 JupyterLab에서: 모두 실행하고, 조절기를 키로 움직이고, 학습을 멈추고, 연습을 틀리고 맞힌다."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter import CONTROLS, MOVE_SECONDS, ROOT, Lesson, fonts, korean_fonts, press, views

from cnnlab.course.lessons import exercise_cells, read_lessons
from cnnlab.teaching.questions import EXERCISES

LESSONS = {lesson.stem: lesson for lesson in read_lessons(ROOT)}
FIT = re.compile(r"^\w+ = cnnlab\.fit\(.*minutes=MINUTES", re.M)


@pytest.fixture(scope="module", params=LESSONS)
def stem(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def lesson(stem, browser, lab) -> Iterator[Lesson]:
    """열어서 모두 실행한 수업. 아래의 시험들이 차례로 쓴다."""
    opened = Lesson.open(browser, lab, f"{stem}.ipynb")
    opened.run_all()
    yield opened
    opened.shut_down()


@pytest.fixture(scope="module")
def explorers(lesson) -> list[int]:
    return lesson.explorers()


def outputs_text(outputs: list[dict]) -> str:
    return "\n".join(
        "".join(output.get("text", "")) + "".join(output.get("data", {}).get("text/plain", "")) for output in outputs
    )


def test_run_all_reaches_the_end_without_an_error(lesson) -> None:
    code = [cell for cell in lesson.cells() if cell["type"] == "code" and cell["source"].strip()]
    errors = [o.get("evalue") for cell in code for o in cell["outputs"] if o["output_type"] == "error"]
    assert errors == []
    assert [cell["count"] for cell in code] == list(range(1, len(code) + 1))


def test_hangul_is_drawn_with_fonts_that_have_it(lesson, explorers) -> None:
    """글꼴이 없으면 네모(□)가 나온다: 브라우저가 실제로 쓴 글꼴을 묻는다."""
    known = korean_fonts()
    found = []
    for place in (0, *explorers):
        lesson.show(place)
        found += [(text, used) for text, used in fonts(lesson.page) if used]  # 가려진 글에는 글꼴이 없다
    assert found, "화면에 한글이 있어야 한다"
    assert [(text, used) for text, used in found if set(used) - known] == []


def test_every_control_moves_its_table_and_picture_by_keyboard(lesson, explorers, stem) -> None:
    """조절기마다 한 칸 옮기면 보이는 것이 바뀌고, 되돌리면 돌아온다. 표와 그림이 있으면 둘 다 바뀐다."""
    if stem != "13_compare":  # 13은 조절기 없이 표와 그림으로 견준다
        assert explorers, "수업마다 조절기가 있다"
    for place in explorers:
        cell = lesson.show(place)
        controls = cell.locator(".jp-Cell-outputArea").locator(CONTROLS)
        changed: set[str] = set()
        first = views(cell)
        still = []
        for number in range(controls.count()):
            before = views(cell)
            back = press(lesson.page, controls.nth(number))
            # '틀린 것만' 같은 칸은 지금 보이는 사진이 이미 그런 것이면 그대로일 수 있다
            may_stay = controls.nth(number).get_attribute("type") == "checkbox"
            now = settled(lesson, cell, before, 2 if may_stay else MOVE_SECONDS)
            if now == before and not may_stay:
                still.append(number)
            changed |= {kind for kind in before if now[kind] != before[kind]}
            if back:
                controls.nth(number).focus()
                lesson.page.keyboard.press(back)
                settled(lesson, cell, now, 2)
        assert still == [], f"셀 {place}: 키로 움직여도 그대로인 조절기"
        assert {kind for kind in first if first[kind]} <= changed, f"셀 {place}: 바뀐 것은 {changed}뿐"


def settled(lesson: Lesson, cell, before: dict, seconds: float) -> dict:
    """보이는 것이 before와 달라질 때까지 seconds초 안에서 기다렸다가 그것을 준다. 달라지지 않으면 before와 같은 것."""
    end = time.monotonic() + seconds
    while (now := views(cell)) == before and time.monotonic() < end:
        lesson.page.wait_for_timeout(100)
    while True:  # 잇달아 그리는 것이 끝날 때까지
        lesson.page.wait_for_timeout(150)
        if (later := views(cell)) == now:
            return now
        now = later


def test_it_looks_right_at_both_widths(lesson, explorers, stem, shots: Path) -> None:
    """화면 사진을 남긴다. 조절기와 그림이 쪽의 오른쪽 밖으로 나가지 않아야 한다."""
    lesson.screenshot(0, shots / stem)
    for place in explorers:
        outside = lesson.screenshot(place, shots / f"{stem}-{place}")
        assert outside == [], f"셀 {place}: 화면 밖으로 나간 너비(px)"


def test_an_exercise_says_wrong_then_right(lesson, stem) -> None:
    exercise_id, name, place = next(
        found for found in exercise_cells(LESSONS[stem].notebook) if EXERCISES[found[0]].name == "answer"
    )
    one = EXERCISES[exercise_id]
    wrong = lesson.run(place, f"answer = -1\n{name}.check(answer)")
    right = lesson.run(place, f"{one.solution_code}\n{name}.check({one.name})")
    assert "✓" in outputs_text(right)
    assert "✓" not in outputs_text(wrong)
    assert outputs_text(wrong) != outputs_text(right)


def test_stopping_in_training_keeps_what_was_learned(lesson, stem) -> None:
    places = [place for place, cell in enumerate(lesson.cells()) if FIT.search(cell["source"])]
    if not places:
        assert stem == "00_convolution", "학습이 없는 수업은 00뿐이다"
        return
    place = places[0]
    before = lesson.cells()[place]
    lesson.start(place, before["source"].replace("minutes=MINUTES", "minutes=5", 1))
    button = lesson.page.locator(".jp-Cell-outputArea button:has-text('멈춤'):not([disabled])")
    button.wait_for(timeout=60_000)
    lesson.page.wait_for_timeout(1500)
    button.focus()
    lesson.page.keyboard.press("Space")
    text = outputs_text(lesson.wait(place, before["count"], 90))
    assert "멈춤" in text
    assert re.search(r"그림 [1-9][\d,]*장", text)


def test_the_console_has_no_error_of_ours(lesson) -> None:
    assert lesson.complaints == []
