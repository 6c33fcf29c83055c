"""데이터와 캐시가 놓이는 폴더, 그리고 그 폴더를 학습자에게 부르는 이름."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def data_folder() -> Path:
    """프로젝트의 data/: 현재 폴더부터 위로 올라가며 notebooks/와 나란한 것을 찾고, 없으면 ./data(아직 없을 수 있다)."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "data").is_dir():
            return folder / "data"
    return here / "data"


def named_folder(folder: str | Path | None = None) -> Path | None:
    """folder, 또는 환경 변수 CNNLAB_DATA가 가리키는 폴더. 둘 다 없으면 None."""
    named = str(folder) if folder is not None else os.environ.get("CNNLAB_DATA", "").strip()
    return Path(named).expanduser() if named else None


def user_cache_folder() -> Path:
    """운영체제가 정한 사용자 캐시 폴더 안의 cnnlab/."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cnnlab"


def shown(path: Path) -> str:
    """학습자에게 보일 경로: 프로젝트나 현재 폴더 안이면 상대 경로, 홈 안이면 ~로 시작한다."""
    full = Path(os.path.abspath(path))
    for base, prefix in ((data_folder().parent, ""), (Path.cwd(), ""), (Path.home(), "~/")):
        if full.is_relative_to(base):
            return prefix + full.relative_to(base).as_posix()
    return str(full)
