"""voila: 코드를 감추고 조절기만 움직이는 수업 화면이 실제로 열린다."""

import html
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSON = ROOT / "notebooks" / "00_convolution.ipynb"  # 조절기가 가장 많고 학습이 없다


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """voila가 노트북을 끝까지 실행해 내준 쪽."""
    port = free_port()
    log = tmp_path_factory.mktemp("voila") / "log"
    command = [sys.executable, "-m", "voila", "--no-browser", f"--port={port}", "--progressive_rendering=False"]
    with log.open("wb") as file:
        server = subprocess.Popen(
            [*command, str(LESSON)], stdout=file, stderr=file, env={**os.environ, "CNNLAB_DATA": "shapes10"}
        )
    try:
        end = time.monotonic() + 120
        while True:
            try:
                return html.unescape(urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=240).read().decode())
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, log.read_text(errors="replace")
                assert time.monotonic() < end, log.read_text(errors="replace")
                time.sleep(0.3)
    finally:
        server.terminate()
        server.wait(20)


def test_it_opens_with_text_pictures_and_live_controls_and_no_error(page) -> None:
    assert "00. 합성곱 산수" in page
    assert page.count("image/svg+xml") + page.count("image/png") >= 5
    views = re.findall(r"widget-view\+json", page)
    assert len(views) >= 2, "합성곱의 조절기 둘"
    assert "Traceback" not in page
    assert "jp-RenderedText" in page


def test_it_hides_the_code(page) -> None:
    assert "import torch.nn.functional as F" not in page
