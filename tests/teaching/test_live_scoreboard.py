import threading
import time

import pytest

import cnnlab
from cnnlab.teaching.live_scoreboard import ROWS, as_html
from cnnlab.teaching.scoreboard import ScoreboardError
from cnnlab.training.history import History
from cnnlab.training.runs import RUNS_FILE, append_run


def log(folder, model: str, accuracy: float, source: str = "CIFAR-10") -> None:
    append_run(History(model, source, 0, "cpu", {"minutes": 1.0}, accuracy=accuracy, test_images=10_000), folder)


def wait_until(condition) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_a_run_that_ends_later_appears_by_itself_until_it_is_stopped(tmp_path) -> None:
    board = cnnlab.live_scoreboard(tmp_path, seconds=0.02)
    assert "아직 끝난 학습이 없습니다" in board.table.value
    log(tmp_path / "가람", "lenet5_cifar", 0.6)
    assert wait_until(lambda: "가람" in board.table.value)
    assert "60.0%" in board.table.value
    board.button.click()
    assert wait_until(lambda: not board._thread.is_alive())
    log(tmp_path / "나래", "lenet5_cifar", 0.7)
    assert "나래" not in board.table.value
    assert board.button.disabled


def test_a_folder_that_disappears_for_a_while_is_read_again(tmp_path) -> None:
    home = tmp_path / "share"
    log(home, "m", 0.5)
    board = cnnlab.live_scoreboard(home, seconds=0.02)
    home.rename(tmp_path / "gone")
    assert wait_until(lambda: "다시 시도합니다" in board.table.value)
    (tmp_path / "gone").rename(home)
    assert wait_until(lambda: "50.0%" in board.table.value)
    board.stop()


def test_a_half_written_line_does_not_disturb_the_screen(tmp_path, recwarn) -> None:
    log(tmp_path, "m", 0.5)
    path = tmp_path / RUNS_FILE
    path.write_bytes(path.read_bytes() + b'{"model": "half')
    assert "50.0%" in cnnlab.live_scoreboard(tmp_path, seconds=60).table.value
    assert list(recwarn) == []


def test_a_missing_folder_is_told_at_once() -> None:
    before = threading.active_count()
    with pytest.raises(ScoreboardError):
        cnnlab.live_scoreboard("nowhere")
    assert threading.active_count() == before


def test_names_that_students_choose_are_shown_as_text(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CNNLAB_STUDENT", "<script>alert(1)</script>")
    log(tmp_path, "m", 0.5, source="<b>내 데이터</b>")
    page = as_html(tmp_path)
    assert "<script" not in page
    assert "<b>" not in page


def test_a_big_class_is_cut_to_what_a_screen_holds_and_the_rest_is_counted(tmp_path) -> None:
    for number in range(ROWS + 3):
        log(tmp_path, f"m{number}", number / 100)
    page = as_html(tmp_path)
    assert page.count("<tr") == ROWS + 1
    assert "3번의 학습이 더 있습니다" in page
