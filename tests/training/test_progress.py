"""진행 줄: 짧은 일에는 말이 없고, 긴 일도 저장되는 출력을 넘치게 하지 않는다."""

import pytest

from cnnlab.training import progress as module
from cnnlab.training.progress import ProgressLine, duration_text, rate_text


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_an_hour_of_download_leaves_one_line_and_a_small_output(clock: Clock, capsys) -> None:
    total, rate = 170_000_000, 47_000
    with ProgressLine("내려받기", total, in_bytes=True) as progress:
        for second in range(0, 3600, 1):
            clock.now = float(second)
            progress(min(total, second * rate))
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert len(printed.encode()) < 40_000
    assert "47 kB/s, 약" in printed
    assert "내려받기: 끝, 1시간 0분" in printed


def test_the_rest_of_a_resumed_file_is_judged_by_its_own_rate(clock: Clock, capsys) -> None:
    with ProgressLine("내려받기", 100_000_000, start=90_000_000, in_bytes=True) as progress:
        clock.now = 2.0
        progress(92_000_000)
    assert "92/100 MB, 1.0 MB/s, 약 8초 남음" in capsys.readouterr().out


def test_a_short_job_prints_nothing(clock: Clock, capsys) -> None:
    with ProgressLine("내려받기", 10) as progress:
        clock.now = 1.0
        progress(9)
    assert capsys.readouterr().out == ""


def test_a_shorter_text_covers_the_longer_one_before_it(clock: Clock, capsys) -> None:
    with ProgressLine("일", 100) as progress:
        for clock.now, done in ((2.0, 1), (9.0, 99)):
            progress(done)
    first, second = capsys.readouterr().out.split("\r")[1:3]
    assert len(second.rstrip("\n")) >= len(first)


def test_times_and_rates_are_read_easily() -> None:
    assert [duration_text(s) for s in (0.4, 59, 200, 1500, 3900)] == ["0초", "59초", "3분 20초", "25분", "1시간 5분"]
    assert [rate_text(r) for r in (64_400, 3_240_000)] == ["64 kB/s", "3.2 MB/s"]
