"""내려받기: 느리고, 멈추고, 거짓말하고, 끊는 진짜 HTTP 서버에서도 온전한 것만 완성된 이름으로 남는다."""

import errno
import io
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from mirror_servers import BODY, QUICK, SMALL, Mirror, running

from cnnlab.errors import LearnerError
from cnnlab.training import download as module
from cnnlab.training import transfer
from cnnlab.training.archive import CIFAR10
from cnnlab.training.download import DownloadError, download, fetch, part_of
from cnnlab.training.locks import LOCK

HERE = Path(__file__).resolve().parent


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with running(Mirror()) as server:
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / SMALL.name


def get(target: Path, *urls: str, limits: transfer.Limits = QUICK) -> None:
    download(target, urls, archive=SMALL, limits=limits)


def keep_part(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True)
    part_of(target).write_bytes(content)


# 서버의 버릇 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("habit", ["good", "no-length", "redirect", "no-range"])
def test_a_good_file_arrives_whole_and_leaves_nothing_else(mirror, target: Path, habit: str) -> None:
    get(target, mirror.at(habit))
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("habit", "said"),
    [
        ("missing", "HTTP 404"),
        ("loop", "HTTP 302"),
        ("page", "웹 페이지"),
        ("portal", "웹 페이지"),
        ("disguised-page", "웹 페이지"),
        ("short", "길이가 다릅니다"),
        ("long", "길이가 다릅니다"),
        ("long-unsaid", "길이가 다릅니다"),
        ("corrupt", "md5가 다릅니다"),
    ],
)
def test_a_lying_server_is_named_and_nothing_it_sent_is_left(mirror, target: Path, habit: str, said: str) -> None:
    with pytest.raises(DownloadError, match=said) as caught:
        get(target, mirror.at(habit))
    assert isinstance(caught.value, LearnerError)
    assert mirror.at(habit) in str(caught.value)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("habit", ["missing", "page", "short", "long-unsaid", "corrupt", "die", "stall", "slow"])
def test_the_next_mirror_is_tried_after_a_bad_one(mirror, target: Path, habit: str) -> None:
    get(target, mirror.at(habit), mirror.at("good"))
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("habit", ["die", "stall", "slow"])
def test_the_next_mirror_continues_where_the_first_stopped(mirror, target: Path, habit: str) -> None:
    get(target, mirror.at(habit), mirror.at("good"))
    asked = mirror.requests[-1][1]
    assert asked is not None
    assert int(asked.removeprefix("bytes=").removesuffix("-")) > 0
    assert mirror.handed < 1.8 * len(BODY)  # 이미 있는 것을 다시 받지 않았다


def test_a_refused_connection_is_reported(target: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match="연결하지 못했습니다"):
        get(target, f"http://127.0.0.1:{port}/a")
    assert list(target.parent.iterdir()) == []


def test_a_host_that_never_answers_is_given_up_after_the_connect_limit(target: Path) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()  # 연결은 받지만 아무 말도 하지 않는다
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/a"
        with pytest.raises(DownloadError, match=r"0\.2초 안에"):
            get(target, url, limits=replace(QUICK, connect_seconds=0.2))


# 이어 받기 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("habit", ["good", "no-range", "416", "no-length"])
def test_a_partial_file_is_continued_whatever_the_server_says_to_range(mirror, target: Path, habit: str) -> None:
    keep_part(target, BODY[:100_000])
    get(target, mirror.at(habit))
    assert target.read_bytes() == BODY
    assert mirror.requests[0] == (habit, "bytes=100000-")
    if habit == "good":
        assert mirror.handed == len(BODY) - 100_000


@pytest.mark.parametrize("habit", ["grown", "elsewhere", "page", "short"])
def test_a_server_that_changed_its_file_does_not_touch_the_partial_one(mirror, target: Path, habit: str) -> None:
    keep_part(target, BODY[:100_000])
    with pytest.raises(DownloadError, match=r"맞지 않습니다|웹 페이지"):
        get(target, mirror.at(habit))
    assert part_of(target).read_bytes() == BODY[:100_000]


def test_a_server_without_ranges_that_dies_costs_nothing_already_received(mirror, target: Path) -> None:
    keep_part(target, BODY[:200_000])
    with pytest.raises(DownloadError, match=r"0\.2 MB는 .* 이어 받습니다"):
        get(target, mirror.at("no-range-die"))
    assert part_of(target).read_bytes() == BODY[:200_000]


