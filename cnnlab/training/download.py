"""압축 파일을 한 번만 내려받는다. 길이와 md5가 맞기 전에는 완성된 이름으로 나타나지 않는다.

받는 동안에는 이름 끝에 .part가 붙는다. 어느 주소의 파일이나 바이트까지 같으므로 다른 주소에서, 다음번에도 이어 받는다.
"""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cnnlab.errors import LearnerError
from cnnlab.training.archive import CIFAR10, Archive, md5_of
from cnnlab.training.folders import shown
from cnnlab.training.locks import LOCK, alone
from cnnlab.training.mirrors import mirrors
from cnnlab.training.progress import ProgressLine
from cnnlab.training.transfer import Broken, Limits, MirrorFailed, TooSlow, receive, size_of

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
WORTH_RETRY = 0.05  # 끊긴 주소라도 파일의 이만큼을 더 받았으면 다시 부른다
BEFORE = "앞서 받은 것"


class DownloadError(LearnerError, OSError):
    """내려받지 못했다: 어디서 왜 그런지 말한다."""


def fetch(
    folder: Path, archive: Archive = CIFAR10, urls: Sequence[str] | None = None, limits: Limits | None = None
) -> Path:
    """folder에 archive가 온전히 있게 한다. 여러 프로세스가 함께 불러도 하나만 받고 나머지는 기다린다.

    반환: 압축 파일의 경로. 오류: 받을 수 없거나 저장할 수 없으면 DownloadError.
    """
    target = folder / archive.name
    if _whole(target, archive):
        return target
    made_here = not folder.exists()
    waiting = _Waiting(target, archive)
    try:
        with alone(folder, waiting.show) as locked:
            waiting.close()
            if _whole(target, archive):  # 기다리는 동안 다른 커널이 받았다
                return target
            part = part_of(target) if locked else target.with_name(f"{target.name}.part-{os.getpid()}")
            try:
                download(target, urls, archive=archive, limits=limits, part=part)
            except DownloadError:
                _leave_nothing_empty(folder, part)
                raise
            finally:
                if not locked:
                    part.unlink(missing_ok=True)
    except DownloadError:
        if made_here:
            with suppress(OSError):  # 비어 있을 때만 지워진다
                folder.rmdir()
        raise
    except OSError as error:
        raise _cannot_save(target, archive, error) from error
    finally:
        waiting.close()
    return target


