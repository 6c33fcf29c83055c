"""브라우저 시험이 함께 쓰는 것. Chromium이 없는 컴퓨터에서는 건너뛰지만, CNNLAB_BROWSER=1이면(.ci/run) 실패한다."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from jupyter import ROOT, launch, server

MINUTES = "0.01"  # 학습이 되는지만 본다. 멈춤 단추의 시험은 스스로 길게 학습시킨다
SHOTS = Path(__file__).resolve().parent / "shots"  # 화면 사진. git에 넣지 않는다


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            opened = launch(playwright)
        except Error as error:
            if os.environ.get("CNNLAB_BROWSER"):
                raise
            pytest.skip(f"Chromium이 없습니다(README의 '브라우저 시험'). {str(error).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory) -> Iterator[str]:
    """모든 수업의 사본을 연 JupyterLab의 주소."""
    home = tmp_path_factory.mktemp("lab") / "notebooks"
    shutil.copytree(ROOT / "notebooks", home, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    with server(home, CNNLAB_MINUTES=MINUTES) as address:
        yield address


@pytest.fixture(scope="session")
def shots() -> Path:
    shutil.rmtree(SHOTS, ignore_errors=True)
    SHOTS.mkdir(parents=True)
    return SHOTS
