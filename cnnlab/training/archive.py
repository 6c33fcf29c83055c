"""CIFAR-10 원본의 압축 파일: 무엇이어야 하는지, 그것이 맞는지, 안전하게 푸는 법.

출처: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cnnlab.training.data_error import DataError
from cnnlab.training.folders import shown

FOLDER = "cifar-10-batches-py"
UNPACKING = ".unpack-"
MOST_MEMBERS = 100  # 진짜는 9개
BLOCK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """압축 파일 하나를 알아보는 값. size와 unpacked는 바이트, members는 꺼낼 파일의 이름 -> md5."""

    name: str
    size: int
    md5: str
    unpacked: int
    members: Mapping[str, str]

    def fault_of(self, path: Path) -> str | None:
        """path가 이 압축 파일이 아니면 그 까닭, 맞으면 None. 오류: 읽을 수 없으면 OSError."""
        size = path.stat().st_size
        if size != self.size:
            return f"길이가 다릅니다. 이 파일 {size:,}바이트, 기대한 것 {self.size:,}바이트"
        return None if md5_of(path) == self.md5 else "md5가 다릅니다. 다른 파일이거나 깨졌습니다"


CIFAR10 = Archive(
    name="cifar-10-python.tar.gz",
    size=170_498_071,
    md5="c58f30108f718f92721af3b95e74349a",
    unpacked=186_300_000,  # 31.04 MB 여섯과 이름표
    members=MappingProxyType(
        {
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
            "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
        }
    ),
)


def md5_of(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def unpack(packed: Path, folder: Path, archive: Archive) -> None:
    """압축이 archive가 맞는지 확인한 다음 아는 이름의 보통 파일만 꺼내 md5를 확인하고, 모두 맞을 때 folder로 옮긴다.

    경로, 링크, 장치는 압축 안의 것을 따르지 않으므로 folder 밖에 쓰이는 것은 없고, 정한 크기를 넘으면 멈춘다.
    같은 폴더를 두 프로세스가 함께 풀지 않게 부르는 쪽이 잠근다(locks.alone).
    오류: 다른 파일이거나 깨졌으면 DataError, 쓸 수 없으면 OSError.
    """
    if fault := archive.fault_of(packed):
        raise _broken(packed, archive, fault)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f"{UNPACKING}*"):  # 앞서 풀다가 죽은 것
        shutil.rmtree(left, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=UNPACKING, dir=folder.parent))
    try:
        temporary.chmod(0o755)  # mkdtemp는 만든 사람만 읽게 한다: 함께 쓰는 폴더에서는 모두 읽어야 한다
        try:
            _extract(packed, temporary, archive)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise _broken(packed, archive, "압축을 풀 수 없습니다") from error
        except OSError as error:
            if error.errno is None:  # gzip.BadGzipFile: 디스크가 아니라 내용의 문제다
                raise _broken(packed, archive, "압축을 풀 수 없습니다") from error
            raise
        for name, md5 in archive.members.items():
            if not (temporary / name).is_file() or md5_of(temporary / name) != md5:
                raise _broken(packed, archive, f"{name} 파일이 없거나 다릅니다")
        _move(temporary, folder, archive)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _extract(packed: Path, folder: Path, archive: Archive) -> None:
    wanted = {f"{FOLDER}/{name}": name for name in archive.members}
    room = 2 * archive.unpacked
    with tarfile.open(packed, "r:gz") as tar:
        for count, member in enumerate(tar, 1):
            room -= member.size
            if count > MOST_MEMBERS or room < 0 or member.size < 0:
                raise _broken(packed, archive, "안에 든 것이 너무 많거나 너무 큽니다")
            content = tar.extractfile(member) if member.isreg() and member.name in wanted else None
            if content is not None:
                with open(folder / wanted[member.name], "wb") as target:
                    shutil.copyfileobj(content, target, BLOCK)


def _move(temporary: Path, folder: Path, archive: Archive) -> None:
    """없던 폴더는 이름을 한 번 바꾸어 통째로 나타나고, 있던 폴더는 파일마다 바뀐다."""
    with suppress(OSError):
        folder.rmdir()  # 비어 있으면
    if not folder.exists():
        os.rename(temporary, folder)
        return
    for name in archive.members:
        os.replace(temporary / name, folder / name)


def _broken(packed: Path, archive: Archive, fault: str) -> DataError:
    return DataError(
        f"{shown(packed)}: 압축이 깨졌거나 CIFAR-10이 아닙니다({fault}). 이 파일을 지우고 다시 내려받으세요"
        f"({archive.size:,}바이트, md5 {archive.md5})."
    )
