"""학습을 지켜보는 눈: 세고, 기록하고, 도중에 시험하고, 성한 가중치를 간직하고, 듣는 쪽에 알린다."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.training import runs
from cnnlab.training.evaluation import Evaluation, Pictures, measure
from cnnlab.training.pace import EVALS, FEWEST_IMAGES, Pace
from cnnlab.training.runs import EvalRecord, History, StepRecord

RECORDS = 150  # 학습 한 번에 남기는 학습 기록의 수
TICK_SECONDS = 0.1  # 기록 사이가 길어도 듣는 쪽을 이만큼마다 부른다: 멈춤 단추가 곧 듣는다


class StopTraining(Exception):
    """듣는 쪽이 학습을 멈추려고 내는 신호: raise StopTraining("멈춤 단추"). 적은 까닭이 History.stopped가 된다."""


@dataclass(frozen=True)
class Progress:
    """듣는 쪽이 받는 소식. loss와 accuracy는 바로 앞 기록부터 지금까지 학습 그림의 평균이다."""

    fraction: float  # 0..1
    seconds: float
    seconds_left: float
    epoch: float
    images_seen: int
    loss: float
    accuracy: float
    lr: float
    test_accuracy: float  # 시험 그림의 일부로 가장 최근에 잰 것
    history: History  # 지금까지의 기록. 보기만 한다


Listener = Callable[[Progress], object]


class Watch:
    """train()의 걸음을 지켜본다: begin(), 걸음마다 after_step(), 끝나고 finish()."""

    def __init__(
        self,
        model: nn.Module,
        test: Pictures,
        classes: int,
        history: History,
        pace: Pace,
        listeners: tuple[Listener, ...],
    ) -> None:
        self._model, self._test, self._classes = model, test, classes
        self._history, self._pace, self._listeners = history, pace, listeners
        self._next_record = self._next_eval = 1
        self._last_tick = self._aside = 0.0  # _aside: 걸음이 아닌 일(평가, 듣는 쪽)에 쓴 시간
        self._count = 0
        self._loss = torch.zeros((), device=test.mean.device)
        self._hits = torch.zeros((), dtype=torch.int64, device=test.mean.device)
        self._steps = 0
        self._healthy = copy.deepcopy(model.state_dict())
        self._began = pace.seconds()

    def begin(self) -> None:
        """학습하기 전의 정확도를 잰다: 곡선이 여기서 출발하고, 평가의 빠르기를 안다."""
        self._measure(FEWEST_IMAGES)  # 첫 실행은 느리므로 버린다
        self._examine()
        self._began = self._pace.seconds()

    def after_step(self, steps: int, loss: Tensor, hits: Tensor, lr: float) -> None:
        """걸음마다 부른다. loss: 이 미니배치의 평균, hits: (B,) 맞혔는지. 멈출 일이 있으면 StopTraining을 낸다."""
        self._loss = self._loss + loss * len(hits)
        self._hits = self._hits + hits.sum()
        self._count += len(hits)
        self._steps = steps
        self._history.images_seen += len(hits)
        fraction, seconds = self._pace.fraction(steps), self._pace.seconds()
        record_due = fraction * RECORDS >= self._next_record
        if not record_due and seconds - self._last_tick < TICK_SECONDS:
            return
        self._last_tick = seconds
        record = StepRecord(
            self._pace.epoch(steps), seconds, self._loss.item() / self._count, self._hits.item() / self._count, lr
        )
        if not math.isfinite(record.loss):
            raise StopTraining(runs.DIVERGED)
        if record_due:
            self._history.steps.append(record)
            self._next_record = int(fraction * RECORDS) + 1
            self._loss, self._hits, self._count = torch.zeros_like(self._loss), torch.zeros_like(self._hits), 0
        if fraction < 1 and fraction * EVALS >= self._next_eval:
            self._next_eval = int(fraction * EVALS) + 1
            self._examine()
        self._tell(fraction, record)
        self._aside += self._pace.seconds() - seconds

    def finish(self) -> None:
        """마지막 평가. 이때 온 KeyboardInterrupt는 평가를 그만두게 한다(accuracy가 nan으로 남는다)."""
        history, pace = self._history, self._pace
        history.train_seconds = pace.seconds() - self._began - self._aside
        images = pace.final_images()
        try:
            if history.stopped != runs.DIVERGED:
                result = self._measure(images)
                history.stopped = history.stopped if math.isfinite(result.loss) else runs.DIVERGED
            if history.stopped != runs.DIVERGED:
                history.evals.append(self._eval_record(result))
            else:
                self._model.load_state_dict(self._healthy)
                result = self._measure(images)
            history.accuracy, history.loss, history.test_images = result.accuracy, result.loss, images
        except KeyboardInterrupt:
            pass
        history.seconds = pace.seconds()

    def _examine(self) -> None:
        """시험 그림의 일부로 재어 기록하고, 손실이 성하면 지금의 가중치를 간직한다."""
        result = self._measure(self._pace.curve_images())
        if not math.isfinite(result.loss):
            raise StopTraining(runs.DIVERGED)
        self._history.evals.append(self._eval_record(result))
        self._healthy = copy.deepcopy(self._model.state_dict())

    def _eval_record(self, result: Evaluation) -> EvalRecord:
        return EvalRecord(self._pace.epoch(self._steps), self._pace.seconds(), result.accuracy, result.loss)

    def _measure(self, images: int) -> Evaluation:
        before = self._pace.seconds()
        result = measure(self._model, self._test.first(images), self._classes)
        self._pace.learn(self._pace.seconds() - before, min(images, len(self._test.labels)))
        return result

    def _tell(self, fraction: float, record: StepRecord) -> None:
        seconds = self._pace.seconds()
        progress = Progress(
            fraction=fraction,
            seconds=seconds,
            seconds_left=self._pace.seconds_left(fraction),
            epoch=record.epoch,
            images_seen=self._history.images_seen,
            loss=record.loss,
            accuracy=record.accuracy,
            lr=record.lr,
            test_accuracy=self._history.evals[-1].accuracy,
            history=self._history,
        )
        for listener in self._listeners:
            listener(progress)
