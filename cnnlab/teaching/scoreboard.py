"""점수판: 여러 노트북에서 한 학습, 또는 한 반이 함께 쓰는 폴더에 모인 학습을 정확도 차례로 늘어놓는다."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.errors import LearnerError
from cnnlab.training.runs import RUNS_FILE, RunLogWarning, load_runs, runs_folder

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "rank": "순위",
    "student": "누구",
    "model": "신경망",
    "accuracy": "시험 정확도",
    "test_images": "시험 그림",
    "minutes": "분",
    "epochs": "에폭",
    "images_seen": "본 그림",
    "images_per_second": "초당 그림",
    "batch_size": "미니배치",
    "lr": "학습률",
    "device": "장치",
    "stopped": "끝난 까닭",
    "when": "언제",
}


class ScoreboardError(LearnerError, OSError):
    """점수판을 만들 폴더가 없다."""


def scoreboard(folder: str | Path | None = None) -> pd.DataFrame:
    """folder와 그 아래의 모든 runs.jsonl을 모아 정확도가 높은 것부터 보여 준다: 한 행이 학습 한 번.

    folder: 적지 않으면 내 기록(data/runs). 반의 점수판은 모두의 기록이 모인 공유 폴더를 적는다.
    누구: 기록에 적힌 이름(환경 변수 CNNLAB_STUDENT), 없으면 그 기록이 놓인 하위 폴더의 이름.
    데이터가 다른 학습은 견줄 수 없으므로 데이터마다 나누어 순위를 매긴다. 재지 못한 학습은 순위 없이 끝에 온다.
    읽을 수 없는 줄은 건너뛰고, 어느 파일의 몇째 줄인지 RunLogWarning으로 알린다.
    오류: 폴더가 없으면 ScoreboardError. 새로 끝난 학습이 저절로 나타나게 하려면 live_scoreboard를 쓴다.
    """
    import pandas as pd

    home = runs_folder() if folder is None else Path(folder).expanduser()
    if folder is not None and not home.is_dir():
        raise ScoreboardError(f"폴더가 없습니다: {home.name}. 기록이 모인 공유 폴더의 경로를 확인하세요.")
    tables = [table for path in sorted(home.rglob(RUNS_FILE)) if not (table := _read(path, home)).empty]
    if not tables:
        return pd.DataFrame(columns=["데이터", *COLUMNS.values()])
    runs = pd.concat(tables, ignore_index=True).reindex(columns=["source", *COLUMNS])
    runs["accuracy"] = pd.to_numeric(runs["accuracy"], errors="coerce")
    runs = runs.sort_values(["source", "accuracy", "when"], ascending=[True, False, True], ignore_index=True)
    runs["rank"] = runs.groupby("source")["accuracy"].rank(ascending=False, method="min").astype("Int64")
    return runs.rename(columns={"source": "데이터", **COLUMNS})


def _read(path: Path, home: Path) -> pd.DataFrame:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunLogWarning)  # 어느 파일인지까지 아래에서 말한다
        table = load_runs(path.parent)
    skipped = table.attrs["skipped"]
    where = path.relative_to(home).as_posix()
    if skipped:
        lines = ", ".join(map(str, skipped))
        warnings.warn(f"읽을 수 없는 줄을 건너뛰었습니다. {where}의 줄 번호: {lines}", RunLogWarning, stacklevel=3)
    if not table.empty:
        owner = path.parent.relative_to(home).as_posix()
        named = table["student"] if "student" in table.columns else pd.Series("", index=table.index)
        table["student"] = named.fillna("").replace("", "" if owner == "." else owner)
    return table
