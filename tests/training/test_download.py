"""내려받기: 진짜 HTTP 서버에서 받은 것이 온전할 때만 완성된 이름으로 남는다."""

import errno
import hashlib
import http.server
import io
import os
import pickle
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cnnlab.errors import LearnerError
from cnnlab.training import batches, data
from cnnlab.training import download as module
from cnnlab.training.download import DownloadError, download, mirrors
from cnnlab.training.image_data import DataError

CONTENT = os.urandom(300_000)
GOOD = {"size": len(CONTENT), "md5": hashlib.md5(CONTENT).hexdigest()}


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        body = self.server.files.get(self.path, CONTENT)
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path == "/page" else "application/gzip")
        if self.path != "/no-length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.server.requests_seen.append(self.path)
        if self.path == "/cut":
            body = body[:1000]
        if self.path == "/silent":
            time.sleep(1)
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.files, server.requests_seen = {"/other": b"x" * len(CONTENT), "/short": CONTENT[:-1]}, []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/good", "/no-length"])
def test_a_good_file_arrives_whole_and_leaves_nothing_else(server, tmp_path: Path, path: str) -> None:
    target = tmp_path / "new" / "a.tar.gz"
    download(target, [server.url + path], **GOOD)
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/missing", "404"),
        ("/page", "웹 페이지"),
        ("/cut", "끊겼|길이가 다릅니다"),
        ("/short", "길이가 다릅니다"),
        ("/other", "md5가 다릅니다"),
    ],
)
def test_a_bad_answer_is_named_and_nothing_is_left(server, tmp_path: Path, path: str, said: str) -> None:
    with pytest.raises(DownloadError, match=said) as caught:
        download(tmp_path / "a.tar.gz", [server.url + path], **GOOD)
    assert isinstance(caught.value, LearnerError)
    assert server.url + path in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_next_mirror_is_tried_after_a_bad_one(server, tmp_path: Path) -> None:
    download(tmp_path / "a", [server.url + "/other", server.url + "/missing", server.url + "/good"], **GOOD)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_an_earlier_good_file_survives_a_failed_download(server, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"earlier")
    with pytest.raises(DownloadError):
        download(tmp_path / "a", [server.url + "/other"], **GOOD)
    assert (tmp_path / "a").read_bytes() == b"earlier"


def test_a_refused_connection_is_reported(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match="연결하지 못했습니다"):
        download(tmp_path / "a", [f"http://127.0.0.1:{port}/a"], **GOOD)
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_never_answers_is_given_up_after_the_connect_limit(tmp_path: Path) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()  # 연결은 받지만 아무 말도 하지 않는다
        with pytest.raises(DownloadError, match=r"0\.2초 안에"):
            download(tmp_path / "a", [f"http://127.0.0.1:{mute.getsockname()[1]}/a"], connect_seconds=0.2, **GOOD)


