"""진도: 내 폴더의 작은 파일 하나. 맞힌 것은 맞힌 것으로 남고, 반의 것은 모을 수 있다."""

import json

import pytest

import cnnlab
from cnnlab.teaching.progress import PROGRESS_FILE, ProgressError, ProgressWarning, record
from cnnlab.teaching.questions import EXERCISES, LESSONS, NAMES


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path / "me"))
    monkeypatch.delenv("CNNLAB_STUDENT", raising=False)
    return tmp_path


def solved(number: str) -> object:
    scope: dict[str, object] = {}
    exec(EXERCISES[number].solution_code, scope)
    return scope[EXERCISES[number].name]


def test_before_anything_every_lesson_is_listed_and_untouched() -> None:
    table = cnnlab.progress()
    assert list(table.index) == [f"{number} {NAMES[number]}" for number in LESSONS]
    assert table.loc["01 LeNet-5", "맞힌 문제"] == f"0/{len(LESSONS['01'])}"
    assert set(table.drop(columns="맞힌 문제").to_numpy().ravel()) <= {"·", ""}


def test_checking_an_answer_moves_it_from_untouched_to_tried_to_done(folder) -> None:
    attempt = cnnlab.exercise("01-1")
    attempt.check(None)
    assert cnnlab.progress().loc["01 LeNet-5", "1"] == "·", "빈칸은 시도가 아니다"
    attempt.check(-1)
    assert cnnlab.progress().loc["01 LeNet-5", "1"] == "△"
    assert attempt.check(solved("01-1")).correct
    attempt.check(-1)
    table = cnnlab.progress()
    assert table.loc["01 LeNet-5", "1"] == "✓", "한 번 맞힌 문제는 나중에 틀려도 맞힌 것이다"
    assert table.loc["01 LeNet-5", "맞힌 문제"] == f"1/{len(LESSONS['01'])}"


def test_the_file_holds_nothing_but_number_outcome_time_and_the_name_that_the_student_chose(folder) -> None:
    cnnlab.exercise("00-1").check(-1)
    (line,) = (folder / "me" / PROGRESS_FILE).read_text(encoding="utf-8").splitlines()
    row = json.loads(line)
    assert set(row) == {"when", "student", "exercise", "right"}
    assert (row["student"], row["exercise"], row["right"]) == ("", "00-1", False)


def test_without_a_setting_it_lives_in_the_home_folder(tmp_path, monkeypatch) -> None:
    """프로젝트 폴더를 지우고 새로 받아도 남아야 한다."""
    monkeypatch.delenv("CNNLAB_RUNS")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert record("00-1", right=True)
    assert (tmp_path / "home" / ".cnnlab" / PROGRESS_FILE).is_file()
    assert cnnlab.progress().iloc[0]["1"] == "✓"


def test_a_teacher_sees_the_class_by_name_or_by_folder(folder, monkeypatch) -> None:
    for name, own, ids in [("가람", "a", ["00-1", "01-1"]), ("", "team/b", ["00-1"]), ("가람", "c", ["00-2"])]:
        monkeypatch.setenv("CNNLAB_RUNS", str(folder / "class" / own))
        monkeypatch.setenv("CNNLAB_STUDENT", name)
        for number in ids:
            record(number, right=True)
    table = cnnlab.progress(folder / "class")
    assert list(table.index) == ["team/b", "가람"]
    assert table.loc["가람", "모두"] == 3
    assert table.loc["가람", "00"] == f"2/{len(LESSONS['00'])}"
    assert table.loc["team/b", "01"] == f"0/{len(LESSONS['01'])}"


def test_an_empty_class_folder_is_an_empty_table(folder) -> None:
    (folder / "class").mkdir()
    assert cnnlab.progress(folder / "class").empty


def test_a_missing_class_folder_is_told(folder) -> None:
    with pytest.raises(ProgressError, match="폴더가 없습니다: nowhere"):
        cnnlab.progress(folder / "nowhere")


def test_broken_lines_and_exercises_that_no_longer_exist_do_not_spoil_the_rest(folder) -> None:
    record("00-1", right=True)
    path = folder / "me" / PROGRESS_FILE
    path.write_bytes(path.read_bytes() + b'{"exercise": "99-9", "right": true}\n\xff\xfe half\n[1]\n')
    with pytest.warns(ProgressWarning, match="줄 번호: 3, 4"):
        table = cnnlab.progress()
    assert table.iloc[0]["맞힌 문제"] == f"1/{len(LESSONS['00'])}"


def test_when_it_cannot_be_written_the_answer_is_still_checked(folder) -> None:
    (folder / "me").write_text("파일이라 폴더를 만들 수 없다")
    with pytest.warns(ProgressWarning, match="CNNLAB_RUNS"):
        assert cnnlab.exercise("00-1").check(solved("00-1")).correct
