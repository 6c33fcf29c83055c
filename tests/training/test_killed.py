"""쓰는 도중에 SIGKILL: 정리할 틈이 없다. 쉰 번을 아무 때나 죽여도 온전한 것이 남고, 학습은 그 자리에서 이어진다."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows에는 SIGKILL이 없다")
KILLS = 50

# torch를 한 번만 불러 놓고 자식을 fork해 죽인다. 자식은 스레드 하나로 같은 파일들을 쉬지 않고 고쳐 쓴다
WRITER = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
from cnnlab.training.checkpoints import load_checkpoint, save_checkpoint
from cnnlab.training.json_lines import append_line, read_lines

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
chance = random.Random(0)
checkpoint, lines = folder / "run.pt", folder / "runs.jsonl"
save_checkpoint(checkpoint, {"step": 0, "weights": torch.zeros(200_000)})
steps, halves = [], []
for _ in range(kills):
    start = load_checkpoint(checkpoint)["step"]
    child = os.fork()
    if not child:
        step = start
        while True:
            step += 1
            save_checkpoint(checkpoint, {"step": step, "weights": torch.full((200_000,), float(step))})
            append_line(lines, {"step": step, "said": "가" * 500})
    time.sleep(chance.uniform(0, 0.06))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    state = load_checkpoint(checkpoint)
    assert bool((state["weights"] == state["step"]).all()), "섞인 체크포인트"
    steps.append(state["step"] - start)
    halves.append(len(list(folder.glob(".run.pt.*"))))
append_line(lines, {"step": -1})
rows, skipped = read_lines(lines)
print(json.dumps({"steps": steps, "halves": halves, "rows": [row["step"] for row in rows], "skipped": len(skipped)}))
"""


def test_a_writer_killed_fifty_times_leaves_a_whole_checkpoint_and_whole_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path), str(KILLS)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["steps"]) == KILLS
    assert min(found["steps"]) >= 0, "죽기 전에 다 쓴 것보다 뒤로 가지 않는다"
    assert sum(found["steps"]) >= KILLS / 2, "죽기 전에 실제로 쓰고 있었다"
    assert max(found["halves"]) <= 2, "죽은 프로세스가 쓰다 만 파일은 다음에 쓸 때 치운다"
    assert found["rows"][-1] == -1, "잘린 줄 다음에도 새 줄이 들어간다"
    assert found["skipped"] <= KILLS


LOADER = """
import json, os, random, shutil, signal, sys, time
from pathlib import Path
import torch
from cnnlab.training.pictures import load_pictures

tree, kills = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
chance = random.Random(0)
started = time.monotonic()
first = load_pictures(tree)
whole = time.monotonic() - started
sums = set()
for _ in range(kills):
    shutil.rmtree(tree / ".cnnlab-cache")
    child = os.fork()
    if not child:
        load_pictures(tree)
        os._exit(0)
    time.sleep(chance.uniform(0, whole))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    sums.add(int(load_pictures(tree).train_images.sum()))
left = [path.name for path in (tree / ".cnnlab-cache").iterdir()]
print(json.dumps({"sums": list(sums), "first": int(first.train_images.sum()), "left": left}))
"""


def test_a_loader_killed_fifty_times_never_leaves_a_half_cache(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in ("cat", "dog", "frog"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(20):
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{number}.png")
    done = subprocess.run(
        [sys.executable, "-c", LOADER, str(tmp_path), str(KILLS)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["sums"] == [found["first"]]
    assert len(found["left"]) <= 3, found["left"]


TRAINER = """
import sys
import cnnlab.training.loop as loop
from cnnlab.training.__main__ import main
loop.EVERY_SECONDS = 0.0
sys.exit(main(sys.argv[1:]))
"""


def trainer(folder: Path, *more: str) -> subprocess.Popen:
    arguments = ["lenet5_cifar", "--epochs", "0.4", "--batch-size", "64", "--precision", "float32", "--folder", folder]
    command = [sys.executable, "-c", TRAINER, *map(str, arguments), *more]
    environment = {**os.environ, "CNNLAB_DATA": "shapes10", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def curve(folder: Path) -> tuple[list, list]:
    (path,) = folder.glob("lenet5_cifar-*.json")
    values = json.loads(path.read_text(encoding="utf-8"))
    return [step["loss"] for step in values["steps"]], [one["accuracy"] for one in values["evals"]]


def test_training_killed_with_sigkill_resumes_to_the_same_curve(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    running = trainer(whole)
    said, _ = running.communicate(timeout=200)
    assert running.returncode == 0, said

    victim = trainer(killed)
    end = time.monotonic() + 100
    while not list(killed.glob("lenet5_cifar-*.pt")) and time.monotonic() < end:
        assert victim.poll() is None, victim.communicate()[0]
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL, "다 마치기 전에 죽어야 한다"
    assert not list(killed.glob("*.json")), "죽은 학습은 곡선을 남기지 못했다"

    resumed = trainer(killed, "--resume")
    said, _ = resumed.communicate(timeout=200)
    assert resumed.returncode == 0, said
    assert "이어 갑니다" in said
    assert curve(killed) == curve(whole)
