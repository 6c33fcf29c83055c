"""CIFAR-10 원본(파이썬 판): 여섯 묶음 파일, 또는 그것을 담은 압축 파일.

출처: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import torch

from cnnlab.training.archive import CIFAR10, FOLDER, Archive, unpack
from cnnlab.training.folders import shown
from cnnlab.training.image_data import DataError, ImageData
from cnnlab.training.locks import alone

ARCHIVE = CIFAR10.name
TRAIN_FILES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST_FILES = ("test_batch",)
META_FILE = "batches.meta"


def find_original(folder: Path) -> Path | None:
    """folder가 가리키는 원본 묶음 폴더(압축만 있으면 그것이 풀릴 자리), 없으면 None. 내용은 보지 않는다."""
    if folder.name == ARCHIVE and folder.is_file():
        return folder.parent / FOLDER
    if folder.is_dir() and (folder.name == FOLDER or any((folder / name).is_file() for name in TRAIN_FILES)):
        return folder
    if (folder / FOLDER).is_dir() or (folder / ARCHIVE).is_file():
        return folder / FOLDER
    return None


def load_original(folder: Path, archive: Archive = CIFAR10) -> ImageData:
    """원본 묶음 폴더를 읽는다. 온전하지 않은데 옆에 압축 파일이 있으면 그것을 (다시) 푼다.

    여러 프로세스가 함께 불러도 하나만 푼다. 오류: 없거나 md5가 다른 파일이 있으면 DataError(파일 이름).
    """
    packed = folder.parent / archive.name
    try:
        return _read_batches(folder, archive.members, label=folder)
    except DataError:
        if not packed.is_file():
            raise
    try:
        with alone(folder.parent, on_wait=lambda: None):
            with suppress(DataError):  # 기다리는 동안 다른 커널이 풀었다
                return _read_batches(folder, archive.members, label=folder)
            unpack(packed, folder, archive)
        return _read_batches(folder, archive.members, label=folder)
    except OSError:  # 쓸 수 없는 폴더나 가득 찬 디스크: 임시 폴더에 풀어 읽고 지운다
        with tempfile.TemporaryDirectory() as temporary:
            unpack(packed, Path(temporary) / FOLDER, archive)
            return _read_batches(Path(temporary) / FOLDER, archive.members, label=packed)


def _read_batches(folder: Path, checksums: Mapping[str, str], label: Path) -> ImageData:
    batches = {}
    for name, md5 in checksums.items():
        content = _read_checked(folder / name, md5, label)
        batches[name] = pickle.loads(content, encoding="latin1")  # md5가 맞은 바로 그 바이트만 푼다
    train_images, train_labels = _join([batches[name] for name in TRAIN_FILES])
    test_images, test_labels = _join([batches[name] for name in TEST_FILES])
    return ImageData(
        train_images,
        train_labels,
        test_images,
        test_labels,
        classes=tuple(batches[META_FILE]["label_names"]),
        name="CIFAR-10",
        source=f"원본 {shown(label)}, 학습 {len(train_labels):,}장과 시험 {len(test_labels):,}장",
    )


def _read_checked(path: Path, md5: str, label: Path) -> bytes:
    advice = f"{FOLDER} 폴더를 지우고 {ARCHIVE} 파일을 다시 내려받아 푸세요."
    if not path.is_file():
        raise DataError(f"{shown(label)}: {path.name} 파일이 없습니다. CIFAR-10의 일부만 있습니다. {advice}")
    content = path.read_bytes()
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise DataError(
            f"{shown(label)}: {path.name} 파일의 md5가 CIFAR-10의 값과 다릅니다(깨졌거나 덜 받았습니다). {advice}"
        )
    return content


def _join(batches: list[dict]) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.cat([torch.from_numpy(batch["data"]).reshape(-1, 3, 32, 32) for batch in batches])
    labels = torch.tensor([label for batch in batches for label in batch["labels"]], dtype=torch.int64)
    return images, labels
