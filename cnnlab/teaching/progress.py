"""진도: 어느 연습 문제를 풀었는지 작은 파일에 적어 두고 모든 수업을 한눈에 보여 준다.

기록은 이 사람의 폴더에만 쓴다. 적는 것은 문제의 번호, 결과, 때, 그리고 CNNLAB_STUDENT에 적은 이름뿐이다.
"""

from __future__ import annotations

import os
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.errors import LearnerError
from cnnlab.training.json_lines import append_line, read_lines
from cnnlab.training.runs import own_folder

if TYPE_CHECKING:
    import pandas as pd

PROGRESS_FILE = "progress.jsonl"
RIGHT, TRIED, UNTOUCHED = "✓", "△", "·"  # 맞힘, 풀어 보았으나 아직, 손대지 않음
UNNAMED = "이름 없음"


class ProgressWarning(UserWarning):
    """진도를 쓰거나 읽지 못했다. 채점은 그대로 된다."""


class ProgressError(LearnerError, OSError):
    """진도를 모을 폴더가 없다."""


def record(exercise_id: str, right: bool) -> bool:
    """채점 한 번을 적는다. 반환: 썼으면 True. 쓸 수 없으면 ProgressWarning을 남기고 False."""
    row = {
        "when": datetime.now().astimezone().isoformat(timespec="seconds"),
        "student": os.environ.get("CNNLAB_STUDENT", "").strip(),
        "exercise": exercise_id,
        "right": right,
    }
    try:
        append_line(own_folder() / PROGRESS_FILE, row)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        warnings.warn(
            f"진도를 적지 못했습니다({reason}). 채점에는 영향이 없습니다. "
            "기록이 필요하면 환경 변수 CNNLAB_RUNS에 쓸 수 있는 폴더를 적어 주세요.",
            ProgressWarning,
            stacklevel=3,
        )
        return False
    return True


def progress(folder: str | Path | None = None) -> pd.DataFrame:
    """연습 문제의 진도. 한 번이라도 맞힌 문제는 맞힌 것으로 센다.

    folder를 적지 않으면 내 진도: 한 행이 수업, ✓는 맞힘, △는 풀어 보았으나 아직, ·는 손대지 않음.
    folder를 적으면 그 아래에 모인 반의 진도: 한 행이 학생, 칸마다 '맞힌 수/문제 수'.
    누구: 기록에 적힌 이름(환경 변수 CNNLAB_STUDENT), 없으면 기록이 놓인 하위 폴더의 이름.
    읽을 수 없는 줄은 건너뛰고 ProgressWarning으로 알린다. 오류: 폴더가 없으면 ProgressError.
    """
    if folder is None:
        return _mine(_marks(_read(own_folder() / PROGRESS_FILE)))
    home = Path(folder).expanduser()
    if not home.is_dir():
        raise ProgressError(f"폴더가 없습니다: {home.name}. 진도가 모인 폴더의 경로를 확인하세요.")
    return _class(home)


def _read(path: Path) -> list[dict[str, object]]:
    rows, skipped = read_lines(path)
    if skipped:
        lines = ", ".join(map(str, skipped))
        where = f"{path.parent.name}/{path.name}"
        warnings.warn(f"읽을 수 없는 줄을 건너뛰었습니다. {where}의 줄 번호: {lines}", ProgressWarning, stacklevel=4)
    return rows


def _marks(rows: list[dict[str, object]]) -> dict[str, str]:
    """문제 번호 -> ✓나 △. 지금은 없는 문제의 기록은 남겨 두되 세지 않는다."""
    marks: dict[str, str] = {}
    for row in rows:
        name = str(row.get("exercise"))
        marks[name] = RIGHT if row.get("right") is True or marks.get(name) == RIGHT else TRIED
    return marks


def _mine(marks: dict[str, str]) -> pd.DataFrame:
    import pandas as pd

    from cnnlab.teaching.questions import LESSONS, NAMES

    longest = max(map(len, LESSONS.values()))
    table = {}
    for number, lesson in LESSONS.items():
        own = [marks.get(one.id, UNTOUCHED) for one in lesson]
        cells = dict(zip(map(str, range(1, longest + 1)), own + [""] * (longest - len(own)), strict=True))
        table[f"{number} {NAMES[number]}"] = {"맞힌 문제": f"{own.count(RIGHT)}/{len(own)}", **cells}
    return pd.DataFrame.from_dict(table, orient="index")


def _class(home: Path) -> pd.DataFrame:
    import pandas as pd

    from cnnlab.teaching.questions import LESSONS

    students: dict[str, list[dict[str, object]]] = {}
    for path in sorted(home.rglob(PROGRESS_FILE)):
        owner = path.parent.relative_to(home).as_posix()
        for row in _read(path):
            name = str(row.get("student") or "") or (UNNAMED if owner == "." else owner)
            students.setdefault(name, []).append(row)
    table = {}
    for name, rows in sorted(students.items()):
        marks = _marks(rows)
        right = {number: sum(marks.get(one.id) == RIGHT for one in lesson) for number, lesson in LESSONS.items()}
        counts = {number: f"{right[number]}/{len(lesson)}" for number, lesson in LESSONS.items()}
        table[name] = {"모두": sum(right.values()), **counts}
    return pd.DataFrame.from_dict(table, orient="index", columns=["모두", *LESSONS])
