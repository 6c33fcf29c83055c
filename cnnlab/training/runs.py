"""기록을 한 줄씩 쌓아 두는 파일(runs.jsonl)."""

from __future__ import annotations

import os
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

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
from cnnlab.training.json_lines import append_line, read_lines

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
    "own_folder",
    "runs_folder",
]

RUNS_FILE = "runs.jsonl"


class RunLogWarning(UserWarning):
    """학습 기록 파일을 쓰거나 읽지 못했다. 학습 결과는 그대로 있다."""


def runs_folder() -> Path:
    """학습 기록을 두는 폴더: 환경 변수 CNNLAB_RUNS, 없으면 프로젝트의 data/runs.

    data/가 여럿이 함께 쓰는 읽기 전용 폴더이면 홈 폴더의 .cnnlab이다.
    """
    named = os.environ.get("CNNLAB_RUNS", "").strip()
    if named:
        return Path(named).expanduser()
    data = data_folder()
    runs = data / "runs"
    place = next(folder for folder in (runs, data, data.parent) if folder.is_dir())
    return runs if os.access(place, os.W_OK) else own_folder()


def own_folder() -> Path:
    """이 사람만의 기록을 두는 폴더: 환경 변수 CNNLAB_RUNS, 없으면 홈 폴더의 .cnnlab.

    프로젝트를 새로 받거나 패키지를 올려도 남는다.
    """
    named = os.environ.get("CNNLAB_RUNS", "").strip()
    return Path(named).expanduser() if named else Path.home() / ".cnnlab"


def append_run(history: History, folder: str | Path) -> bool:
    """학습 한 번을 folder/runs.jsonl에 JSON 한 줄로 덧붙인다. 한 줄이 다 들어가거나 아무것도 들어가지 않는다.

    환경 변수 CNNLAB_STUDENT가 있으면 누구의 것인지도 적는다: 여럿이 한 폴더를 쓸 때 필요하다.
    반환: 썼으면 True. 쓸 수 없는 폴더이거나 디스크가 가득 찼으면 RunLogWarning을 남기고 False.
    """
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    row = {"when": when, "student": os.environ.get("CNNLAB_STUDENT", "").strip(), **history.row()}
    path = Path(folder) / RUNS_FILE
    try:
        append_line(path, plain(row))
    except OSError as error:
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

    rows, skipped = read_lines(Path(folder) / RUNS_FILE)
    if skipped:
        where = ", ".join(map(str, skipped))
        warnings.warn(
            f"{RUNS_FILE}에서 읽을 수 없는 줄을 건너뛰었습니다. 줄 번호: {where}", RunLogWarning, stacklevel=2
        )
    table = pd.DataFrame(rows)
    table.attrs["skipped"] = skipped
    return table
