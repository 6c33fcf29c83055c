"""한 교실: 커널 여덟이 한 데이터 폴더로 한꺼번에 수업의 앞부분(1분 학습까지)을 한다."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cnnlab.training.data import load_cifar10

ROOT = Path(__file__).resolve().parents[2]
KERNELS = 8
TRAIN, TEST = 40, 10  # 클래스마다의 사진


@pytest.fixture(scope="module")
def shared_pictures(tmp_path_factory) -> Path:
    """여덟이 함께 읽는 폴더: 내장 그림을 PNG로 쓴 것."""
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNLAB_DATA", "shapes10")
        drawn = load_cifar10()
    for split, images, labels, count in (
        ("train", drawn.train_images, drawn.train_labels, TRAIN),
        ("test", drawn.test_images, drawn.test_labels, TEST),
    ):
        for number, name in enumerate(drawn.classes):
            home = folder / split / name
            home.mkdir(parents=True)
            for n, index in enumerate((labels == number).nonzero().flatten()[:count].tolist()):
                Image.fromarray(images[index].permute(1, 2, 0).numpy()).save(home / f"{n:03}.png")
    return folder


@pytest.fixture(scope="module")
def students(shared_pictures, tmp_path_factory) -> list[dict]:
    out = tmp_path_factory.mktemp("class") / "students.json"
    before = {path: path.read_bytes() for path in shared_pictures.rglob("*.png")}
    command = [sys.executable, str(ROOT / "benchmarks" / "classroom.py"), f"--kernels={KERNELS}"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    subprocess.run([*command, f"--data={shared_pictures}", f"--json={out}"], check=True, timeout=600, env=environment)
    assert {path: path.read_bytes() for path in shared_pictures.rglob("*.png")} == before
    return json.loads(out.read_text(encoding="utf-8"))


def test_all_of_them_get_through_without_an_error(students) -> None:
    assert [student["errors"] for student in students] == [[]] * KERNELS


def test_all_of_them_read_the_same_shared_pictures(students) -> None:
    assert {student["source"] for student in students} == {students[0]["source"]}
    assert f"학습 {TRAIN * 10}장" in students[0]["source"]


def test_each_one_has_a_log_of_their_own(students) -> None:
    assert [student["runs"] for student in students] == [1] * KERNELS


def test_each_one_takes_only_a_share_of_the_cores(students) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    assert {student["threads"] for student in students} == {max(1, -(-cores // KERNELS))}
