"""CIFAR-10을 찾아 온다: 이름 붙인 폴더, 프로젝트의 data/, 내려받기, 그래도 없으면 내장 shapes10.

다른 일도 돌던 2코어에서 잰 시간: 사진 60,000장은 처음 14초, 다음부터 0.7-1.0초; shapes10 1.6초(2026-11-23).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cnnlab.training.archive import CIFAR10, FOLDER
from cnnlab.training.batches import ARCHIVE, find_original, load_original
from cnnlab.training.download import DownloadError, fetch
from cnnlab.training.folders import data_folder, named_folder, shown
from cnnlab.training.image_data import DataError, ImageData
from cnnlab.training.mirrors import MirrorsError, mirrors
from cnnlab.training.pictures import find_pictures, load_pictures, looks_like_cifar10
from cnnlab.training.shapes10 import make_shapes10

__all__ = [
    "DataError",
    "DownloadError",
    "ImageData",
    "MirrorsError",
    "data_folder",
    "find_source",
    "load_cifar10",
    "make_shapes10",
]

EMBEDDED = "shapes10"  # CNNLAB_DATA에 폴더 대신 쓸 수 있는 이름


@dataclass(frozen=True)
class _Kind:
    find: Callable[[Path], Path | None]
    load: Callable[[Path], ImageData]
    label: Callable[[Path], str]


_KINDS = (
    _Kind(
        find_original, lambda path: load_original(path, CIFAR10), lambda path: f"CIFAR-10 원본({shown(path.parent)})"
    ),
    _Kind(
        find_pictures,
        load_pictures,
        lambda path: f"{'CIFAR-10 ' if looks_like_cifar10(path) else ''}사진 폴더({shown(path)})",
    ),
)


def load_cifar10(folder: str | Path | None = None, *, download: bool = True) -> ImageData:
    """CIFAR-10을 읽고, 무엇을 썼는지 한 줄 찍는다.

    folder 또는 환경 변수 CNNLAB_DATA를 주면 그 폴더만 쓴다("shapes10"은 내장 그림을 뜻한다).
    주지 않으면 프로젝트의 data/, 내려받기(download=True일 때), 내장 shapes10 순서로 처음 되는 것을 쓴다.
    폴더에는 cifar-10-batches-py, cifar-10-python.tar.gz, 사진 폴더(train/<클래스>/*.png|jpg, test/<클래스>/...)
    가운데 하나가 있으면 된다. 사진 폴더는 그 안의 cifar10/에 있어도 된다.
    환경 변수 CNNLAB_MIRRORS에 주소를 넣으면 그곳에서 먼저 내려받고, 빈 값이면 내려받지 않는다.
    오류: 이름 붙인 폴더를 쓸 수 없으면 DataError, CNNLAB_MIRRORS가 주소가 아니면 MirrorsError.
    """
    named = named_folder(folder)
    if named is None:
        data = _find_anything(allow_download=download)
    else:
        data = make_shapes10() if named == Path(EMBEDDED) else _load_folder(named)
    print(f"데이터: {data.name} | {data.source}")
    return data


def find_source(folder: str | Path | None = None) -> str:
    """load_cifar10()이 지금 무엇을 쓸지 한 구절로 말한다. 그림도 네트워크도 건드리지 않고, 오류를 내지 않는다."""
    named = named_folder(folder)
    if named == Path(EMBEDDED):
        return "내장 shapes10(CIFAR-10 아님)"
    found = _find_in(named or data_folder())
    if found is not None:
        kind, path = found
        return kind.label(path)
    return f"쓸 수 없음: {shown(named)}에 데이터가 없습니다" if named else "없음: 내려받거나 내장 shapes10을 씁니다"


def _find_in(folder: Path) -> tuple[_Kind, Path] | None:
    for kind in _KINDS:
        if path := kind.find(folder):
            return kind, path
    return None


def _load_folder(folder: Path) -> ImageData:
    if not folder.exists():
        raise DataError(
            f"데이터 폴더가 없습니다: {shown(folder)}. 경로를 고치거나, CNNLAB_DATA를 지우고 다시 시작하세요. "
            f"그림 없이 해 보려면 CNNLAB_DATA={EMBEDDED}로 두세요."
        )
    found = _find_in(folder)
    if found is None:
        raise DataError(
            f"{shown(folder)}에서 데이터를 찾지 못했습니다. {FOLDER} 폴더, {ARCHIVE} 파일, "
            "또는 train/<클래스>/사진.jpg와 test/<클래스>/사진.jpg가 있는 폴더여야 합니다."
        )
    kind, path = found
    try:
        return kind.load(path)
    except OSError as error:
        raise DataError(f"{shown(path)} 폴더를 읽을 수 없습니다({error}). 읽기 권한을 확인하세요.") from error


def _find_anything(allow_download: bool) -> ImageData:
    folder = data_folder()
    if _find_in(folder):
        try:
            return _load_folder(folder)
        except DataError as error:
            print(f"건너뜁니다: {error}")
    reason = "내려받지 않기로 했습니다"
    if allow_download and mirrors(CIFAR10.name):
        try:
            return _download_into(folder)
        except (DownloadError, DataError) as error:
            reason = f"내려받지 못했습니다({error})"
    print(
        f"CIFAR-10이 없어 내장 그림 shapes10을 씁니다. {reason}. shapes10은 CIFAR-10이 아니므로 정확도를 "
        f"CIFAR-10의 값과 견줄 수 없습니다. CIFAR-10을 쓰려면 인터넷이 되는 곳에서 다시 실행하거나 {ARCHIVE} 파일을 "
        f"{shown(folder)} 폴더에 넣으세요."
    )
    return make_shapes10()


def _download_into(folder: Path) -> ImageData:
    """커널 여럿이 함께 불러도 한 번만 받고 한 번만 푼다."""
    packed = folder / CIFAR10.name
    if packed.is_file():  # 앞서 넣어 둔 것이 깨져 있어 여기까지 왔을 수 있다
        with suppress(DataError):
            return load_original(folder / FOLDER, CIFAR10)
    fetch(folder, CIFAR10)
    return load_original(folder / FOLDER, CIFAR10)


if __name__ == "__main__":
    from cnnlab.training.data_command import main

    sys.exit(main())
