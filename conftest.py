"""시험 전체의 환경: 학습은 짧게, 데이터는 옆에 있는 것만, 기록은 임시 폴더에.

노트북의 커널은 이 환경 변수를 물려받는다. 학습자의 환경은 건드리지 않는다.
"""

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import pytest

PICTURES = Path(__file__).resolve().parent.parent / "shared" / "cifar10" / "cifar10-images.tar.gz"  # 있으면 쓴다
TEMPORARY = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # cnnlab/__init__.py와 같은 까닭
    os.environ.setdefault("CNNLAB_MINUTES", "0.03")  # 노트북 안의 학습을 줄이는 설정은 이것 하나다
    os.environ.setdefault("CNNLAB_MIRRORS", "")  # 아무것도 내려받지 않는다
    if "CNNLAB_DATA" not in os.environ:
        os.environ["CNNLAB_DATA"] = str(_unpacked(config)) if PICTURES.is_file() else "shapes10"
    if "CNNLAB_RUNS" not in os.environ:
        config.stash[TEMPORARY] = os.environ["CNNLAB_RUNS"] = tempfile.mkdtemp(prefix="cnnlab-runs-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if TEMPORARY in config.stash:
        shutil.rmtree(config.stash[TEMPORARY], ignore_errors=True)


def pytest_report_header() -> list[str]:
    return [f"cnnlab: {name}={os.environ[name]}" for name in ("CNNLAB_DATA", "CNNLAB_MINUTES")]


def _unpacked(config: pytest.Config) -> Path:
    """사진을 pytest의 캐시 폴더에 한 번만 푼다. 풀다가 멈춘 것이 완성된 것으로 보이지 않게 마지막에 이름을 바꾼다."""
    home = config.rootpath / ".pytest_cache" / "d" / "cifar10-images"
    home.mkdir(parents=True, exist_ok=True)
    done = home / "pictures"
    if not done.is_dir():
        half = Path(tempfile.mkdtemp(prefix="half-", dir=home))
        with tarfile.open(PICTURES) as archive:
            archive.extractall(half, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        try:
            half.rename(done)
        except OSError:  # 다른 pytest가 먼저 끝냈다
            shutil.rmtree(half, ignore_errors=True)
    return done
