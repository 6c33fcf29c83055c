"""기록을 한 줄씩 쌓아 두는 파일(runs.jsonl)."""

from __future__ import annotations

import json
import os
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from cnnlab.training.folders import data_folder
from cnnlab.training.history import (
    DIVERGED,
    EPOCHS_DONE,
    FINISHED,
    INTERRUPTED,
    STOP_BUTTON,
    TERMINATED,
    TIME_UP,
    EvalRecord,
    History,
    StepRecord,
    plain,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DIVERGED",
    "EPOCHS_DONE",
    "FINISHED",
    "INTERRUPTED",
    "STOP_BUTTON",
    "TERMINATED",
    "TIME_UP",
    "EvalRecord",
    "History",
    "RunLogWarning",
    "StepRecord",
    "append_run",
    "load_runs",
    "runs_folder",
]

RUNS_FILE = "runs.jsonl"
LOCK_SECONDS = 5.0  # 다른 커널이 쓰는 동안 기다리는 시간. 넘으면 기록 없이 지나간다


class RunLogWarning(UserWarning):
    """학습 기록 파일을 쓰거나 읽지 못했다. 학습 결과는 그대로 있다."""


def runs_folder() -> Path:
    """학습 기록을 두는 폴더: 환경 변수 CNNLAB_RUNS, 없으면 프로젝트의 data/runs."""
    named = os.environ.get("CNNLAB_RUNS", "").strip()
    return Path(named).expanduser() if named else data_folder() / "runs"


def append_run(history: History, folder: str | Path) -> bool:
    """학습 한 번을 folder/runs.jsonl에 JSON 한 줄로 덧붙인다. 한 줄이 다 들어가거나 아무것도 들어가지 않는다.

    환경 변수 CNNLAB_STUDENT가 있으면 누구의 것인지도 적는다: 여럿이 한 폴더를 쓸 때 필요하다.
    반환: 썼으면 True. 쓸 수 없는 폴더이거나 디스크가 가득 찼으면 RunLogWarning을 남기고 False.
    """
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    row = {"when": when, "student": os.environ.get("CNNLAB_STUDENT", "").strip(), **history.row()}
    line = json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n"
    path = Path(folder) / RUNS_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
            _append_whole(path, line.encode())
    except OSError as error:  # filelock.Timeout도 OSError다
        reason = error.strerror or type(error).__name__
        warnings.warn(
            f"학습 기록을 {path.parent.name}/{RUNS_FILE}에 쓰지 못했습니다({reason}). "
            "결과는 변수에 그대로 있습니다. 기록이 필요하면 폴더의 쓰기 권한과 남은 공간을 확인하세요.",
            RunLogWarning,
            stacklevel=2,
        )
        return False
    return True


def load_runs(folder: str | Path) -> pd.DataFrame:
    """folder/runs.jsonl을 표로 읽는다: 한 행이 학습 한 번. 파일이 없으면 빈 표다.

    읽을 수 없는 줄은 건너뛰고 RunLogWarning으로 몇째 줄인지 말한다(attrs["skipped"]에도 있다).
    """
    import pandas as pd

    path = Path(folder) / RUNS_FILE
    lines = path.read_bytes().splitlines() if path.exists() else []
    rows, skipped = [], []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError:  # JSON도 UTF-8도 아닌 줄
            row = None
        if isinstance(row, dict):
            rows.append(row)
        elif line.strip():
            skipped.append(number)
    if skipped:
        where = ", ".join(map(str, skipped))
        warnings.warn(
            f"{RUNS_FILE}에서 읽을 수 없는 줄을 건너뛰었습니다. 줄 번호: {where}", RunLogWarning, stacklevel=2
        )
    table = pd.DataFrame(rows)
    table.attrs["skipped"] = skipped
    return table


def _append_whole(path: Path, line: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        size = file.tell()
        if size and _last_byte(path) != b"\n":  # 앞선 쓰기가 잘렸으면 그 줄에 이어 붙지 않게 한다
            line = b"\n" + line
        try:
            written = file.write(line)
            if written != len(line):
                raise OSError(None, "디스크가 가득 찼습니다")
        except OSError:
            file.truncate(size)
            raise


def _last_byte(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
