import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from cnnlab.training import json_lines, runs
from cnnlab.training.runs import EvalRecord, History, RunLogWarning, StepRecord, append_run, load_runs


def make_history(**changes) -> History:
    values = {
        "model": "LeNet5",
        "source": "shapes10 (내장 그림)",
        "seed": 3,
        "device": "cpu",
        "recipe": {"minutes": 1, "epochs": None, "lr": 0.05, "seed": 3},
        "steps": [StepRecord(0.5, 1.0, 2.0, 0.3, 0.05), StepRecord(1.0, 2.0, 1.5, 0.4, 0.0)],
        "evals": [EvalRecord(0.0, 0.1, 0.1, 2.3), EvalRecord(1.0, 2.1, 0.45, 1.4)],
        "images_seen": 1000,
        "seconds": 2.5,
        "train_seconds": 2.0,
        "stopped": runs.TIME_UP,
        "accuracy": 0.451,
        "loss": 1.4,
        "test_images": 10_000,
    }
    return History(**(values | changes))


def test_frame_holds_training_and_test_records_in_order_of_epoch():
    frame = make_history().frame()
    assert list(frame.epoch) == [0.0, 0.5, 1.0, 1.0]
    assert frame.test_accuracy.dropna().tolist() == [0.1, 0.45]
    assert frame.loss.dropna().tolist() == [2.0, 1.5]
    assert list(History("m", "s", 0, "cpu", {}).frame().columns) == list(frame.columns)


def test_summary_names_the_data_and_the_result_in_one_line():
    text = make_history().summary()
    assert "shapes10" in text
    assert "45.1%" in text
    assert "초당 500장" in text
    assert "\n" not in text


def test_summary_of_an_unfinished_run_says_so_and_a_diverged_one_says_what_to_do():
    assert "재지 못함" in make_history(accuracy=math.nan).summary()
    assert "lr=0.05" in make_history(stopped=runs.DIVERGED).summary()


def test_appended_runs_come_back_as_a_table(tmp_path):
    folder = tmp_path / "data" / "runs"
    assert append_run(make_history(), folder)
    assert append_run(make_history(model="다른 모델", accuracy=math.nan), folder)
    table = load_runs(folder)
    assert table.model.tolist() == ["LeNet5", "다른 모델"]
    assert table.accuracy[0] == 0.451
    assert math.isnan(table.accuracy[1])
    assert table.lr.tolist() == [0.05, 0.05]
    assert "steps" not in table


def test_log_lines_are_strict_json_without_paths(tmp_path):
    append_run(make_history(loss=math.inf), tmp_path)
    (line,) = (tmp_path / runs.RUNS_FILE).read_text(encoding="utf-8").splitlines()
    assert json.loads(line, parse_constant=lambda word: pytest.fail(word))["loss"] is None
    assert str(tmp_path) not in line


def test_settings_given_as_numpy_numbers_are_logged(tmp_path):
    assert append_run(make_history(recipe={"batch_size": np.int64(64), "lr": np.float32(0.5)}), tmp_path)
    table = load_runs(tmp_path)
    assert (table.batch_size[0], table.lr[0]) == (64, 0.5)


def test_corrupt_lines_are_skipped_and_named(tmp_path):
    append_run(make_history(), tmp_path)
    path = tmp_path / runs.RUNS_FILE
    path.write_bytes(path.read_bytes() + b'{"cut\n\xff\xfe\n[1]\n\n')
    append_run(make_history(), tmp_path)
    with pytest.warns(RunLogWarning, match="2, 3, 4"):
        table = load_runs(tmp_path)
    assert len(table) == 2
    assert table.attrs["skipped"] == [2, 3, 4]


def test_a_line_cut_by_a_power_failure_does_not_swallow_the_next_run(tmp_path):
    path = tmp_path / runs.RUNS_FILE
    path.write_bytes(b'{"model": "cu')
    assert append_run(make_history(), tmp_path)
    with pytest.warns(RunLogWarning, match="1"):
        assert load_runs(tmp_path).model.tolist() == ["LeNet5"]


def test_missing_log_is_an_empty_table(tmp_path):
    assert load_runs(tmp_path / "none").empty


def test_unwritable_folder_warns_and_keeps_the_history(tmp_path):
    blocked = tmp_path / "runs"
    blocked.write_text("폴더가 아니라 파일")
    with pytest.warns(RunLogWarning, match="쓰지 못했습니다"):
        assert append_run(make_history(), blocked) is False


def test_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    append_run(make_history(), tmp_path)
    path = tmp_path / runs.RUNS_FILE
    before = path.read_bytes()
    real_open = open

    class FullDisk:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, line):
            return self.file.write(line[:10])

    def open_on_full_disk(name, mode="r", **options):
        file = real_open(name, mode, **options)
        return FullDisk(file) if mode == "ab" else file

    monkeypatch.setattr(json_lines, "open", open_on_full_disk, raising=False)
    with pytest.warns(RunLogWarning, match="가득"):
        assert append_run(make_history(), tmp_path) is False
    assert path.read_bytes() == before


def test_a_lock_held_elsewhere_is_not_waited_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "LOCK_SECONDS", 0.05)
    from filelock import FileLock

    with FileLock(tmp_path / f"{runs.RUNS_FILE}.lock"), pytest.warns(RunLogWarning, match="쓰지 못했습니다"):
        assert append_run(make_history(), tmp_path) is False


def test_history_can_be_saved_and_loaded_by_torch(tmp_path):
    torch.save(make_history(), tmp_path / "h.pt")
    assert torch.load(tmp_path / "h.pt", weights_only=False) == make_history()


APPEND_MANY = """
import sys
from cnnlab.training.runs import History, append_run
for turn in range(25):
    assert append_run(History("m" * 500, "s", turn, "cpu", {}), sys.argv[1])
"""


def test_many_processes_append_without_losing_or_cutting_a_line(tmp_path):
    workers = [subprocess.Popen([sys.executable, "-c", APPEND_MANY, str(tmp_path)]) for _ in range(4)]
    assert [worker.wait() for worker in workers] == [0] * 4
    table = load_runs(tmp_path)
    assert len(table) == 100
    assert table.attrs["skipped"] == []


def test_the_students_name_is_logged_when_given(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_STUDENT", " 가람 ")
    append_run(make_history(), tmp_path)
    monkeypatch.delenv("CNNLAB_STUDENT")
    append_run(make_history(), tmp_path)
    assert load_runs(tmp_path).student.tolist() == ["가람", ""]
