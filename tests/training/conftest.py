"""이 폴더의 시험이 함께 쓰는 것(mirror_servers)을 부를 수 있게 하고, 시험이 진짜 네트워크에 나가지 않게 한다."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(autouse=True)
def no_real_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnlab.training.mirrors.MIRRORS", ())