def download(
    target: Path,
    urls: Sequence[str] | None = None,
    *,
    archive: Archive = CIFAR10,
    limits: Limits | None = None,
    part: Path | None = None,
) -> None:
    """urls를 차례로 시도해 target에 저장한다. 멈추거나 실패하면 받은 데까지 part에 남아 다음에 이어 받는다.

    오류: 모든 주소가 실패하거나 저장할 수 없으면 DownloadError(주소마다 까닭), 주소가 잘못 적혔으면 MirrorsError.
    """
    urls = mirrors(archive.name) if urls is None else urls
    part = part or part_of(target)
    if not urls:
        raise DownloadError("내려받을 주소가 없습니다. CNNLAB_MIRRORS를 지우거나 주소를 넣으세요.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.touch()  # 쓸 수 없는 폴더라면 네트워크에 나가기 전에 안다
        _require_room(target, part, archive)
        _gather(part, urls, archive, limits or Limits())
        with open(part, "rb+") as file:
            os.fsync(file.fileno())  # 전원이 나가도 이름만 바뀌고 내용은 없는 일이 없게
        os.replace(part, target)
    except KeyboardInterrupt:
        if kept := _kept(part):
            print(f"내려받기를 멈췄습니다. {kept}", flush=True)
        raise
    except DownloadError:
        raise
    except OSError as error:
        if error.errno in _FULL:  # 남겨 두면 디스크가 계속 가득 차 있다
            part.unlink(missing_ok=True)
        raise _cannot_save(target, archive, error) from error
    finally:
        with suppress(OSError):
            if part.exists() and size_of(part) == 0:
                part.unlink()


def part_of(target: Path) -> Path:
    """받는 동안의 이름."""
    return target.with_name(target.name + ".part")


def _gather(part: Path, urls: Sequence[str], archive: Archive, limits: Limits) -> None:
    """part가 archive와 같아질 때까지 주소를 바꾸어 가며 이어 받는다."""
    untried, slow, doubted = deque(urls), dict[str, float](), False
    failures: list[str] = []
    if size_of(part) > archive.size:
        part.unlink()
    givers = [BEFORE] if size_of(part) else []  # part의 바이트를 보낸 곳

    while True:
        if size_of(part) == archive.size:
            if md5_of(part) == archive.md5:
                return
            part.unlink()
            mixed, givers = list(dict.fromkeys(givers)), []
            failures.append(f"{mixed[-1]}: md5가 다릅니다. 다른 파일이거나 도중에 깨졌습니다")
            print("받은 파일의 md5가 달라 버리고 다른 주소에서 처음부터 받습니다.", flush=True)
            if len(mixed) > 1 and not doubted:  # 누구의 것이 틀렸는지 모른다: 섞지 않고 한 번씩 더 기회를 준다
                doubted = True
                untried += [url for url in mixed if url != BEFORE and url not in untried]
        if untried:
            url, returned = untried.popleft(), False
        elif slow:  # 느린 곳뿐이다: 그 가운데 빠른 곳에서 끝까지 받는다
            url, returned = max(slow, key=lambda one: slow[one]), True
            del slow[url]
        else:
            raise DownloadError("; ".join([text for text in (*failures, _kept(part)) if text]))
        if doubted and givers and givers[-1] != url:
            part.unlink(missing_ok=True)
            givers = []
        before = size_of(part)
        elsewhere = 0.0 if returned else math.inf if untried else max(slow.values(), default=0.0)
        try:
            receive(url, part, archive.size, limits, elsewhere)
        except MirrorFailed as failure:
            failures.append(f"{url}: {failure}")
            if isinstance(failure, TooSlow):
                slow[url] = failure.rate
            elif isinstance(failure, Broken) and size_of(part) - before >= WORTH_RETRY * archive.size:
                untried.append(url)
            if isinstance(failure, TooSlow | Broken) and (untried or slow):
                print(f"{failures[-1]}. 다음 주소에서 이어 받습니다.", flush=True)
        if size_of(part) > before:
            givers.append(url)


def _whole(target: Path, archive: Archive) -> bool:
    return target.is_file() and archive.fault_of(target) is None


def _require_room(target: Path, part: Path, archive: Archive) -> None:
    need = archive.size - size_of(part) + archive.unpacked
    free = shutil.disk_usage(target.parent).free
    if free < need:
        raise DownloadError(
            f"{shown(target.parent)} 폴더가 있는 디스크에 자리가 모자랍니다. 필요한 자리 {need / 1e6:,.0f} MB, "
            f"남은 자리 {free / 1e6:,.0f} MB. 필요 없는 파일을 지우고 다시 실행하세요."
        )


def _kept(part: Path) -> str:
    """받은 데까지 남아 있으면 그것을 말하는 문장, 없으면 빈 글."""
    size = size_of(part)
    return f"받은 {size / 1e6:.1f} MB는 {shown(part)}에 남겨 두었으니 다시 실행하면 이어 받습니다" if size else ""


def _leave_nothing_empty(folder: Path, part: Path) -> None:
    """이어 받을 것도 없이 실패하면 잠금 파일도 치운다. 잠근 채로 치워야 기다리던 커널이 사라진 이름을 알아본다."""
    if not part.exists():
        with suppress(OSError):  # Windows에서는 열린 파일을 지울 수 없다
            (folder / LOCK).unlink(missing_ok=True)


def _cannot_save(target: Path, archive: Archive, error: OSError) -> DownloadError:
    need = (archive.size + archive.unpacked) / 1e6
    return DownloadError(
        f"{shown(target.parent)} 폴더에 쓸 수 없습니다(저장할 수 없습니다: {error.strerror or error}). "
        f"쓸 수 있는 폴더에서 시작하거나 빈 자리({need:,.0f} MB)를 만드세요."
    )


class _Waiting:
    """다른 커널이 받는 동안 무엇을 기다리는지 보인다."""

    def __init__(self, target: Path, archive: Archive) -> None:
        self.part, self.archive = part_of(target), archive
        self.progress: ProgressLine | None = None

    def show(self) -> None:
        if self.progress is None:
            print("다른 커널이 CIFAR-10을 내려받고 있어 기다립니다.", flush=True)
            self.progress = ProgressLine("다른 커널이 받은 양", self.archive.size, in_bytes=True)
        self.progress(size_of(self.part))

    def close(self) -> None:
        if self.progress is not None:
            self.progress.__exit__(None, None, None)
            self.progress = None
