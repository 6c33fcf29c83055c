"""데이터 폴더를 한 번에 한 프로세스만 고치게 하는 잠금. 죽은 프로세스의 잠금은 운영체제가 푼다."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

LOCK = ".download.lock"
ASK_SECONDS = 1.0
_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def alone(folder: Path, on_wait: Callable[[], None]) -> Iterator[bool]:
    """folder를 혼자 고치는 동안 True. 잠금이 없는 파일 시스템이면 기다리지 않고 False.

    on_wait: 다른 프로세스가 쓰고 있어 기다리는 동안 1초마다 부른다.
    오류: folder를 만들거나 쓸 수 없으면 OSError.
    """
    from filelock import FileLock, Timeout

    path, vanished = folder / LOCK, 0
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, mode=0o666)  # 다른 사용자의 커널도 기다릴 수 있게
        try:
            with TemporaryFile(dir=folder):  # 쓸 수 없는 폴더를 다른 사람이 잠근 폴더로 알고 기다리지 않게
                pass
            lock.acquire(timeout=ASK_SECONDS)
        except Timeout:
            on_wait()
            continue
        except (OSError, NotImplementedError) as error:
            if isinstance(error, FileNotFoundError) and vanished < 5:  # 실패한 쪽이 빈 폴더를 막 치웠다
                vanished += 1
                continue
            if isinstance(error, OSError) and error.errno not in _NO_LOCKS_HERE:
                raise
            yield False
            return
        if os.name == "nt" or path.exists():
            break
        lock.release()  # 앞사람이 치운 이름의 잠금이다: 지금 그 이름에 있는 것을 다시 잡는다
    try:
        yield True
    finally:
        lock.release()
