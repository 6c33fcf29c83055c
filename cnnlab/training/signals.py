"""SIGTERM이나 Ctrl-C를 받아도 하던 걸음을 마치고 멈추게 한다."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def heard(number: signal.Signals) -> Iterator[Callable[[], bool]]:
    """이 안에서 온 첫 신호는 적어 두기만 한다. 왔는지 묻는 함수를 준다.

    두 번째 신호부터는 원래대로 한다(KeyboardInterrupt가 나거나 프로세스가 끝난다).
    신호는 주 스레드만 듣는다. 다른 스레드이거나, 누가 파이썬 밖에서 처리기를 놓았으면 늘 False다.
    """
    before = signal.getsignal(number)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield lambda: False
        return
    arrived: list[int] = []

    def note(got: int, frame: FrameType | None) -> None:
        arrived.append(got)
        signal.signal(number, before)

    signal.signal(number, note)
    try:
        yield lambda: bool(arrived)
    finally:
        signal.signal(number, before)