@pytest.mark.parametrize(
    "left", [b"\x00" * 100_000, BODY[:-1] + b"?", bytes(len(BODY)), BODY + b"tail"], ids=["start", "end", "all", "long"]
)
def test_a_wrong_partial_file_is_thrown_away_once_and_the_download_starts_over(mirror, target, left, capsys) -> None:
    keep_part(target, left)
    get(target, mirror.at("good"))
    assert target.read_bytes() == BODY
    assert mirror.requests[-1] == ("good", None)


def test_a_whole_partial_file_needs_no_network(target: Path) -> None:
    keep_part(target, BODY)
    get(target, "http://127.0.0.1:9/nothing-listens-here")
    assert target.read_bytes() == BODY


def test_when_two_mirrors_mixed_a_wrong_file_a_third_starts_over_and_then_the_first(mirror, target: Path) -> None:
    get(target, mirror.at("corrupt-die"), mirror.at("good"), mirror.at("redirect"))
    assert [request for request in mirror.requests if request[0] == "redirect"] == [("redirect", None)]
    assert target.read_bytes() == BODY
    target.unlink()
    mirror.requests.clear()
    get(target, mirror.at("corrupt-die"), mirror.at("good"))  # 셋째가 없으면 앞의 둘에게 한 번씩 더
    assert target.read_bytes() == BODY


def test_two_liars_end_in_an_error_not_in_a_circle(mirror, target: Path) -> None:
    with pytest.raises(DownloadError, match="md5"):
        get(target, mirror.at("corrupt-die"), mirror.at("corrupt"))
    assert not target.exists()


def test_a_server_that_keeps_breaking_is_asked_again_while_it_brings_something(mirror, target: Path) -> None:
    get(target, mirror.at("drip-of-30"))
    assert target.read_bytes() == BODY
    assert len(mirror.requests) == -(-len(BODY) // 30_000)


# 느린 곳 --------------------------------------------------------------------------------------------------------------


def test_the_last_mirror_may_be_slow_and_says_how_long_it_takes(mirror, target: Path, capsys) -> None:
    get(target, mirror.at("missing"), mirror.at("slow"))
    printed = capsys.readouterr().out
    assert target.read_bytes() == BODY
    assert "더 빠른 주소가 없어 계속 받습니다. 앞으로 약" in printed
    assert len(mirror.requests) == 2


def test_of_two_slow_mirrors_the_faster_one_finishes(mirror, target: Path, capsys) -> None:
    get(target, mirror.at("slow"), mirror.at("slower"))
    assert [habit for habit, _ in mirror.requests] == ["slow", "slower", "slow"]
    assert target.read_bytes() == BODY
    assert "느립니다" in capsys.readouterr().out


# 디스크와 멈춤 --------------------------------------------------------------------------------------------------------


def test_an_earlier_good_file_survives_a_failed_download(mirror, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"earlier")
    with pytest.raises(DownloadError):
        get(target, mirror.at("corrupt"))
    assert target.read_bytes() == b"earlier"


def test_an_unwritable_folder_is_reported_before_the_network_is_used(mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("폴더 자리에 파일")
    for call in (get, lambda target, url: fetch(target.parent, SMALL, [url], QUICK)):
        with pytest.raises(DownloadError, match="쓸 수 없습니다"):
            call(tmp_path / "file" / "a", mirror.at("good"))
    assert mirror.requests == []


def test_too_small_a_disk_is_reported_before_the_network_is_used(mirror, target, monkeypatch) -> None:
    room = SMALL.size + SMALL.unpacked - 1
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=room))
    with pytest.raises(DownloadError, match=r"자리가 모자랍니다\. 필요한 자리"):
        get(target, mirror.at("good"))
    assert mirror.requests == []
    keep = room + 1
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=keep))
    get(target, mirror.at("good"))
    assert target.read_bytes() == BODY


def test_a_disk_that_fills_up_is_reported_and_given_its_room_back(mirror, target, monkeypatch) -> None:
    class FullDisk(io.FileIO):
        def write(self, block: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer, "open", FullDisk, raising=False)
    with pytest.raises(DownloadError, match="No space left"):
        get(target, mirror.at("good"), mirror.at("redirect"))
    assert list(target.parent.iterdir()) == []
    assert len(mirror.requests) == 1  # 디스크 문제에 다른 주소를 시도하지 않는다


