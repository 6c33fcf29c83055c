"""시험이 쓰는 진짜 HTTP 서버와 작은 압축 파일. 주소의 첫 마디가 버릇을 정한다."""

import gzip
import hashlib
import http.server
import io
import pickle
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from cnnlab.training.archive import CIFAR10, FOLDER, Archive
from cnnlab.training.transfer import Limits

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
QUICK = Limits(connect_seconds=2, stall_seconds=0.5, window_seconds=0.3, least_rate=1e6)


def small_files(per_file: int = 12) -> dict[str, bytes]:
    """원본과 같은 형식의 작은 묶음 파일들."""
    rng = np.random.default_rng(0)
    files = {
        name: pickle.dumps(
            {
                "data": rng.integers(0, 256, (per_file, 3072), dtype=np.uint8),
                "labels": rng.integers(0, 10, per_file).tolist(),
            }
        )
        for name in CIFAR10.members
        if name != "batches.meta"
    }
    return {**files, "batches.meta": pickle.dumps({"label_names": list(CLASSES)})}


def packed(files: dict[str, bytes], extra: list[tarfile.TarInfo] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info in extra or []:
            tar.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)  # 어느 프로세스에서나 같은 바이트


def archive_of(body: bytes, files: dict[str, bytes]) -> Archive:
    return Archive(
        CIFAR10.name,
        len(body),
        hashlib.md5(body).hexdigest(),
        sum(map(len, files.values())),
        {name: hashlib.md5(content).hexdigest() for name, content in files.items()},
    )


FILES = small_files()
BODY = packed(FILES)  # 약 220 kB
SMALL = archive_of(BODY, FILES)


class Mirror(http.server.ThreadingHTTPServer):
    """requests: (버릇, Range 머리). handed: 보낸 본문 바이트."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str | None]] = []
        self.handed = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def at(self, habit: str) -> str:
        return f"{self.url}/{habit}/{SMALL.name}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # 받는 쪽이 먼저 끊는 시험이 많다


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        habit = self.path.split("/")[1]
        asked = self.headers.get("Range")
        self.server.requests.append((habit, asked))
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if habit == "missing":
            return self.send_error(404)
        if habit == "redirect":
            return self._head(302, 0, Location=self.server.at("good"))
        if habit == "loop":
            return self._head(302, 0, Location=self.server.at("loop"))
        if habit == "portal":
            return self._head(302, 0, Location=self.server.at("page"))
        if habit in ("page", "disguised-page"):
            text = b"<!DOCTYPE html><title>login</title>" + b" " * (SMALL.size - 35)
            self._head(200, len(text), "text/html; charset=utf-8" if habit == "page" else "application/gzip")
            return self._give(text)
        if habit == "416" and start:
            return self._head(416, 0)
        if habit == "grown" and start:  # 이어 받을 때 다른 길이의 파일이 되어 있다
            rest = BODY[start:] + b"more"
            self._head(206, len(rest), **{"Content-Range": f"bytes {start}-{SMALL.size + 3}/{SMALL.size + 4}"})
            return self._give(rest)
        if habit == "elsewhere" and start:  # 달라고 한 것보다 뒤를 준다
            rest = BODY[start + 10 :]
            self._head(206, len(rest), **{"Content-Range": f"bytes {start + 10}-{SMALL.size - 1}/{SMALL.size}"})
            return self._give(rest)
        body = b"\x1f\x8b" + bytes(SMALL.size - 2) if habit in ("corrupt", "corrupt-die") else BODY
        body = BODY[:-1] if habit == "short" else BODY + b"longer" if habit in ("long", "long-unsaid") else body
        if start and habit not in ("no-range", "no-range-die", "416"):
            self._head(206, len(body) - start, **{"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})
            body = body[start:]
        else:
            self._head(200, None if habit in ("no-length", "long-unsaid") else len(body))
        if habit in ("die", "no-range-die", "corrupt-die"):  # 절반쯤 보내고 끊는다
            return self._give(body[: len(body) // 2])
        if habit == "drip-of-30":  # 30 kB씩 보내고 끊는다
            return self._give(body[:30_000])
        if habit == "stall":
            self._give(body[:50_000])
            return time.sleep(1.5)
        if habit in ("slow", "slower"):  # 약 300, 150 kB/s
            for at in range(0, len(body), 6_000):
                self._give(body[at : at + 6_000])
                time.sleep(0.02 if habit == "slow" else 0.04)
            return None
        if habit == "gradual":  # 1초 남짓에 걸쳐, 느리다고 할 만큼은 아니게
            for at in range(0, len(body), 4_000):
                self._give(body[at : at + 4_000])
                time.sleep(0.02)
            return None
        return self._give(body)

    def _head(self, status: int, length: int | None, kind: str = "application/gzip", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _give(self, body: bytes) -> None:
        self.wfile.write(body)
        self.server.handed += len(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def running(server: http.server.HTTPServer) -> Iterator[http.server.HTTPServer]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
