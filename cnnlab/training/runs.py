"""학습 한 번의 기록(History)과, 기록을 한 줄씩 쌓아 두는 파일(runs.jsonl)."""

from __future__ import annotations

import json
import math
import os
import warnings
from dataclasses import asdict, dataclass, field
from datetime import datetime
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:
    import pandas as pd

RUNS_FILE = "runs.jsonl"
LOCK_SECONDS = 2.0  # 다른 커널이 쓰는 동안 기다리는 시간. 넘으면 기록 없이 지나간다

# History.stopped: 학습이 왜 끝났나
TIME_UP = "시간을 다 썼습니다"
EPOCHS_DONE = "에폭을 마쳤습니다"
STOP_BUTTON = "멈춤 단추"
INTERRUPTED = "사용자가 중단"
DIVERGED = "손실이 NaN"


class RunLogWarning(UserWarning):
    """학습 기록 파일을 쓰거나 읽지 못했다. 학습 결과는 그대로 있다."""


@dataclass(frozen=True)
class StepRecord:
    """바로 앞 기록부터 여기까지의 평균 손실과 정확도."""

    epoch: float  # 지금까지 본 그림 수 / 학습 그림 수
    seconds: float  # 학습을 시작한 뒤로
    loss: float
    accuracy: float  # 학습 그림(증강한 것)에서, 0..1
    lr: float


@dataclass(frozen=True)
class EvalRecord:
    """시험 그림으로 잰 값: 도중에는 정해진 일부로, 끝난 뒤에는 History.test_images장으로."""

    epoch: float
    seconds: float
    accuracy: float  # 0..1
    loss: float


@dataclass
class History:
    """학습 한 번에서 일어난 일. 중간에 멈춘 학습도 그때까지의 것을 지닌다.

    accuracy, loss: 끝난 뒤 시험 그림 test_images장으로 잰 값. 재지 못했으면 nan이다.
    """

    model: str
    source: str  # 데이터의 이름: 그래프와 표에 늘 함께 쓴다
    seed: int
    device: str
    recipe: dict[str, Any]
    steps: list[StepRecord] = field(default_factory=list)
    evals: list[EvalRecord] = field(default_factory=list)
    images_seen: int = 0
    seconds: float = 0.0  # 준비와 마지막 평가까지
    train_seconds: float = 0.0  # 학습 걸음만: 도중의 평가와 화면 갱신은 뺀다
    stopped: str = ""
    accuracy: float = math.nan
    loss: float = math.nan
    test_images: int = 0

    @property
    def images_per_second(self) -> float:
        """학습 걸음에서 1초에 본 그림 수."""
        return self.images_seen / self.train_seconds if self.train_seconds > 0 else 0.0

    def frame(self) -> pd.DataFrame:
        """epoch 순서의 표. 학습 기록에는 loss, accuracy, lr이, 시험 기록에는 test_accuracy, test_loss가 있다."""
        import pandas as pd

        rows = [asdict(step) for step in self.steps]
        rows += [
            {"epoch": e.epoch, "seconds": e.seconds, "test_accuracy": e.accuracy, "test_loss": e.loss}
            for e in self.evals
        ]
        columns = ["epoch", "seconds", "loss", "accuracy", "lr", "test_accuracy", "test_loss"]
        table = pd.DataFrame(rows, columns=columns)
        return table.sort_values("epoch", kind="stable", ignore_index=True)

    def summary(self) -> str:
        """결과 한 줄. 데이터의 이름과, 시험 그림을 다 쓰지 않았으면 그 수도 들어간다."""
        result = "재지 못함" if math.isnan(self.accuracy) else f"{self.accuracy:.1%}({self.test_images:,}장)"
        line = (
            f"{self.model} · {self.source} · 시험 정확도 {result} · {self.seconds:.1f}초 동안 그림 "
            f"{self.images_seen:,}장(초당 {self.images_per_second:,.0f}장) · 끝난 까닭: {self.stopped}"
        )
        if self.stopped == DIVERGED:
            line += f". 마지막으로 성했던 가중치로 되돌렸습니다. 학습률을 줄여 보세요(지금 lr={self.recipe['lr']:g})"
        return line

    def row(self) -> dict[str, Any]:
        """기록 파일의 한 줄: 설정과 결과, 시험 곡선. 걸음마다의 기록은 뺀다."""
        kept = {name: value for name, value in asdict(self).items() if name not in ("recipe", "steps")}
        return {**kept, **self.recipe, "images_per_second": self.images_per_second}


def append_run(history: History, folder: str | Path) -> bool:
    """학습 한 번을 folder/runs.jsonl에 JSON 한 줄로 덧붙인다. 한 줄이 다 들어가거나 아무것도 들어가지 않는다.

    반환: 썼으면 True. 쓸 수 없는 폴더이거나 디스크가 가득 찼으면 RunLogWarning을 남기고 False.
    """
    row = {"when": datetime.now().astimezone().isoformat(timespec="seconds"), **history.row()}
    line = json.dumps(_plain(row), ensure_ascii=False, allow_nan=False) + "\n"
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


def _plain(value: Any) -> Any:
    """JSON에 있는 값으로: nan은 null로, numpy의 수는 파이썬의 수로."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Real) and not isinstance(value, bool):
        number = int(value) if isinstance(value, Integral) else float(value)
        return number if math.isfinite(number) else None
    return value