def test_an_interrupt_keeps_what_arrived_and_says_so(mirror, target, monkeypatch, capsys) -> None:
    read, blocks = transfer._read, iter(range(3))

    def interrupted(response: object) -> bytes:
        if next(blocks, None) is None:
            raise KeyboardInterrupt
        return read(response)

    monkeypatch.setattr(transfer, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get(target, mirror.at("gradual"), limits=replace(QUICK, least_rate=1))
    assert "다시 실행하면 이어 받습니다" in capsys.readouterr().out
    kept = part_of(target).read_bytes()
    assert kept
    assert BODY.startswith(kept)
    assert not target.exists()
    monkeypatch.setattr(transfer, "_read", read)
    get(target, mirror.at("good"))
    assert mirror.requests[-1] == ("good", f"bytes={len(kept)}-")
    assert target.read_bytes() == BODY


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from mirror_servers import BODY, QUICK, SMALL
from dataclasses import replace
from cnnlab.training.download import fetch

print("ready", flush=True)
sys.stdin.readline()
folder = Path(sys.argv[1])
assert fetch(folder, SMALL, sys.argv[2:], replace(QUICK, least_rate=1, stall_seconds=20)).read_bytes() == BODY
print("whole", "torch" in sys.modules, flush=True)
"""


def child(*arguments: str) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(here=str(HERE)), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"},
    )
    return started


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_a_killed_download_never_looks_complete_and_the_next_one_continues(mirror, tmp_path: Path) -> None:
    """받는 도중 아무 때나 죽인다: 완성된 이름은 없거나 온전하고, 잠금은 남지 않고, 다음 것이 이어 받는다."""
    kinds, rng = set(), random.Random(0)
    for number in range(3):
        target = tmp_path / str(number) / SMALL.name
        process = child(str(target.parent), mirror.at("gradual"))
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        go(process)
        deadline = time.monotonic() + 20
        while transfer.size_of(part_of(target)) == 0 and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.6))
        process.kill()
        process.wait()
        assert process.returncode == (-signal.SIGKILL if os.name != "nt" else 1)
        kinds.add((target.exists(), part_of(target).exists()))
        assert not target.exists() or target.read_bytes() == BODY
        before = len(mirror.requests)
        fetch(target.parent, SMALL, [mirror.at("good")], QUICK)
        assert target.read_bytes() == BODY
        assert all(asked is not None for _, asked in mirror.requests[before:])
    assert (False, True) in kinds  # 한 번은 정말 도중에 죽였다


def test_eight_processes_on_one_folder_download_once(mirror, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    processes = [child(str(folder), mirror.at("gradual")) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        go(process)
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, printed
    assert [text.splitlines()[-1] for text in printed] == ["whole False"] * 8
    assert mirror.requests == [("gradual", None)]
    assert mirror.handed == len(BODY)
    assert {path.name for path in folder.iterdir()} == {SMALL.name, LOCK}
    assert sum("기다립니다" in text for text in printed) >= 1


def test_a_lock_file_left_by_a_dead_process_blocks_nobody(mirror, target: Path) -> None:
    target.parent.mkdir()
    (target.parent / LOCK).write_text("12345")
    fetch(target.parent, SMALL, [mirror.at("good")], QUICK)
    assert target.read_bytes() == BODY


def test_who_waits_sees_what_for_and_does_not_download_again(mirror, target: Path, capsys) -> None:
    started, release = threading.Event(), threading.Event()

    def first() -> None:
        from cnnlab.training.locks import alone

        with alone(target.parent, lambda: None):
            part_of(target).write_bytes(BODY[:1000])
            started.set()
            release.wait(20)
            os.replace(part_of(target), target)
            target.write_bytes(BODY)

    holder = threading.Thread(target=first)
    holder.start()
    assert started.wait(20)
    threading.Timer(1.5, release.set).start()
    fetch(target.parent, SMALL, [mirror.at("good")], QUICK)
    holder.join()
    assert "다른 커널이 CIFAR-10을 내려받고 있어 기다립니다." in capsys.readouterr().out
    assert mirror.requests == []


def test_a_filesystem_without_locks_still_gets_the_file(mirror, target: Path, monkeypatch) -> None:
    import filelock

    def cannot(self: object, *args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", cannot)
    fetch(target.parent, SMALL, [mirror.at("good")], QUICK)
    assert target.read_bytes() == BODY
    assert list(target.parent.glob("*.part*")) == []


def test_a_failure_that_left_nothing_leaves_no_folder_and_a_partial_file_stays(mirror, target: Path) -> None:
    with pytest.raises(DownloadError):
        fetch(target.parent, SMALL, [mirror.at("missing")], QUICK)
    assert not target.parent.exists()
    with pytest.raises(DownloadError, match="이어 받습니다"):
        fetch(target.parent, SMALL, [mirror.at("no-range-die")], QUICK)
    assert part_of(target).read_bytes() == BODY[: len(BODY) // 2]


def test_the_built_in_archive_is_the_published_one() -> None:
    assert (CIFAR10.name, CIFAR10.size) == ("cifar-10-python.tar.gz", 170_498_071)
    assert CIFAR10.md5 == "c58f30108f718f92721af3b95e74349a"
