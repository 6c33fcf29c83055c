"""cifar-10-python.tar.gz를 내려받는다. 길이와 md5가 맞기 전에는 완성된 이름으로 남지 않는다."""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnlab.errors import LearnerError
from cnnlab.training.folders import shown
from cnnlab.training.progress import ProgressLine

# 같은 파일(170,498,071바이트)을 둔 곳. 원본 서버는 2026년 6월부터 50-85 kB/s라 넣지 않았다(pytorch/vision#9536).
MIRRORS = ("https://storage.googleapis.com/skypilot-example-data/datasets/cifar-10-python.tar.gz",)  # skypilot #10261
ARCHIVE_SIZE = 170_498_071
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"

CONNECT_SECONDS = 4.0  # 네트워크가 없으면 이 안에 포기하고 내장 그림으로 간다
READ_SECONDS = 20.0  # 받는 도중 이만큼 아무것도 오지 않으면 끊긴 것으로 본다
BLOCK = 1 << 18


class DownloadError(LearnerError, OSError):
    """내려받지 못했다: 어디서 왜 그런지 말한다."""


def mirrors() -> tuple[str, ...]:
    """내려받을 주소들. 환경 변수 CNNLAB_MIRRORS(쉼표로 구분)가 있으면 그것만 쓴다. 빈 값이면 내려받지 않는다."""
    given = os.environ.get("CNNLAB_MIRRORS")
    return MIRRORS if given is None else tuple(url.strip() for url in given.split(",") if url.strip())


def download(
    target: Path,
    urls: Sequence[str] | None = None,
    *,
    size: int = ARCHIVE_SIZE,
    md5: str = ARCHIVE_MD5,
    connect_seconds: float = CONNECT_SECONDS,
) -> None:
    """urls를 차례로 시도해 target에 저장한다. 크기(바이트)와 md5가 맞는 것만 남긴다.

    오류: 모든 주소가 실패하거나 저장할 수 없으면 DownloadError(주소마다 까닭).
    """
    urls = mirrors() if urls is None else urls
    if not urls:
        raise DownloadError("내려받을 주소가 없습니다. CNNLAB_MIRRORS를 지우거나 주소를 넣으세요.")
    unfinished = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()  # 쓸 수 없는 폴더라면 네트워크에 나가기 전에 안다
    except OSError as error:
        raise _cannot_save(target, error) from error
    failures = []
    try:
        for url in urls:
            try:
                _fetch(url, unfinished, size, md5, connect_seconds)
                os.replace(unfinished, target)
                return
            except _MirrorFailed as failure:
                failures.append(f"{url}: {failure}")
            except OSError as error:
                raise _cannot_save(target, error) from error
    finally:
        unfinished.unlink(missing_ok=True)
    raise DownloadError("; ".join(failures))


class _MirrorFailed(Exception):
    """이 주소에서는 받을 수 없다: 다음 주소로 간다."""


def _fetch(url: str, target: Path, size: int, md5: str, connect_seconds: float) -> None:
    """url의 내용을 target에 쓰고 확인한다. 오류: 네트워크와 내용은 _MirrorFailed, 디스크는 OSError."""
    digest, done = hashlib.md5(usedforsecurity=False), 0
    with _open(url, connect_seconds) as response:
        _check_headers(response, size)
        with (
            open(target, "wb") as file,
            ProgressLine(f"CIFAR-10을 내려받습니다({size / 1e6:.0f} MB)", size) as progress,
        ):
            while block := _read(response):
                done += len(block)
                if done > size:
                    break
                digest.update(block)
                file.write(block)
                progress(done)
    if done != size:
        raise _MirrorFailed(f"길이가 다릅니다. 받은 것 {done:,}바이트, 기대한 것 {size:,}바이트")
    if digest.hexdigest() != md5:
        raise _MirrorFailed("md5가 다릅니다. 다른 파일이거나 도중에 깨졌습니다")


def _open(url: str, connect_seconds: float) -> Any:
    """connect_seconds 안에 응답이 시작된 연결. DNS는 time-out을 지키지 않으므로 따로 도는 스레드에서 기다린다."""
    answer: queue.Queue[Any] = queue.Queue()

    def connect() -> None:
        try:
            answer.put(urllib.request.urlopen(url, timeout=READ_SECONDS))
        except Exception as error:  # 스레드 밖에서 다시 판단한다
            answer.put(error)

    threading.Thread(target=connect, daemon=True).start()
    try:
        result = answer.get(timeout=connect_seconds)
    except queue.Empty:
        raise _MirrorFailed(f"{connect_seconds:g}초 안에 연결되지 않았습니다") from None
    if isinstance(result, Exception):
        raise _MirrorFailed(f"연결하지 못했습니다({result})") from result
    return result


def _check_headers(response: Any, size: int) -> None:
    if response.headers.get_content_type() == "text/html":
        raise _MirrorFailed("파일이 아니라 웹 페이지가 왔습니다(로그인이 필요한 네트워크일 수 있습니다)")
    length = response.headers.get("Content-Length")
    if length is not None and length != str(size):
        raise _MirrorFailed(f"길이가 다릅니다. 서버의 파일 {length}바이트, 기대한 것 {size:,}바이트")


def _read(response: Any) -> bytes:
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _MirrorFailed(f"받는 도중에 끊겼습니다({error})") from error


def _cannot_save(target: Path, error: OSError) -> DownloadError:
    return DownloadError(
        f"{shown(target.parent)} 폴더에 저장할 수 없습니다({error.strerror or error}). "
        "쓸 수 있는 폴더에서 시작하거나 빈 자리(400 MB)를 만드세요."
    )
