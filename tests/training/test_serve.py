"""나누어 주기: 확인한 파일 하나만, 서른 대에게 한꺼번에, 이어 받기까지."""

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mirror_servers import BODY, QUICK, SMALL, running

from cnnlab.errors import LearnerError
from cnnlab.training import data_command
from cnnlab.training.archive import CIFAR10, FOLDER
from cnnlab.training.download import download, fetch, part_of
from cnnlab.training.mirrors import mirrors
from cnnlab.training.serve import ServeError, Server, instructions, make_offer, parse_range, serve


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / SMALL.name).write_bytes(BODY)
    (folder / "secret.txt").write_text("비밀")
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with running(Server(make_offer(folder, SMALL), "127.0.0.1", 0)) as server:
        yield server


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def test_the_archive_is_given_whole(server: Server) -> None:
    status, headers, body = ask(server, f"/{SMALL.name}")
    assert (status, body) == (200, BODY)
    assert headers["Content-Length"] == str(len(BODY))
    assert headers["Content-Type"] == "application/gzip"


def test_head_says_the_length_and_sends_nothing(server: Server) -> None:
    status, headers, body = ask(server, f"/{SMALL.name}", "HEAD")
    assert (status, headers["Content-Length"], headers["Accept-Ranges"], body) == (200, str(len(BODY)), "bytes", b"")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/secret.txt",
        "/data/",
        f"/{SMALL.name}/",
        f"/x/../{SMALL.name}",
        f"/{SMALL.name}.part",
        f"/{SMALL.name}?x=1",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/../../../../../../etc/passwd",
        "/.download.lock",
        f"http://other.example/{SMALL.name}",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_else_is_given_and_no_folder_is_listed(server: Server, path: str, method: str) -> None:
    status, _, body = ask(server, path, method)
    assert (status, body) == (404, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(server: Server, folder: Path, method: str) -> None:
    assert ask(server, f"/{SMALL.name}", method)[0] == 501
    assert (folder / SMALL.name).read_bytes() == BODY


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=5-9", 5, 9), ("bytes=1000-", 1000, None), ("bytes=-7", -7, None)]
)
def test_a_range_is_answered_with_exactly_it(server: Server, asked: str, first: int, last: int | None) -> None:
    status, headers, body = ask(server, f"/{SMALL.name}", Range=asked)
    expected = BODY[first : None if last is None else last + 1]
    assert (status, body) == (206, expected)
    assert headers["Content-Range"].endswith(f"/{len(BODY)}")


def test_an_impossible_range_is_416_and_a_strange_one_is_ignored(server: Server) -> None:
    status, headers, _ = ask(server, f"/{SMALL.name}", Range=f"bytes={len(BODY)}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(BODY)}")
    for strange in ("bytes=9-5", "bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=a-b"):
        assert ask(server, f"/{SMALL.name}", Range=strange)[0] == 200
    assert ask(server, f"/{SMALL.name}", Range="bytes=5-9", If_Range='"other"')[0] == 200


@given(st.integers(1, 50), st.one_of(st.none(), st.integers(0, 60)), st.one_of(st.none(), st.integers(0, 60)))
def test_a_range_never_reaches_outside_the_file(size: int, first: int | None, last: int | None) -> None:
    result = parse_range(f"bytes={'' if first is None else first}-{'' if last is None else last}", size)
    if result is not None and result[0] <= result[1]:
        assert 0 <= result[0] <= result[1] < size


def test_thirty_students_at_once_all_get_it(server: Server, tmp_path: Path, capsys) -> None:
    url = f"http://127.0.0.1:{server.server_port}/{SMALL.name}"
    targets = [tmp_path / f"student{number}" / SMALL.name for number in range(30)]
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda target: download(target, [url], archive=SMALL), targets))
    assert all(target.read_bytes() == BODY for target in targets)
    assert server.sent == 30


def test_a_student_who_was_cut_off_continues(server: Server, tmp_path: Path) -> None:
    target = tmp_path / SMALL.name
    part_of(target).write_bytes(BODY[:100_000])
    download(target, [f"http://127.0.0.1:{server.server_port}/{SMALL.name}"], archive=SMALL, limits=QUICK)
    assert target.read_bytes() == BODY


def test_a_file_that_changed_after_the_check_is_not_given(server: Server, folder: Path) -> None:
    (folder / SMALL.name).write_bytes(b"x" * len(BODY))
    os.utime(folder / SMALL.name, (1, 1))
    assert ask(server, f"/{SMALL.name}")[0] == 503
    (folder / SMALL.name).unlink()
    assert ask(server, f"/{SMALL.name}")[0] == 503


# 시작하기 전에 --------------------------------------------------------------------------------------------------------


