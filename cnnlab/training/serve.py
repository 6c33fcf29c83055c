"""교실의 다른 컴퓨터에 압축 파일 하나를 나누어 준다. 그 파일 말고는 아무것도 내주지 않는다."""

from __future__ import annotations

import http.server
import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cnnlab.errors import LearnerError
from cnnlab.training.archive import CIFAR10, FOLDER, Archive
from cnnlab.training.folders import shown

GET_ONE = "python -m cnnlab.training.data download"


class ServeError(LearnerError, RuntimeError):
    """나누어 줄 수 없다: 무엇이 없거나 왜 열 수 없는지 말한다."""


@dataclass(frozen=True)
class Offer:
    """확인을 마친 파일 하나: 확인한 다음에 바뀌면 내주지 않는다."""

    path: Path
    archive: Archive
    changed_ns: int


def make_offer(folder: Path, archive: Archive = CIFAR10) -> Offer:
    """folder(또는 그 안팎의 cifar-10-batches-py 옆)에서 압축 파일을 찾아 md5를 확인한다. 없거나 다르면 ServeError."""
    places = [folder] if folder.name == archive.name else [folder / archive.name, folder.parent / archive.name]
    path = next((place for place in places[: 2 if folder.name == FOLDER else 1] if place.is_file()), None)
    if path is None:
        found = f" {FOLDER} 폴더는 있지만 나누어 주려면 풀기 전의 압축 파일이 필요합니다." * (
            (folder / FOLDER).is_dir() or folder.name == FOLDER
        )
        raise ServeError(
            f"나누어 줄 {archive.name} 파일이 {shown(folder)} 폴더에 없습니다.{found} `{GET_ONE}`로 받거나, "
            "이미 있는 파일을 그 폴더에 넣거나, --folder로 파일이 있는 폴더를 알려 주세요."
        )
    changed_ns = path.stat().st_mtime_ns
    if fault := archive.fault_of(path):
        raise ServeError(f"{shown(path)}: {fault}. 이 파일을 지우고 `{GET_ONE}`로 다시 받으세요.")
    return Offer(path, archive, changed_ns)


class Server(http.server.ThreadingHTTPServer):
    """한꺼번에 서른 대가 와도 받는다. sent는 끝까지 보낸 횟수."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = os.name != "nt"  # Windows에서는 두 서버가 같은 포트를 나누어 갖게 된다

    def __init__(self, offer: Offer, host: str, port: int) -> None:
        self.offer = offer
        self.sent = 0
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer는 여기서 이름(DNS)을 찾느라 네트워크가 없는 교실에서 몇 초를 보낸다
        super(http.server.HTTPServer, self).server_bind()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        print(f"{client_address[0]}: 보내다가 끊겼습니다.", flush=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    server_version = "cnnlab"
    sys_version = ""
    timeout = 60.0  # 연결만 하고 말이 없는 손님을 내보낸다

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        offer = self.server.offer
        if self.path != f"/{offer.archive.name}":
            return self._refuse(HTTPStatus.NOT_FOUND)
        try:
            file = open(offer.path, "rb")  # noqa: SIM115  여는 것과 보내는 것의 오류를 가른다
        except OSError:
            return self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        with file:
            stat = os.fstat(file.fileno())
            if (stat.st_size, stat.st_mtime_ns) != (offer.archive.size, offer.changed_ns):
                return self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            self._send(file, stat.st_size, with_body)

    def _send(self, file: Any, size: int, with_body: bool) -> None:
        tag = f'"{self.server.offer.archive.md5}"'
        asked = self.headers.get("Range", "") if self.headers.get("If-Range", tag) == tag else ""
        first, last = parse_range(asked, size) or (0, size - 1)
        partial = parse_range(asked, size) is not None
        if first > last:
            return self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{size}"})
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
        self.send_header("Content-Type", "application/gzip")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", tag)
        if partial:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if not with_body:
            return
        with suppress(OSError):  # 받는 쪽이 끊는 것은 잘못이 아니다
            sent = self.connection.sendfile(file, first, last - first + 1)
            if sent == last - first + 1 and last == size - 1:
                self.server.sent += 1
                print(f"{self.client_address[0]}: 끝까지 보냈습니다(모두 {self.server.sent}번).", flush=True)

    def _refuse(self, status: HTTPStatus, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """요청마다 한 줄을 찍지 않는다: 다 보낸 것만 알린다."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """ "bytes=5-9" -> (5, 9). 하나의 범위가 아니면 None(전체를 보낸다). 줄 수 없는 범위이면 첫째가 둘째보다 크다."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        count = int(match[2])
        return (max(0, size - count), size - 1) if count else (size, size - 1)
    first, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    return first, min(last, size - 1)


def lan_address() -> str:
    """같은 네트워크의 다른 컴퓨터가 이 컴퓨터를 부르는 IPv4 주소. 알 수 없으면 127.0.0.1."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # UDP라 아무것도 보내지 않고 나갈 길만 정한다
        return str(probe.getsockname()[0])
    with suppress(OSError):
        return socket.gethostbyname(socket.gethostname())
    return "127.0.0.1"


def serve(folder: Path, host: str, port: int, archive: Archive = CIFAR10) -> None:
    """압축 파일을 확인하고, 멈출 때까지 나누어 준다. 오류: 파일이 없거나 포트를 열 수 없으면 ServeError."""
    offer = make_offer(folder, archive)
    try:
        server = Server(offer, host, port)
    except (OSError, OverflowError) as error:
        raise ServeError(
            f"{host}:{port}에서 열 수 없습니다({error}). 다른 포트를 써 보세요: --port {port % 60000 + 1}"
        ) from error
    with server:
        with suppress(KeyboardInterrupt):  # 멈추는 법을 알린 다음에 오는 Ctrl+C는 모두 여기서 받는다
            print(instructions(offer, host, server.server_port), flush=True)
            server.serve_forever(poll_interval=0.2)
        print(f"멈췄습니다. {server.sent}번 보냈습니다.", flush=True)


def instructions(offer: Offer, host: str, port: int) -> str:
    """선생님이 볼 안내: 학생에게 줄 한 줄과 멈추는 법."""
    address = lan_address() if host in ("", "0.0.0.0") else host
    value = f"CNNLAB_MIRRORS=http://{address}:{port}/"
    lines = [
        f"{shown(offer.path)} 파일을 나누어 줍니다({offer.archive.size / 1e6:.0f} MB, md5 확인함). 이 파일만 내줍니다.",
        "학생은 노트북의 첫 셀에서, cnnlab을 쓰기 전에 다음 한 줄을 실행합니다.",
        "",
        f"    %env {value}",
        "",
        f"터미널에서는 Linux와 macOS: export {value}",
        f'           Windows(PowerShell): $env:CNNLAB_MIRRORS = "http://{address}:{port}/"',
        "멈추려면 이 창에서 Ctrl+C를 누르세요.",
    ]
    if address.startswith("127."):
        lines.insert(
            -1, "이 컴퓨터의 네트워크 주소를 알 수 없었습니다. 127.0.0.1 자리에 이 컴퓨터의 IP 주소를 넣으세요."
        )
    return "\n".join(lines)