def test_a_stall_in_the_middle_is_given_up(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    with pytest.raises(DownloadError, match="끊겼습니다"):
        download(tmp_path / "a", [server.url + "/silent"], **GOOD)


def test_an_unwritable_folder_is_reported_before_the_network_is_used(server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("폴더 자리에 파일")
    with pytest.raises(DownloadError, match="저장할 수 없습니다"):
        download(tmp_path / "file" / "a", [server.url + "/good"], **GOOD)
    assert server.requests_seen == []


def test_a_full_disk_is_reported_and_the_partial_file_removed(server, tmp_path, monkeypatch) -> None:
    class FullDisk(io.BytesIO):
        def write(self, block: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "open", lambda *args: FullDisk(), raising=False)
    with pytest.raises(DownloadError, match="No space left"):
        download(tmp_path / "a", [server.url + "/good", server.url + "/good"], **GOOD)
    assert list(tmp_path.iterdir()) == []
    assert len(server.requests_seen) == 1  # 디스크 문제에 다른 주소를 시도하지 않는다


def test_an_interrupt_leaves_nothing_half_written(server, tmp_path, monkeypatch) -> None:
    def interrupted(response: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download(tmp_path / "a", [server.url + "/good"], **GOOD)
    assert list(tmp_path.iterdir()) == []


def test_mirrors_come_from_the_environment_when_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNLAB_MIRRORS", raising=False)
    assert mirrors() == module.MIRRORS
    assert all(url.startswith("https://") and url.endswith(batches.ARCHIVE) for url in module.MIRRORS)
    monkeypatch.setenv("CNNLAB_MIRRORS", " http://a/x , http://b/y,")
    assert mirrors() == ("http://a/x", "http://b/y")
    monkeypatch.setenv("CNNLAB_MIRRORS", "")
    with pytest.raises(DownloadError, match="주소가 없습니다"):
        download(Path("never"), mirrors())


# 압축과 원본 묶음 -----------------------------------------------------------------------------------------------------


def small_original(per_file: int = 4) -> dict[str, bytes]:
    """원본과 같은 형식의 작은 묶음 파일들."""
    rng = np.random.default_rng(0)
    files = {
        name: pickle.dumps(
            {
                "data": rng.integers(0, 256, (per_file, 3072), dtype=np.uint8),
                "labels": list(rng.integers(0, 10, per_file).tolist()),
            }
        )
        for name in (*batches.TRAIN_FILES, *batches.TEST_FILES)
    }
    return {**files, batches.META_FILE: pickle.dumps({"label_names": list(CLASSES)})}


CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FILES = small_original()
CHECKSUMS = {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()}


def archive_bytes(files: dict[str, bytes], extra: list[tarfile.TarInfo] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for info in extra or []:
            tar.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(f"{batches.FOLDER}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def small_cifar10(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "official_checksums", lambda: CHECKSUMS)


def test_unpack_writes_only_known_files_inside_the_folder(tmp_path: Path) -> None:
    link = tarfile.TarInfo(f"{batches.FOLDER}/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(archive_bytes(FILES, [link, tarfile.TarInfo("../escaped"), tarfile.TarInfo("/escaped")]))
    target = tmp_path / "deep" / "target"
    batches.unpack(archive, target, CHECKSUMS)
    assert {path.name for path in target.iterdir()} == set(FILES)
    assert {path.name for path in tmp_path.rglob("*escaped*")} == set()


@pytest.mark.parametrize("damage", ["truncated", "not an archive", "member missing", "member changed"])
def test_a_broken_archive_is_refused_and_nothing_is_unpacked(tmp_path: Path, damage: str) -> None:
    good = archive_bytes(FILES)
    contents = {
        "truncated": good[: len(good) // 2],
        "not an archive": b"<html>login</html>",
        "member missing": archive_bytes({name: FILES[name] for name in list(FILES)[1:]}),
        "member changed": archive_bytes({**FILES, "test_batch": FILES["test_batch"] + b"."}),
    }
    archive = tmp_path / batches.ARCHIVE
    archive.write_bytes(contents[damage])
    with pytest.raises(DataError, match=batches.ARCHIVE):
        batches.load_original(tmp_path / batches.FOLDER, CHECKSUMS)
    assert list((tmp_path / batches.FOLDER).iterdir()) == []


def test_pictures_and_labels_come_back_as_they_were_packed(tmp_path: Path) -> None:
    (tmp_path / batches.ARCHIVE).write_bytes(archive_bytes(FILES))
    loaded = batches.load_original(tmp_path / batches.FOLDER, CHECKSUMS)
    third = pickle.loads(FILES["data_batch_3"])
    assert loaded.is_cifar10
    assert loaded.classes == CLASSES
    assert np.array_equal(loaded.train_images[8:12].numpy().reshape(4, 3072), third["data"])
    assert loaded.train_labels[8:12].tolist() == third["labels"]
    assert len(loaded.test_labels) == 4


def test_load_cifar10_downloads_once_unpacks_and_then_needs_no_server(
    server, tmp_path, monkeypatch, small_cifar10, capsys
) -> None:
    body = archive_bytes(FILES)
    server.files["/cifar"] = body
    monkeypatch.setattr(module.download, "__kwdefaults__", {**module.download.__kwdefaults__, **_facts(body)})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("CNNLAB_MIRRORS", server.url + "/cifar")
    first = data.load_cifar10()
    server.shutdown()
    again = data.load_cifar10()
    assert first.is_cifar10
    assert first.train_images.equal(again.train_images)
    assert server.requests_seen == ["/cifar"]
    assert data.find_source() == "CIFAR-10 원본(data)"
    assert capsys.readouterr().out.count("데이터: CIFAR-10 |") == 2


def test_a_half_data_folder_is_repaired_by_the_download(server, tmp_path, monkeypatch, small_cifar10, capsys) -> None:
    body = archive_bytes(FILES)
    server.files["/cifar"] = body
    monkeypatch.setattr(module.download, "__kwdefaults__", {**module.download.__kwdefaults__, **_facts(body)})
    half = tmp_path / "data" / batches.FOLDER
    half.mkdir(parents=True)
    (half / "data_batch_1").write_bytes(FILES["data_batch_1"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("CNNLAB_MIRRORS", server.url + "/cifar")
    assert data.load_cifar10().is_cifar10
    assert "data_batch_2 파일이 없습니다" in capsys.readouterr().out


def _facts(body: bytes) -> dict[str, object]:
    return {"size": len(body), "md5": hashlib.md5(body).hexdigest()}


def test_a_broken_archive_in_the_project_is_downloaded_again(
    server, tmp_path, monkeypatch, small_cifar10, capsys
) -> None:
    body = archive_bytes(FILES)
    server.files["/cifar"] = body
    monkeypatch.setattr(module.download, "__kwdefaults__", {**module.download.__kwdefaults__, **_facts(body)})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / batches.ARCHIVE).write_bytes(body[:500])
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("CNNLAB_MIRRORS", server.url + "/cifar")
    assert data.load_cifar10().is_cifar10
    assert f"건너뜁니다: data/{batches.ARCHIVE}: 압축이 깨졌거나" in capsys.readouterr().out
