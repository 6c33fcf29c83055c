"""학습을 지켜보는 눈: 세고, 기록하고, 도중에 시험하고, 성한 가중치를 간직하고, 듣는 쪽에 알린다."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.training import runs
from cnnlab.training.averaging import Average
from cnnlab.training.evaluation import Evaluation, Pictures, count_answers, summarise
from cnnlab.training.pace import EVALS, FEWEST_IMAGES, Pace
from cnnlab.training.parallel import World
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


class Diverged(StopTraining):
    """손실이 유한하지 않다."""

    def __init__(self) -> None:
        super().__init__(runs.DIVERGED)


Listener = Callable[[Progress], object]


class Watch:
    """train()의 걸음을 지켜본다: begin(), 걸음마다 after_step(), 끝나고 finish()."""

    def __init__(
        self,
        model: nn.Module,
        average: Average | None,
        test: Pictures,
        classes: int,
        history: History,
        pace: Pace,
        listeners: tuple[Listener, ...],
        world: World,
    ) -> None:
        self._model, self._average, self._test, self._classes = model, average, test, classes
        self._history, self._pace, self._listeners, self._world = history, pace, listeners, world
        self._next_record = self._next_eval = 1
        self._last_tick = self._aside = 0.0  # _aside: 걸음이 아닌 일(평가, 듣는 쪽)에 쓴 시간
        self._loss = torch.zeros((), device=test.mean.device)
        self._hits = torch.zeros((), dtype=torch.int64, device=test.mean.device)
        self._count = self._steps = 0
        self._healthy = _copy(model)
        self._best, self._best_accuracy, self._best_epoch = self._healthy, -1.0, 0.0
        self._began = pace.seconds()

    def begin(self) -> None:
        """학습하기 전의 정확도를 잰다: 곡선이 여기서 출발하고, 평가의 빠르기를 안다."""
        self._measure(FEWEST_IMAGES)  # 첫 실행은 느리므로 버린다
        self._examine()
        self._began = self._pace.seconds()

    def after_step(self, steps: int, loss: Tensor, hits: Tensor, lr: float) -> None:
        """걸음마다 부른다. loss: 이 미니배치(의 내 몫)의 평균, hits: 맞혔는지. 멈출 일이 있으면 StopTraining을 낸다."""
        self._loss = self._loss + loss * len(hits)
        self._hits = self._hits + hits.sum()
        self._count += len(hits) * self._world.size
        self._steps = steps
        self._history.images_seen += len(hits) * self._world.size
        fraction, seconds = self._pace.fraction(steps), self._pace.seconds()
        record_due = fraction * RECORDS >= self._next_record
        # 여럿이 함께하면 시계가 저마다 달라, 같은 걸음에서 함께 세려면 걸음 수로만 정해야 한다
        if not record_due and (self._world.size > 1 or seconds - self._last_tick < TICK_SECONDS):
            return
        self._last_tick = seconds
        total, hits_total = self._world.total(self._loss).item(), self._world.total(self._hits).item()
        if not math.isfinite(total):
            self._forget()
            raise Diverged
        record = StepRecord(self._pace.epoch(steps), seconds, total / self._count, hits_total / self._count, lr)
        if record_due:
            self._history.steps.append(record)
            self._next_record = int(fraction * RECORDS) + 1
            self._forget()
        if fraction < 1 and fraction * EVALS >= self._next_eval:
            self._next_eval = int(fraction * EVALS) + 1
            self._examine()
        self._tell(fraction, record)
        self._aside += self._pace.seconds() - seconds

    def go_back(self) -> None:
        """마지막으로 성했던 가중치로 되돌린다."""
        self._model.load_state_dict(self._healthy)

    def finish(self) -> None:
        """마지막 평가. 이때 온 KeyboardInterrupt는 평가를 그만두게 한다(accuracy가 nan으로 남는다).

        도중에 멈춘 학습은 시험 그림의 일부로 재어 가장 좋았던 가중치를 남긴다: 학습률이 높을 때 멈추면 마지막이
        가장 좋은 것이 아닐 수 있다.
        """
        history, pace = self._history, self._pace
        history.train_seconds = pace.seconds() - self._began - self._aside
        images = pace.final_images()
        try:
            if history.stopped != runs.DIVERGED:
                if self._average is not None:
                    self._average.settle()
                if history.stopped not in runs.FINISHED:
                    self._keep_the_best()
                result = self._measure(images, averaged=False)
                history.stopped = history.stopped if math.isfinite(result.loss) else runs.DIVERGED
            if history.stopped != runs.DIVERGED:
                history.evals.append(self._eval_record(result))
            else:
                self.go_back()
                result = self._measure(images, averaged=False)
            history.accuracy, history.loss, history.test_images = result.accuracy, result.loss, images
        except KeyboardInterrupt:
            pass
        history.seconds = pace.seconds()

    def state(self) -> dict[str, Any]:
        """이어 가는 데 필요한 것. 가중치의 사본은 state_dict 그대로다."""
        return {
            "next_record": self._next_record,
            "next_eval": self._next_eval,
            "count": self._count,
            "loss": self._loss,
            "hits": self._hits,
            "steps": self._steps,
            "seconds": self._pace.seconds(),
            "train_seconds": self._pace.seconds() - self._began - self._aside,
            "healthy": self._healthy,
            "best": self._best,
            "best_accuracy": self._best_accuracy,
            "best_epoch": self._best_epoch,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._next_record, self._next_eval = state["next_record"], state["next_eval"]
        self._count, self._steps = state["count"], state["steps"]
        self._loss, self._hits = (state[name].to(self._loss.device) for name in ("loss", "hits"))
        self._pace.resume(state["seconds"])
        self._last_tick = state["seconds"]
        self._began, self._aside = state["seconds"] - state["train_seconds"], 0.0
        self._healthy, self._best = state["healthy"], state["best"]
        self._best_accuracy, self._best_epoch = state["best_accuracy"], state["best_epoch"]

    def _keep_the_best(self) -> None:
        result = self._measure(self._pace.curve_images(), averaged=False)
        if math.isfinite(result.loss) and result.accuracy >= self._best_accuracy:
            return
        self._model.load_state_dict(self._best)
        self._history.kept_epoch = self._best_epoch

    def _forget(self) -> None:
        self._loss, self._hits, self._count = torch.zeros_like(self._loss), torch.zeros_like(self._hits), 0

    def _examine(self) -> None:
        """시험 그림의 일부로 재어 기록하고, 손실이 성하면 지금의 가중치를 간직한다."""
        result = self._measure(self._pace.curve_images())
        if not math.isfinite(result.loss):
            raise Diverged
        record = self._eval_record(result)
        self._history.evals.append(record)
        self._healthy = _copy(self._model)
        if self._steps and record.accuracy >= self._best_accuracy:
            self._best_accuracy, self._best_epoch = record.accuracy, record.epoch
            with self._averaged():
                self._best = self._healthy if self._average is None else _copy(self._model)

    def _averaged(self) -> AbstractContextManager[None]:
        return nullcontext() if self._average is None else self._average.shown()

    def _eval_record(self, result: Evaluation) -> EvalRecord:
        return EvalRecord(self._pace.epoch(self._steps), self._pace.seconds(), result.accuracy, result.loss)

    def _measure(self, images: int, averaged: bool = True) -> Evaluation:
        before = self._pace.seconds()
        part = self._test.first(images).map(self._world.part)
        with self._averaged() if averaged else nullcontext():
            loss, confusion = count_answers(self._model, part, self._classes)
        device = self._test.mean.device
        result = summarise(
            self._world.total(loss.float().to(device)).cpu(), self._world.total(confusion.to(device)).cpu()
        )
        self._pace.learn(self._pace.seconds() - before, min(images, len(self._test.labels)))
        return result

    def _tell(self, fraction: float, record: StepRecord) -> None:
        if not self._listeners:
            return
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


def _copy(model: nn.Module) -> dict[str, Any]:
    return copy.deepcopy(model.state_dict())
