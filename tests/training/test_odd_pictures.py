"""CIFAR-10이 아닌 사진 폴더로 하는 학습: 클래스가 셋일 때, 터무니없이 큰 사진이 섞였을 때."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnlab.models import build
from cnnlab.training import pictures
from cnnlab.training.data import load_cifar10
from cnnlab.training.evaluation import evaluate
from cnnlab.training.image_data import DataError
from cnnlab.training.loop import train
from cnnlab.training.recipe import Recipe

COLOURS = {"blue": (0, 0, 200), "green": (0, 200, 0), "red": (200, 0, 0)}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """색만 보면 아는 세 클래스."""
    monkeypatch.setattr(pictures, "user_cache_folder", lambda: tmp_path / "user-cache")
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 8)):
        for name, colour in COLOURS.items():
            folder = tmp_path / "photos" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(np.array(colour) + rng.integers(-40, 40, (48, 40, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.mark.parametrize("outputs", [3, 10])
def test_three_classes_train_to_the_end(tree: Path, outputs: int) -> None:
    """수업의 신경망은 출력이 열 개다. 그래도 답은 데이터에 있는 셋 가운데서 고른다."""
    data = load_cifar10(tree)
    assert data.classes == ("blue", "green", "red")
    model = build("lenet5_cifar", num_classes=outputs)
    history = train(model, data, Recipe(epochs=24, batch_size=30, lr=0.02, augment=False))
    assert history.test_images == 24
    assert history.accuracy > 0.9
    assert evaluate(model, data).accuracy == pytest.approx(history.accuracy)


def test_a_picture_of_absurd_size_is_named_before_it_takes_memory(tree: Path) -> None:
    """머리말만 60,000x60,000이라고 적은 PNG: 풀면 10 GB다."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000))
    (tree / "train" / "red" / "huge.png").write_bytes(bomb + chunk(b"IEND", b""))
    with pytest.raises(DataError, match=r"train/red/huge\.png"):
        load_cifar10(tree)
