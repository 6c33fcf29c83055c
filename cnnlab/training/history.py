"""학습 한 번의 기록: 표가 되고, 그림이 되고, 파일에 남는다."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.errors import LearnerError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# History.stopped: 학습이 왜 끝났나
TIME_UP = "시간을 다 썼습니다"
EPOCHS_DONE = "에폭을 마쳤습니다"
STOP_BUTTON = "멈춤 단추"
INTERRUPTED = "사용자가 중단"
TERMINATED = "종료 신호(SIGTERM)"
DIVERGED = "손실이 NaN"
FINISHED = (TIME_UP, EPOCHS_DONE)  # 정한 만큼 다 한 것


class HistoryError(LearnerError, ValueError):
    """기록 파일을 읽을 수 없거나, 그릴 것이 없다."""


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
    precision: str = "float32"  # 학습 걸음의 셈법. 그대로 Recipe.precision에 넣을 수 있다
    threads: int = 0  # 학습에 쓴 CPU 스레드. 옛 기록이면 0
    # 셈법을 고를 때 잰 값: 셈법 -> 초당 그림 수(CPU는 스레드 하나)
    measured: dict[str, float] = field(default_factory=dict)
    kept_epoch: float | None = None  # 멈춘 자리보다 나았던 때로 되돌렸으면 그때
    notes: list[str] = field(default_factory=list)  # 도중에 있었던 일: 메모리 부족, 쓰지 못한 파일

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

    def plot(self) -> Figure:
        """손실과 정확도의 그림. 노트북 없이도 그린다: 파일로 남기려면 `history.plot().savefig("곡선.png")`.

        오류: 기록이 하나도 없으면 HistoryError.
        """
        if not self.steps and not self.evals:
            raise HistoryError("그릴 기록이 없습니다. 학습이 한 걸음이라도 나아간 History를 쓰세요.")
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        epochs = [step.epoch for step in self.steps]
        left.plot(epochs, [step.loss for step in self.steps], label="학습")
        right.plot(epochs, [step.accuracy for step in self.steps], label="학습")
        left.plot([e.epoch for e in self.evals], [e.loss for e in self.evals], "o-", label="시험")
        right.plot([e.epoch for e in self.evals], [e.accuracy for e in self.evals], "o-", label="시험")
        for axes, title in ((left, "손실"), (right, "정확도")):
            axes.set(xlabel="에폭", title=title)
            axes.grid(alpha=0.3)
            axes.legend()
        figure.suptitle(f"{self.model} · {self.source}")
        return figure

    def summary(self) -> str:
        """결과 한 줄. 데이터의 이름과, 시험 그림을 다 쓰지 않았으면 그 수도 들어간다."""
        result = "재지 못함" if math.isnan(self.accuracy) else f"{self.accuracy:.1%}({self.test_images:,}장)"
        how = self.precision + (f", 스레드 {self.threads}개" if self.device == "cpu" and self.threads else "")
        line = (
            f"{self.model} · {self.source} · 시험 정확도 {result} · {self.seconds:.1f}초 동안 그림 "
            f"{self.images_seen:,}장(초당 {self.images_per_second:,.0f}장, {how}) · "
            f"끝난 까닭: {self.stopped}"
        )
        if self.stopped == DIVERGED:
            line += f". 마지막으로 성했던 가중치로 되돌렸습니다. 학습률을 줄여 보세요(지금 lr={self.recipe['lr']:g})"
        if self.kept_epoch is not None:
            line += f". 멈춘 때보다 정확도가 높았던 {self.kept_epoch:.2f}에폭의 가중치로 되돌렸습니다"
        return line

    def row(self) -> dict[str, Any]:
        """기록 파일의 한 줄: 설정과 결과, 시험 곡선. 걸음마다의 기록은 뺀다."""
        kept = {name: value for name, value in asdict(self).items() if name not in ("recipe", "steps", "measured")}
        return {**self.recipe, **kept, "images_per_second": self.images_per_second}

    def plain(self) -> dict[str, Any]:
        """수, 문자열, list, dict로만 된 것: JSON이나 체크포인트에 담는다. nan은 None이 된다."""
        return plain(asdict(self))

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> History:
        """plain()이 낸 것에서 되살린다. 모르는 이름은 지나친다: 새 판이 남긴 파일도 읽는다."""
        known = {item.name for item in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        for name in ("accuracy", "loss"):
            kept[name] = math.nan if kept.get(name) is None else kept[name]
        kept["steps"] = [StepRecord(**_numbers(step)) for step in kept.get("steps", [])]
        kept["evals"] = [EvalRecord(**_numbers(record)) for record in kept.get("evals", [])]
        return cls(**kept)

    def save(self, path: str | Path) -> None:
        """걸음마다의 기록까지 모두 JSON 파일로 남긴다. 오류: 쓸 수 없으면 OSError."""
        Path(path).write_text(json.dumps(self.plain(), ensure_ascii=False, allow_nan=False), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> History:
        """save()로 남긴 파일을 읽는다. 오류: 그런 파일이 아니면 HistoryError."""
        try:
            return cls.from_plain(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, TypeError, AttributeError) as error:
            raise HistoryError(
                f"학습 기록으로 읽을 수 없는 파일입니다: {Path(path).name}. History.save()로 남긴 JSON 파일을 주세요."
            ) from error


def plain(value: Any) -> Any:
    """JSON에 있는 값으로: nan은 None으로, numpy의 수는 파이썬의 수로."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Real) and not isinstance(value, bool):
        number = int(value) if isinstance(value, Integral) else float(value)
        return number if math.isfinite(number) else None
    return value


def _numbers(record: dict[str, Any]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in record.items()}