def test_without_the_archive_it_refuses_and_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=r"python -m cnnlab\.training\.data download") as caught:
        serve(tmp_path, "127.0.0.1", 0, SMALL)
    assert isinstance(caught.value, LearnerError)
    (tmp_path / FOLDER).mkdir()
    for place in (tmp_path, tmp_path / FOLDER):
        with pytest.raises(ServeError, match="풀기 전의 압축 파일"):
            make_offer(place, SMALL)


def test_an_unverified_archive_is_not_given(folder: Path) -> None:
    (folder / SMALL.name).write_bytes(bytes(len(BODY)))
    with pytest.raises(ServeError, match="md5가 다릅니다"):
        make_offer(folder, SMALL)


def test_a_port_in_use_is_said_in_words(server: Server, folder: Path) -> None:
    with pytest.raises(ServeError, match="--port"):
        serve(folder, "127.0.0.1", server.server_port, SMALL)


def test_the_printed_line_is_the_one_that_works(server: Server, tmp_path, monkeypatch) -> None:
    text = instructions(server.offer, "127.0.0.1", server.server_port)
    line = re.search(r"%env CNNLAB_MIRRORS=(\S+)", text)
    assert line is not None
    assert "Ctrl+C" in text
    monkeypatch.setenv("CNNLAB_MIRRORS", line[1])
    assert fetch(tmp_path / "student", SMALL, mirrors(SMALL.name)).read_bytes() == BODY
    shown = instructions(server.offer, "0.0.0.0", 8000)
    assert re.search(r"CNNLAB_MIRRORS=http://\d+\.\d+\.\d+\.\d+:8000/\n", shown)


# 명령 ----------------------------------------------------------------------------------------------------------------


def test_download_and_serve_are_commands(server: Server, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("CNNLAB_MIRRORS", f"http://127.0.0.1:{server.server_port}/")
    assert data_command.main(["download", "--folder", str(tmp_path / "new")], SMALL) == 0
    assert (tmp_path / "new" / SMALL.name).read_bytes() == BODY
    assert "md5가 맞습니다" in capsys.readouterr().out
    assert data_command.main(["serve", "--folder", str(tmp_path / "empty")], SMALL) == 1
    assert "없습니다" in capsys.readouterr().err
    monkeypatch.setenv("CNNLAB_MIRRORS", "teacher")
    assert data_command.main(["download", "--folder", str(tmp_path / "other")], SMALL) == 1
    assert "받은 값: teacher" in capsys.readouterr().err


def test_the_module_starts_without_a_runpy_warning_and_refuses_in_korean(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "cnnlab.training.data", "serve", "--folder", str(tmp_path)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("나누어 줄 cifar-10-python.tar.gz 파일이")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows에는 Ctrl+C를 다른 프로세스에 보내는 SIGINT가 없다")
def test_ctrl_c_ends_it_without_a_traceback(folder: Path) -> None:
    script = (  # 뒤에서 돌게 한 셸은 SIGINT를 무시하게 물려준다: 터미널에서처럼 되돌린다
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from pathlib import Path; from cnnlab.training.serve import serve; "
        "from mirror_servers import SMALL; serve(Path(sys.argv[1]), '127.0.0.1', 0, SMALL)"
    )
    path = os.pathsep.join([str(Path(__file__).resolve().parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": path},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl+C" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=20)[0]
    assert process.returncode == 0
    assert "멈췄습니다. 0번 보냈습니다." in rest
    assert "Traceback" not in rest


def test_ctrl_c_that_comes_with_the_instructions_is_heard_too(folder, monkeypatch, capsys) -> None:
    """안내가 나온 것과 기다리기 시작하는 것 사이에 누른 것."""

    def interrupted(*arguments: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("cnnlab.training.serve.instructions", interrupted)
    serve(folder, "127.0.0.1", 0, SMALL)
    assert "멈췄습니다. 0번 보냈습니다." in capsys.readouterr().out


# 글 ------------------------------------------------------------------------------------------------------------------


def test_the_arithmetic_of_the_classroom_page_is_right() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "classroom.md").read_text(encoding="utf-8")
    for students, megabits in ((30, 100), (30, 1000), (30, 50)):
        total = students * CIFAR10.size
        seconds = total * 8 / (megabits * 1e6)
        row = f"| {megabits:,} Mbit/s | {seconds / 60:.1f}분 | {megabits * 1e3 / 8 / students:,.0f} kB/s |"
        assert row in page
        assert f"{total / 1e9:.1f} GB" in page


def test_the_commands_of_the_classroom_page_are_understood() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "classroom.md").read_text(encoding="utf-8")
    commands = re.findall(r"-m cnnlab\.training\.data (\w+)", page)
    assert {"download", "serve"} <= set(commands)
    assert "CNNLAB_MIRRORS=http://192.168.0.10:8000/" in page
    assert "CNNLAB_DATA" in page
