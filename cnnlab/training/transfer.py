"""주소 하나에서 파일을 이어 받는다. 느리거나, 멈추거나, 다른 것을 주거나, 끊는 서버를 알아보고 그만둔다."""

from __future__ import annotations

import http.client
import queue
import re
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cnnlab.training.progress import ProgressLine, Rate, duration_text, rate_text

BLOCK = 1 << 18


@dataclass(frozen=True)
class Limits:
    """참을성. 초와 1초당 바이트."""

    connect_seconds: float = 4.0  # 네트워크가 없으면 이 안에 다음으로 간다
    stall_seconds: float = 20.0  # 이만큼 아무것도 오지 않으면 끊긴 것으로 본다
    window_seconds: float = 15.0  # 빠르기를 재는 시간
    least_rate: float = 150e3  # 이보다 느리면 다른 주소를 찾는다: 170 MB에 19분


class MirrorFailed(Exception):
    """이 주소에서는 받을 수 없다."""


class TooSlow(MirrorFailed):
    """이 주소는 느리다: 더 나은 곳이 없으면 돌아온다."""

    def __init__(self, rate: float) -> None:
        super().__init__(f"느립니다({rate_text(rate)})")
        self.rate = rate


class Broken(MirrorFailed):
    """받는 도중에 끊겼다: 받은 것은 쓸 수 있다."""


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def receive(url: str, part: Path, size: int, limits: Limits, elsewhere: float = 0.0) -> None:
    """url의 내용을 part에 이어 쓴다. 끝나면 part는 size바이트다(내용이 맞는지는 부르는 쪽이 확인한다).

    elsewhere: 다른 주소의 빠르기(아직 모르는 곳이 있으면 inf). 느린데 그곳이 더 빠르면 TooSlow, 아니면 끝까지 받는다.
    오류: 서버와 네트워크는 MirrorFailed, 디스크는 OSError. part에는 그때까지 받은 것이 남는다.
    """
    began = have = size_of(part)
    response, position = _ask(url, have, size, limits)
    label = f"CIFAR-10 내려받기({urlsplit(url).hostname})"
    with (
        response,
        open(part, "ab") as file,
        ProgressLine(label, size, start=position, in_bytes=True) as progress,
    ):
        rate, patient = Rate(limits.window_seconds, position), False
        while block := _read(response):
            if position == 0 and block.lstrip()[:1] == b"<":
                raise MirrorFailed("파일이 아니라 웹 페이지가 왔습니다(로그인이 필요한 네트워크일 수 있습니다)")
            position += len(block)
            if position > size:
                file.truncate(began)
                raise MirrorFailed(f"길이가 다릅니다. 기대한 것 {size:,}바이트보다 많이 옵니다")
            if position > have:  # 이어 주지 않는 서버가 처음부터 보내는 것은 이미 있는 데까지 버린다
                file.write(block[-(position - have) :])
                have = position
            progress(position)
            now = rate(position)
            if rate.full and now < limits.least_rate and position < size and not patient:
                if elsewhere > now:
                    raise TooSlow(now)
                patient = True
                progress.say(
                    f"느리지만({rate_text(now)}) 더 빠른 주소가 없어 계속 받습니다. 앞으로 약 "
                    f"{duration_text((size - position) / now)} 걸립니다. 커널을 멈춰도 받은 것은 남습니다."
                )
    if have < size:
        raise Broken(f"받는 도중에 끊겼습니다. 받은 것 {have:,}바이트, 기대한 것 {size:,}바이트")


def _ask(url: str, start: int, size: int, limits: Limits) -> tuple[Any, int]:
    """start부터 달라고 하고, 응답과 그 첫 바이트의 자리를 돌려준다. 오류: 다른 파일로 보이면 MirrorFailed."""
    response = _open(url, start, limits)
    try:
        position = _first_byte(response, start, size)
    except MirrorFailed:
        response.close()
        raise
    return response, position


def _first_byte(response: Any, start: int, size: int) -> int:
    kind = response.headers.get_content_type()
    if kind in ("text/html", "application/xhtml+xml"):
        raise MirrorFailed("파일이 아니라 웹 페이지가 왔습니다(로그인이 필요한 네트워크일 수 있습니다)")
    position, length = 0, response.headers.get("Content-Length")
    if response.status == 206:
        given = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        if given is None or int(given[1]) > start or given[3] not in ("*", str(size)):
            raise MirrorFailed(f"이어 받기의 답이 맞지 않습니다({response.headers.get('Content-Range')})")
        position = int(given[1])
    elif response.status != 200:
        raise MirrorFailed(f"파일을 주지 않습니다(HTTP {response.status})")
    if length is not None and length.strip() != str(size - position):
        raise MirrorFailed(f"길이가 다릅니다. 서버가 말한 것 {length}바이트, 기대한 것 {size - position:,}바이트")
    return position


def _open(url: str, start: int, limits: Limits) -> Any:
    """connect_seconds 안에 응답이 시작된 연결. DNS는 time-out을 지키지 않으므로 따로 도는 스레드에서 기다린다."""
    answer: queue.Queue[Any] = queue.Queue()
    given_up = threading.Event()

    def connect() -> None:
        try:
            result: Any = urllib.request.urlopen(_request(url, start), timeout=limits.stall_seconds)
        except Exception as error:  # 스레드 밖에서 다시 판단한다
            result = error
        answer.put(result)
        if given_up.is_set() and not isinstance(result, Exception):
            result.close()

    threading.Thread(target=connect, daemon=True).start()
    try:
        result = answer.get(timeout=limits.connect_seconds)
    except queue.Empty:
        given_up.set()
        raise MirrorFailed(f"{limits.connect_seconds:g}초 안에 연결되지 않았습니다") from None
    if isinstance(result, urllib.error.HTTPError):
        result.close()
        if result.code == 416 and start:  # 이어 받기를 거절했다: 처음부터 달라고 한다
            return _open(url, 0, limits)
        raise MirrorFailed(f"파일을 주지 않습니다(HTTP {result.code})") from result
    if isinstance(result, Exception):
        raise MirrorFailed(f"연결하지 못했습니다({result})") from result
    return result


def _request(url: str, start: int) -> urllib.request.Request:
    headers = {"User-Agent": "cnnlab", "Accept-Encoding": "identity"}
    return urllib.request.Request(url, headers={**headers, "Range": f"bytes={start}-"} if start else headers)


def _read(response: Any) -> bytes:
    try:
        return response.read1(BLOCK)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Broken(f"받는 도중에 끊겼습니다({error})") from error
