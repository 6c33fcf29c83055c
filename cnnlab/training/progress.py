"""오래 걸리는 준비 작업을 한 줄로 알린다."""

from __future__ import annotations

import time
from types import TracebackType

QUIET_SECONDS = 1.5  # 이보다 빨리 끝나는 일은 아무것도 찍지 않는다
EVERY_SECONDS = 1.0


class ProgressLine:
    """`with ProgressLine("사진 푸는 중", 60_000) as progress: progress(done)`: 같은 줄을 1초에 한 번 고쳐 쓴다."""

    def __init__(self, label: str, total: int) -> None:
        self.label = label
        self.total = total
        self.started = time.monotonic()
        self.next_time = self.started + QUIET_SECONDS
        self.printed = False

    def __enter__(self) -> ProgressLine:
        return self

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now < self.next_time or done == 0:
            return
        left = (now - self.started) * (self.total - done) / done
        print(f"\r{self.label}: {done / self.total:4.0%}, 약 {left:.0f}초 남음   ", end="", flush=True)
        self.next_time = now + EVERY_SECONDS
        self.printed = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.printed:
            outcome = "끝, " if kind is None else "멈춤, "
            print(f"\r{self.label}: {outcome}{time.monotonic() - self.started:.0f}초        ", flush=True)
