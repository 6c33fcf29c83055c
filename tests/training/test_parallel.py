"""프로세스 둘이 미니배치를 나누어 학습한 것은 하나가 같은 미니배치로 학습한 것과 같다.

배치 정규화가 없는 LeNet-5로 잰다. 배치 정규화의 통계는 나눈 몫마다 달라, 같아야 할 까닭이 없다.
"""

import json
import os
import subprocess
import sys

import pytest
import torch

from cnnlab.training import __main__ as command
from cnnlab.training.checkpoints import load_checkpoint
from cnnlab.training.history import EPOCHS_DONE, History
from cnnlab.training.parallel import ParallelError, World
from cnnlab.training.runs import load_runs

RUN = ["lenet5_cifar", "--epochs", "0.1", "--batch-size", "50", "--precision", "float32", "--lr", "0.1"]


def environment(folder) -> dict[str, str]:
    return {**os.environ, "CNNLAB_DATA": "shapes10", "CNNLAB_RUNS": str(folder), "OMP_NUM_THREADS": "1"}


def launch_two(folder, *arguments: str) -> str:
    """torchrun --nproc-per-node=2 -m cnnlab.training ..."""
    launcher = ["torch.distributed.run", "--nproc-per-node=2", "--standalone", "-m", "cnnlab.training"]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, *arguments],
        env=environment(folder),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not torch.distributed.is_available(), reason="분산 학습 없이 만든 torch")
def test_two_processes_equal_one_with_the_same_global_batch(tmp_path, monkeypatch):
    for name, value in environment(tmp_path / "one").items():
        monkeypatch.setenv(name, value)
    command.main(RUN)
    out = launch_two(tmp_path / "two", *RUN)
    assert "프로세스 2개" in out
    assert out.count("끝난 까닭") == 1
    (one,), (two,) = (list((tmp_path / name).glob("*.pt")) for name in ("one", "two"))  # 체크포인트는 하나씩이다
    curves = [History.load(path.with_suffix(".json")) for path in (one, two)]
    assert len(load_runs(tmp_path / "two")) == 1
    for a, b in zip(*(history.steps for history in curves), strict=True):
        assert b.loss == pytest.approx(a.loss, rel=1e-5)
        assert (b.epoch, b.lr) == (a.epoch, a.lr)
    assert curves[1].images_seen == curves[0].images_seen == 1000
    assert curves[1].loss == pytest.approx(curves[0].loss, rel=1e-5)
    weights = [load_checkpoint(path)["result"]["model"] for path in (one, two)]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-4, atol=1e-6)


def test_parts_of_a_world_make_up_the_whole():
    batch = torch.arange(12)
    parts = [World(rank, 3).part(batch) for rank in range(3)]
    assert sorted(torch.cat(parts).tolist()) == batch.tolist()
    assert {len(part) for part in parts} == {4}


def test_a_batch_that_cannot_be_shared_equally_is_refused():
    World(0, 3).check_batch(12)
    with pytest.raises(ParallelError, match="배수"):
        World(0, 3).check_batch(128)


# 명령줄


@pytest.fixture
def runs_here(tmp_path, monkeypatch):
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_a_stopped_command_resumes_to_the_result_of_an_uninterrupted_one(runs_here, monkeypatch, capsys):
    assert command.main([*RUN, "--name", "한 번에"]) == 0
    real = command.train

    def interrupted(*arguments, listeners=(), **options):
        def stop(progress):
            if progress.images_seen >= 500:
                raise KeyboardInterrupt

        return real(*arguments[:3], [stop], **options)

    monkeypatch.setattr(command, "train", interrupted)
    assert command.main([*RUN, "--name", "이어서"]) == 130
    monkeypatch.setattr(command, "train", real)
    assert command.main([*RUN, "--name", "이어서", "--resume"]) == 0
    whole, resumed = (next(runs_here.glob(f"{name}-*.json")) for name in ("한_번에", "이어서"))
    whole, resumed = History.load(whole), History.load(resumed)
    assert (resumed.loss, resumed.accuracy, resumed.stopped) == (whole.loss, whole.accuracy, EPOCHS_DONE)
    assert [step.loss for step in resumed.steps] == [step.loss for step in whole.steps]
    assert load_runs(runs_here).stopped.tolist()[-1] == EPOCHS_DONE
    assert "이어 갑니다" in capsys.readouterr().out
    assert command.main([*RUN, "--name", "이어서", "--resume"]) == 2  # 마친 것은 이어 가지 않는다
    finished = str(next(runs_here.glob("이어서-*.pt")))
    assert command.main([*RUN, "--name", "이어서", "--resume", finished]) == 0
    assert "이미 마친" in capsys.readouterr().out
    assert len(load_runs(runs_here)) == 3


def test_progress_and_the_result_are_printed_and_the_choice_is_shown(runs_here, capsys):
    assert command.main(["lenet5_cifar", "--epochs", "0.05"]) == 0
    out = capsys.readouterr().out
    assert "shapes10" in out
    assert "남은 시간" in out
    row = json.loads((runs_here / "runs.jsonl").read_text(encoding="utf-8"))
    assert row["precision"] in out
    assert row["precision"] != "measure"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lenet6", "--epochs", "1"], "혹시 lenet5"),
        (["no.such.module:make", "--epochs", "1"], "모듈:함수"),
        (["lenet5_cifar", "--epochs", "1", "--lr", "-1"], "lr"),
        (["lenet5_cifar", "--epochs", "1", "--resume"], "이어 갈 체크포인트가 없습니다"),
        (["lenet5", "--epochs", "1"], "입력 채널"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told_in_korean_without_a_traceback(runs_here, capsys, arguments, words):
    assert command.main(arguments) == 2
    assert words in capsys.readouterr().err
    assert not list(runs_here.glob("*.pt"))


def test_a_function_of_ones_own_can_be_trained(runs_here, tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(
        "from torch import nn\ndef make(): return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert command.main(["own_models:make", "--epochs", "0.02", "--precision", "float32"]) == 0
    assert load_runs(runs_here).model.tolist() == ["own_models:make"]
