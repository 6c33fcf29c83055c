"""오래 걸리는 준비 작업을 한 줄로 알린다."""

from __future__ import annotations

import time
import unicodedata
from collections import deque
from types import TracebackType

QUIET_SECONDS = 1.5  # 이보다 빨리 끝나는 일은 아무것도 찍지 않는다
EVERY_SECONDS = 1.0  # 오래 걸릴수록 뜸하게 고친다: 노트북에 저장되는 출력이 한 시간에 30 kB를 넘지 않는다
SELDOM_SECONDS = 10.0
WINDOW_SECONDS = 10.0


class Rate:
    """최근 seconds초 동안의 빠르기(1초당 양)."""

    def __init__(self, seconds: float, start: float = 0.0) -> None:
        self.seconds = seconds
        self.marks = deque([(time.monotonic(), start)])

    def __call__(self, done: float) -> float:
        """done: 지금까지의 양. 반환: 창 안의 빠르기."""
        now = time.monotonic()
        self.marks.append((now, done))
        while len(self.marks) > 2 and self.marks[1][0] <= now - self.seconds:
            self.marks.popleft()
        then, before = self.marks[0]
        return (done - before) / (now - then) if now > then else float("inf")

    @property
    def full(self) -> bool:
        """창이 다 찼는가: 아직이면 빠르기로 판단하지 않는다."""
        return self.marks[-1][0] - self.marks[0][0] >= self.seconds


class ProgressLine:
    """`with ProgressLine("사진 푸는 중", 60_000) as progress: progress(done)`: 같은 줄을 고쳐 쓴다.

    start: 시작할 때 이미 되어 있는 양. in_bytes: 양이 바이트이면 받은 양과 빠르기도 적는다.
    """

    def __init__(self, label: str, total: int, *, start: int = 0, in_bytes: bool = False) -> None:
        self.label = label
        self.total = total
        self.in_bytes = in_bytes
        self.started = time.monotonic()
        self.next_time = self.started + QUIET_SECONDS
        self.rate = Rate(WINDOW_SECONDS, start)
        self.width = 0  # 지금 찍혀 있는 줄의 너비. 0이면 찍은 것이 없다

    def __enter__(self) -> ProgressLine:
        return self

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now < self.next_time or done == 0:
            return
        rate = self.rate(done)
        words = [f"{done / self.total:4.0%}"]
        if self.in_bytes:
            words += [f"{done / 1e6:.0f}/{self.total / 1e6:.0f} MB", rate_text(rate)]
        if rate > 0:
            words.append(f"약 {duration_text((self.total - done) / rate)} 남음")
        self._write(f"{self.label}: {', '.join(words)}")
        self.next_time = now + min(SELDOM_SECONDS, max(EVERY_SECONDS, 0.1 * (now - self.started)))

    def say(self, text: str) -> None:
        """진행 줄을 끊고 한 줄을 남긴다. 다음 진행은 새 줄에 나온다."""
        print(("\n" if self.width else "") + text, flush=True)
        self.width = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.width:
            outcome = "끝" if kind is None else "멈춤"
            self._write(f"{self.label}: {outcome}, {duration_text(time.monotonic() - self.started)}")
            print(flush=True)

    def _write(self, text: str) -> None:
        width = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
        print("\r" + text + " " * max(0, self.width - width), end="", flush=True)
        self.width = width


def rate_text(rate: float) -> str:
    """1초당 바이트 -> "3.2 MB/s" 또는 "64 kB/s"."""
    return f"{rate / 1e6:.1f} MB/s" if rate >= 1e6 else f"{rate / 1e3:.0f} kB/s"


def duration_text(seconds: float) -> str:
    """초 -> "12초", "3분 20초", "1시간 5분"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}초"
    if whole < 600:
        return f"{whole // 60}분 {whole % 60}초"
    minutes = round(seconds / 60)
    return f"{minutes}분" if minutes < 60 else f"{minutes // 60}시간 {minutes % 60}분"
