"""사진 폴더(`train/<클래스>/*.png|jpg|jpeg`, `test/<클래스>/...`)를 읽는다. 푸는 일은 한 번만 하고 결과를 파일로 둔다.

한 번 푼 60,000장은 파일 하나(184 MB)에서 1초 안에 다시 읽힌다. 사진의 이름, 크기, 고친 시각이 바뀌면 새로 푼다.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cnnlab.training.folders import shown, user_cache_folder
from cnnlab.training.image_data import CIFAR10_CLASSES, DataError, ImageData
from cnnlab.training.progress import ProgressLine

SIZE = 32
SUFFIXES = (".png", ".jpg", ".jpeg")
PARTS = ("train", "test")
CACHE_FORMAT = "cnnlab-pictures-1"  # 푸는 방법이 바뀌면 올린다: 옛 캐시를 쓰지 않게 된다
CACHE_FIELDS = ("train_images", "train_labels", "test_images", "test_labels")
WAIT_SECONDS = 600
CHUNK = 250  # 작업 하나가 푸는 사진 수
CIFAR10_COUNTS = {"train": 5_000, "test": 1_000}  # 클래스마다


@dataclass(frozen=True)
class PictureTree:
    """사진 폴더의 차례표: 어떤 사진이 어느 클래스인가. 사진 내용은 아직 읽지 않았다."""

    folder: Path
    classes: tuple[str, ...]
    files: dict[str, list[os.DirEntry[str]]]  # "train"과 "test"; 클래스, 이름 순서
    labels: dict[str, np.ndarray]  # int64 (N,)

    def fingerprint(self) -> str:
        """사진의 이름, 크기, 고친 시각이 하나라도 다르면 달라지는 값."""
        digest = hashlib.sha256(CACHE_FORMAT.encode())
        digest.update(repr(self.classes).encode())
        for part in PARTS:
            for label, entry in zip(self.labels[part].tolist(), self.files[part], strict=True):
                stat = entry.stat()
                line = f"{part}/{label}/{entry.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
                digest.update(line.encode(errors="surrogateescape"))
        return digest.hexdigest()

    def is_cifar10(self) -> bool:
        """CIFAR-10 전체의 사본인가: 클래스 이름과 클래스별 사진 수가 모두 같다."""
        return self.classes == CIFAR10_CLASSES and all(
            (np.bincount(self.labels[part], minlength=10) == CIFAR10_COUNTS[part]).all() for part in PARTS
        )

    def kind(self) -> str:
        """그래프 제목과 기록에 쓰는 짧은 이름."""
        if not self.is_cifar10():
            return f"사진 폴더 {self.folder.resolve().name}"
        lossless = all(entry.name.lower().endswith(".png") for entry in self.files["test"])
        return f"CIFAR-10 ({'PNG' if lossless else 'JPEG'} 사본)"


def find_pictures(folder: Path) -> Path | None:
    """folder 자신이나 그 안의 cifar10/이 사진 폴더이면 그 경로, 아니면 None. 내용은 보지 않는다."""
    if any((folder / part).is_dir() for part in PARTS):
        return folder
    return folder / "cifar10" if (folder / "cifar10").is_dir() else None


def looks_like_cifar10(folder: Path) -> bool:
    """CIFAR-10 전체의 사본으로 보이는가: 구성이 잘못되었으면 False(오류는 읽을 때 말한다)."""
    try:
        return scan(folder).is_cifar10()
    except (DataError, OSError):
        return False


def load_pictures(folder: Path) -> ImageData:
    """사진 폴더를 읽는다. 32x32가 아니면 가운데를 정사각형으로 잘라 줄이고, 흑백·팔레트·투명·CMYK는 RGB로 바꾼다.

    반환: ImageData. 클래스는 이름 순서(CIFAR-10의 공식 순서이기도 하다).
    오류: 폴더 구성이 맞지 않거나 읽을 수 없는 사진이 있으면 DataError(파일 이름).
    캐시에 쓸 수 없으면 그렇다고 한 줄 찍고 캐시 없이 간다.
    """
    tree = scan(folder)
    arrays = _cached_arrays(tree)
    return ImageData(
        **{field: torch.from_numpy(arrays[field]) for field in CACHE_FIELDS},
        classes=tree.classes,
        name=tree.kind(),
        source=f"사진 {shown(folder)}, 학습 {len(tree.files['train']):,}장과 시험 {len(tree.files['test']):,}장",
    )


def scan(folder: Path) -> PictureTree:
    """사진 폴더의 구성을 확인하고 차례표를 만든다. 오류: 맞지 않는 곳을 말하는 DataError."""
    found = {part: _class_files(folder, part) for part in PARTS}
    for part, other in (PARTS, PARTS[::-1]):
        if extra := sorted(found[part].keys() - found[other].keys()):
            raise DataError(
                f"{shown(folder)}: train과 test의 클래스가 다릅니다. {part}에만 있는 것: {', '.join(extra)}. "
                "두 폴더에 같은 이름의 클래스 폴더를 두세요."
            )
    classes = tuple(sorted(found["train"]))
    if len(classes) < 2:
        raise DataError(
            f"{shown(folder)}: 클래스가 둘 이상 필요합니다. train에서 찾은 클래스: {', '.join(classes) or '없음'}. "
            "train/<클래스>/사진.jpg처럼 클래스마다 폴더를 만드세요."
        )
    return PictureTree(
        folder=folder,
        classes=classes,
        files={part: [entry for name in classes for entry in found[part][name]] for part in PARTS},
        labels={
            part: np.repeat(np.arange(len(classes)), [len(found[part][name]) for name in classes]) for part in PARTS
        },
    )


def _class_files(folder: Path, part: str) -> dict[str, list[os.DirEntry[str]]]:
    """클래스 이름 -> 사진들. 점으로 시작하는 이름(.DS_Store, ._a.jpg, .ipynb_checkpoints)은 보지 않는다."""
    if not (folder / part).is_dir():
        raise DataError(
            f"{shown(folder)}: {part} 폴더가 없습니다. "
            "train/<클래스>/사진.jpg와 test/<클래스>/사진.jpg로 나누어 넣으세요."
        )
    found: dict[str, list[os.DirEntry[str]]] = {}
    for directory in _visible(folder / part):
        if not directory.is_dir():
            continue
        files = [entry for entry in _visible(directory.path) if entry.name.lower().endswith(SUFFIXES)]
        if not files:
            raise DataError(
                f"{shown(Path(directory.path))}: 사진이 없습니다. png, jpg, jpeg 사진을 넣거나 이 폴더를 지우세요."
            )
        # macOS는 한글 폴더 이름을 자모로 풀어(NFD) 저장한다: 다른 기계에서 온 같은 이름과 만나게 한다
        found.setdefault(unicodedata.normalize("NFC", directory.name), []).extend(files)
    return found


def _visible(folder: str | Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)


# 캐시 ---------------------------------------------------------------------------------------------------------------


def _cached_arrays(tree: PictureTree) -> dict[str, np.ndarray]:
    """캐시에서 읽거나, 풀어서 캐시에 쓴다. 여러 프로세스가 함께 불러도 하나만 푼다."""
    fingerprint = tree.fingerprint()
    beside, elsewhere = places = _cache_places(tree.folder)
    for place in places:
        if arrays := _read_cache(place, tree, fingerprint):
            return arrays
    for place in places:
        with _locked(place) as locked:
            if not locked:
                continue
            arrays = _read_cache(place, tree, fingerprint)  # 기다리는 동안 다른 프로세스가 풀었을 수 있다
            if arrays is None:
                arrays = decode_tree(tree)
                if _write_cache(place, arrays, fingerprint) and place == elsewhere:
                    print(f"사진 폴더에 쓸 수 없어 푼 결과를 {shown(place)} 파일에 두었습니다.")
            return arrays
    print(f"{shown(beside.parent)} 폴더에도 사용자 캐시에도 쓸 수 없어, 다음에도 사진을 처음부터 풉니다.")
    return decode_tree(tree)


def _cache_places(folder: Path) -> tuple[Path, Path]:
    """캐시 파일을 둘 곳: 사진 폴더 안, 그곳에 쓸 수 없으면 사용자 캐시."""
    key = hashlib.sha256(str(folder.resolve()).encode(errors="surrogateescape")).hexdigest()[:16]
    return folder / ".cnnlab-cache" / "pictures.npz", user_cache_folder() / f"pictures-{key}.npz"


@contextmanager
def _locked(place: Path) -> Iterator[bool]:
    """이 캐시를 혼자 쓰는 동안 True. 잠글 수 없으면(읽기 전용, 잠금 없는 파일 시스템, 너무 오래 기다림) False."""
    from filelock import FileLock, Timeout

    lock = FileLock(place.with_suffix(".lock"))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=2)
        except Timeout:
            print("다른 커널이 같은 사진을 풀고 있어 기다립니다.")
            lock.acquire(timeout=WAIT_SECONDS)
    except (OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _read_cache(place: Path, tree: PictureTree, fingerprint: str) -> dict[str, np.ndarray] | None:
    """캐시가 이 사진들의 것이면 그 배열들, 없거나 낡았거나 깨졌으면 None."""
    try:
        with np.load(place, allow_pickle=False) as stored:
            if str(stored["fingerprint"]) != fingerprint:
                return None
            arrays = {field: stored[field] for field in CACHE_FIELDS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    for part in PARTS:
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        expected = (len(tree.files[part]), 3, SIZE, SIZE)
        if images.shape != expected or images.dtype != np.uint8 or not np.array_equal(labels, tree.labels[part]):
            return None
    return arrays


def _write_cache(place: Path, arrays: dict[str, np.ndarray], fingerprint: str) -> bool:
    """다 쓴 다음에 이름을 바꾼다: 중간에 멈추어도 반쯤 쓴 캐시가 남지 않는다. 썼으면 True."""
    unfinished = place.with_suffix(".part")
    try:
        with open(unfinished, "wb") as file:
            np.savez(
                file,
                fingerprint=np.array(fingerprint),
                train_images=arrays["train_images"],
                train_labels=arrays["train_labels"],
                test_images=arrays["test_images"],
                test_labels=arrays["test_labels"],
            )
        os.replace(unfinished, place)
    except OSError as error:
        print(f"푼 사진을 {shown(place)} 파일에 저장하지 못했습니다({error.strerror or error}). 다음에 다시 풉니다.")
        return False
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return True


# 사진 풀기 ----------------------------------------------------------------------------------------------------------


def decode_tree(tree: PictureTree) -> dict[str, np.ndarray]:
    """모든 사진을 풀어 uint8 (N, 3, 32, 32) 배열로 만든다. 오류: 읽을 수 없는 사진을 모두 세어 DataError."""
    images = {part: np.empty((len(tree.files[part]), 3, SIZE, SIZE), np.uint8) for part in PARTS}
    jobs = [(part, start) for part in PARTS for start in range(0, len(tree.files[part]), CHUNK)]

    def decode_some(job: tuple[str, int]) -> list[str]:
        part, start = job
        unreadable = []
        for index, entry in enumerate(tree.files[part][start : start + CHUNK], start):
            try:
                images[part][index] = decode(entry.path)
            except Exception as error:  # 깨진 파일에서 PIL이 내는 예외는 종류가 정해져 있지 않다
                unreadable.append(f"{shown(Path(entry.path))} ({error})")
        return unreadable

    unreadable: list[str] = []
    total = sum(len(array) for array in images.values())
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        with ProgressLine(f"사진 {total:,}장을 처음 한 번 풉니다", len(jobs)) as progress:
            for done, some in enumerate(pool.map(decode_some, jobs), 1):
                unreadable += some
                progress(done)
    finally:
        pool.shutdown(cancel_futures=True)  # Kernel > Interrupt에 남은 작업을 기다리지 않는다
    if unreadable:
        listed = unreadable[:5] + ["..."] * (len(unreadable) > 5)
        raise DataError(
            f"읽을 수 없는 사진이 {len(unreadable):,}장 있습니다. 지우거나 온전한 사진으로 바꾸고 다시 실행하세요.\n  "
            + "\n  ".join(listed)
        )
    labels = {f"{part}_labels": tree.labels[part] for part in PARTS}
    return {**{f"{part}_images": images[part] for part in PARTS}, **labels}


def decode(path: str) -> np.ndarray:
    """사진 하나 -> uint8 (3, 32, 32). 오류: PIL이 내는 예외 그대로."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        opened.draft("RGB", (4 * SIZE, 4 * SIZE))  # 큰 JPEG는 줄여서 푼다: 1,200만 화소에서 몇 배 빠르다
        picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I"):  # 16비트 흑백: convert는 256 이상을 모두 흰색으로 자른다
            picture = Image.fromarray((np.asarray(picture).astype(np.int64) // 256).clip(0, 255).astype(np.uint8))
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        picture = picture.convert("RGB")
        if picture.size != (SIZE, SIZE):
            picture = ImageOps.fit(picture, (SIZE, SIZE), Image.Resampling.LANCZOS)
        return np.asarray(picture).transpose(2, 0, 1)
