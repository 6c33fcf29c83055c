"""CIFAR-10 원본(파이썬 판): 여섯 묶음 파일, 또는 그것을 담은 압축 파일.

출처: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch

from cnnlab.training.folders import shown
from cnnlab.training.image_data import DataError, ImageData

ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
TRAIN_FILES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST_FILES = ("test_batch",)
META_FILE = "batches.meta"


def official_checksums() -> dict[str, str]:
    """파일 이름 -> md5. torchvision의 CIFAR10이 아는 값을 그대로 쓴다."""
    from torchvision.datasets import CIFAR10

    return {**dict(CIFAR10.train_list), **dict(CIFAR10.test_list), CIFAR10.meta["filename"]: CIFAR10.meta["md5"]}


def find_original(folder: Path) -> Path | None:
    """folder가 가리키는 원본 묶음 폴더(압축만 있으면 그것이 풀릴 자리), 없으면 None. 내용은 보지 않는다."""
    if folder.name == ARCHIVE and folder.is_file():
        return folder.parent / FOLDER
    if folder.is_dir() and (folder.name == FOLDER or any((folder / name).is_file() for name in TRAIN_FILES)):
        return folder
    if (folder / FOLDER).is_dir() or (folder / ARCHIVE).is_file():
        return folder / FOLDER
    return None


def load_original(folder: Path, checksums: Mapping[str, str] | None = None) -> ImageData:
    """원본 묶음 폴더를 읽는다. 온전하지 않은데 옆에 압축 파일이 있으면 그것을 (다시) 푼다.

    checksums: 파일 이름 -> md5; 주지 않으면 torchvision이 아는 값.
    오류: 없거나 md5가 다른 파일이 있으면 DataError(파일 이름).
    """
    checksums = official_checksums() if checksums is None else checksums
    archive = folder.parent / ARCHIVE
    try:
        return _read_batches(folder, checksums, label=folder)
    except DataError:
        if not archive.is_file():
            raise
    try:
        unpack(archive, folder, checksums)
        return _read_batches(folder, checksums, label=folder)
    except OSError:  # 쓸 수 없는 폴더나 가득 찬 디스크: 임시 폴더에 풀어 읽고 지운다
        with tempfile.TemporaryDirectory() as temporary:
            unpack(archive, Path(temporary), checksums)
            return _read_batches(Path(temporary), checksums, label=archive)


def unpack(archive: Path, folder: Path, checksums: Mapping[str, str]) -> None:
    """압축에서 아는 이름의 보통 파일만 꺼내 md5를 확인하고, 모두 맞을 때 folder로 옮긴다.

    경로나 링크는 압축 안의 것을 따르지 않으므로 folder 밖에 쓰이는 것은 없다.
    오류: 깨졌거나 모르는 내용이면 DataError, 쓸 수 없으면 OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder) as temporary:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                members = {member.name: member for member in tar.getmembers() if member.isfile()}
                for name in checksums:
                    content = tar.extractfile(members[f"{FOLDER}/{name}"])
                    assert content is not None  # isfile()인 것만 골랐다
                    with open(Path(temporary) / name, "wb") as target:
                        shutil.copyfileobj(content, target)
        except (tarfile.TarError, EOFError, zlib.error, KeyError) as error:
            raise _broken_archive(archive) from error
        except OSError as error:
            if error.errno is None:  # gzip.BadGzipFile: 디스크가 아니라 내용의 문제다
                raise _broken_archive(archive) from error
            raise
        for name, md5 in checksums.items():
            _read_checked(Path(temporary) / name, md5, label=archive)
        for name in checksums:
            os.replace(Path(temporary) / name, folder / name)


def _broken_archive(archive: Path) -> DataError:
    return DataError(
        f"{shown(archive)}: 압축이 깨졌거나 CIFAR-10이 아닙니다. 이 파일을 지우고 다시 내려받으세요"
        "(170,498,071바이트, md5 c58f30108f718f92721af3b95e74349a)."
    )


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
