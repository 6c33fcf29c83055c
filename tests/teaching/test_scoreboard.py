import math

import pytest

from cnnlab.teaching.scoreboard import ScoreboardError, scoreboard
from cnnlab.training.history import History
from cnnlab.training.runs import RUNS_FILE, RunLogWarning, append_run


def log(folder, model: str, accuracy: float, source: str = "CIFAR-10", **settings) -> None:
    recipe = {"minutes": 1.0, "epochs": None, **settings}
    append_run(History(model, source, 0, "cpu", recipe, accuracy=accuracy, test_images=10_000), folder)


def test_a_class_is_ranked_from_every_folder_under_the_shared_one(tmp_path):
    log(tmp_path / "가람", "lenet5_cifar", 0.66)
    log(tmp_path / "나래", "lenet5_cifar", 0.71)
    log(tmp_path / "나래" / "02", "vgg11_cifar", 0.68)
    board = scoreboard(tmp_path)
    assert board["순위"].tolist() == [1, 2, 3]
    assert board["누구"].tolist() == ["나래", "나래/02", "가람"]
    assert board["시험 정확도"].tolist() == [0.71, 0.68, 0.66]


def test_students_who_share_one_file_are_told_apart_by_their_name(tmp_path, monkeypatch):
    for name, accuracy in (("다온", 0.5), ("라온", 0.6)):
        monkeypatch.setenv("CNNLAB_STUDENT", name)
        log(tmp_path, "m", accuracy)
    assert scoreboard(tmp_path)["누구"].tolist() == ["라온", "다온"]


def test_my_runs_from_every_notebook_are_one_call(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path / "runs"))
    assert scoreboard().empty
    log(tmp_path / "runs", "lenet5_cifar", 0.6, lr=0.05)
    log(tmp_path / "runs", "resnet20_cifar", 0.62, lr=0.1)
    board = scoreboard()
    assert board["신경망"].tolist() == ["resnet20_cifar", "lenet5_cifar"]
    assert board["학습률"].tolist() == [0.1, 0.05]
    assert set(scoreboard().columns) == set(board.columns)


def test_different_data_are_never_ranked_against_each_other(tmp_path):
    log(tmp_path, "쉬운 것", 0.99, source="shapes10 (내장 그림)")
    log(tmp_path, "어려운 것", 0.6)
    board = scoreboard(tmp_path)
    assert board["순위"].tolist() == [1, 1]
    assert board["데이터"].nunique() == 2


def test_runs_that_could_not_be_measured_come_last_without_a_rank(tmp_path):
    log(tmp_path, "멈춘 것", math.nan)
    log(tmp_path, "잰 것", 0.1)
    board = scoreboard(tmp_path)
    assert board["신경망"].tolist() == ["잰 것", "멈춘 것"]
    assert board["순위"].isna().tolist() == [False, True]


def test_corrupt_lines_are_named_with_their_file(tmp_path):
    log(tmp_path / "가람", "m", 0.6)
    with open(tmp_path / "가람" / RUNS_FILE, "ab") as file:
        file.write(b"{cut\n")
    with pytest.warns(RunLogWarning, match=r"가람/runs\.jsonl의 줄 번호: 2"):
        assert len(scoreboard(tmp_path)) == 1


def test_a_wrong_folder_is_said_in_korean(tmp_path):
    with pytest.raises(ScoreboardError, match="없는 반"):
        scoreboard(tmp_path / "없는 반")
