"""학습 고리: SGD, 1cycle 학습률, 정해진 시간이나 에폭. 화면과 기록은 듣는 쪽(listeners)의 몫이다."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from signal import SIGINT, SIGTERM, raise_signal
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from cnnlab.training import runs
from cnnlab.training.augment import channel_stats, normalise
from cnnlab.training.checkpoints import EVERY_SECONDS, check_same_run, fingerprint, load_checkpoint, save_checkpoint
from cnnlab.training.evaluation import (
    Evaluation,
    ModelError,
    Pictures,
    check_data,
    check_output,
    check_trainable,
    device_of,
    evaluate,
    modes_kept,
    random_state_kept,
)
from cnnlab.training.history import History, plain
from cnnlab.training.minibatches import Minibatches
from cnnlab.training.pace import Pace
from cnnlab.training.parallel import ALONE, World
from cnnlab.training.precision import AUTO, MEASURE_SECONDS, MEASURE_SHARE, Precision, choose, parse
from cnnlab.training.recipe import Recipe, RecipeError, one_cycle
from cnnlab.training.runs import RunLogWarning
from cnnlab.training.signals import heard
from cnnlab.training.stepping import Stepper
from cnnlab.training.threads import choose_threads, threads
from cnnlab.training.watch import Diverged, Listener, Progress, StopTraining, Watch

if TYPE_CHECKING:
    from cnnlab.training.data import ImageData

__all__ = [
    "Evaluation",
    "Listener",
    "ModelError",
    "Progress",
    "Recipe",
    "RecipeError",
    "StopTraining",
    "evaluate",
    "train",
]

AGREE_STEPS = 10  # 여럿이 함께할 때, 멈추라는 신호가 왔는지 서로 묻는 간격(걸음)


def train(
    model: nn.Module,
    data: ImageData,
    recipe: Recipe,
    listeners: Iterable[Listener] = (),
    *,
    name: str = "",
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
    world: World = ALONE,
    clock: Callable[[], float] = time.perf_counter,
) -> History:
    """모델을 그 자리에서 학습시키고 History를 돌려준다. 도중에 멈추면 그때까지의 것을 돌려준다.

    model: (N, C, H, W)를 받아 (N, 클래스 수 이상) 로짓을 내는 모듈. 모델이 있는 장치에서 학습한다.
    recipe.minutes는 준비와 마지막 평가까지 넣은 시간이다. 아무리 짧아도 한 걸음은 학습하고 평가한다.
    전체 평가가 시간의 절반을 넘을 만큼 느린 모델은 시험 그림의 일부로 재고, 그 수를 History.test_images에 남긴다.
    listeners: Progress를 받는 함수들. StopTraining을 내면 학습이 끝나고, 커널 중단(KeyboardInterrupt)과 SIGTERM도 같다.
    checkpoint: 이 파일에 1분마다, 그리고 끝나거나 멈출 때 학습의 모든 상태를 쓴다. 쓰지 못해도 학습은 이어진다.
    resume: 이 체크포인트에서 이어 간다. CPU와 epochs이면 끊지 않은 학습과 끝자리까지 같다.
    world: 여러 프로세스가 미니배치를 나누어 학습할 때(epochs만 된다). parallel.joined()가 준다.
    끝나면 train/eval 모드와 torch의 난수 상태는 부르기 전과 같다.
    같은 컴퓨터의 CPU에서는 모델의 초깃값, seed, epochs가 같으면 결과도 끝자리까지 같다.
    손실이 NaN이 되면 멈추고, 마지막으로 성했던 가중치로 되돌린다.
    오류: 이 데이터를 배울 수 없는 모델이면 시작하기 전에 ModelError, 이어 갈 수 없는 체크포인트이면 CheckpointError.
    """
    check_data(data)
    size = min(recipe.batch_size, len(data.train_labels))
    world.check_batch(size)
    pace = Pace(recipe, len(data.train_labels) // size, len(data.test_labels), clock)
    device = device_of(model)
    check_trainable(model)
    check_output(model, data, device)
    saved = None if resume is None else load_checkpoint(resume)
    settings, source = plain(asdict(recipe)), fingerprint(data) if saved or checkpoint else {}
    if saved is not None:
        check_same_run(saved, settings, source)
        model.load_state_dict(saved["model"])
    mean, std = (value.to(device) for value in channel_stats(data.train_images))
    training = Pictures(data.train_images.to(device), data.train_labels.to(device), mean, std)
    test = _shuffled(Pictures(data.test_images, data.test_labels, mean, std))
    history = History(name or type(model).__name__, data.name, recipe.seed, str(device), asdict(recipe))
    if saved is not None:
        history = History.from_plain({**saved["history"], "recipe": asdict(recipe), "device": str(device)})
        history.kept_epoch = None

    with ExitStack() as in_force:
        for kept in (modes_kept(model), random_state_kept(device, recipe.seed), torch.enable_grad()):
            in_force.enter_context(kept)
        terminated = in_force.enter_context(heard(SIGTERM))
        model.train()
        batches = Minibatches(training, size, recipe)
        if saved is None:
            precision, history.measured = _precision(recipe, model, training, size // world.size, pace, world)
        else:
            precision = parse(saved["precision"]) or Precision()
        history.precision = str(precision)
        history.threads = _threads(recipe, model, training, size, precision, pace, world)
        in_force.enter_context(threads(history.threads))
        stepper = Stepper(model, recipe, precision, mean, std, world, history.notes.append)
        watch = Watch(model, stepper.average, test, len(data.classes), history, pace, tuple(listeners), world)
        keeper = _Keeper(checkpoint if world.leads else None, pace, history)
        step = 0

        def state() -> dict[str, Any]:
            return {
                "recipe": settings,
                "data": source,
                "precision": str(stepper.precision),
                "history": history.plain(),
                "model": model.state_dict(),
                "stepper": stepper.state(),
                "watch": watch.state(),
                "batches": batches.state(),
                "step": step,
                "random": torch.get_rng_state(),
                "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            }

        try:
            if saved is None:
                watch.begin()
            else:
                stepper.restore(saved["stepper"])
                watch.restore(saved["watch"])
                batches.restore(saved["batches"])
                step = saved["step"]
                _restore_random(saved, device)
            with heard(SIGINT) as interrupted:  # 걸음 한가운데가 아니라 걸음 사이에서 멈추게 한다
                while (fraction := pace.fraction(step)) < 1:
                    images, labels = (world.part(tensor) for tensor in batches.next())
                    lr = recipe.lr * one_cycle(fraction)
                    loss, hits = stepper.step(images, labels, lr)
                    step += 1
                    try:
                        watch.after_step(step, loss, hits, lr)
                    except Diverged:
                        watch.go_back()
                        if not stepper.retreat():
                            raise
                    if (world.size == 1 or step % AGREE_STEPS == 0) and world.any(
                        terminated() or interrupted(), device
                    ):
                        raise StopTraining(runs.INTERRUPTED if interrupted() else runs.TERMINATED)
                    keeper.keep(state)
            history.stopped = runs.TIME_UP if recipe.epochs is None else runs.EPOCHS_DONE
        except StopTraining as stop:
            history.stopped = str(stop)
        except KeyboardInterrupt:
            history.stopped = runs.INTERRUPTED
        stepper.release()
        history.precision = str(stepper.precision)
        keeper.keep(state, now=True)  # 마지막 평가를 기다리다 꺼져도 남게 먼저 쓴다
        watch.finish()
        keeper.finish(model)
    if terminated() and history.stopped != runs.TERMINATED:  # 다 마친 뒤에 온 신호는 원래대로 한다
        raise_signal(SIGTERM)
    return history


def _precision(
    recipe: Recipe, model: nn.Module, training: Pictures, size: int, pace: Pace, world: World
) -> tuple[Precision, dict[str, float]]:
    """recipe.precision이 정한 셈법, 또는 재어 고른 셈법과 잰 값."""
    named = parse(recipe.precision)
    if named is not None:
        return named, {}
    if recipe.precision == AUTO and recipe.epochs is not None:
        return Precision(), {}
    if not world.leads:  # 저마다 재면 서로 다른 것을 고를 수 있다
        return parse(world.same("")) or Precision(), {}
    seconds = MEASURE_SECONDS if pace.budget is None else min(MEASURE_SECONDS, MEASURE_SHARE * pace.budget)
    images = normalise(training.images[:size], training.mean, training.std)
    with random_state_kept(images.device):
        chosen, measured = choose(model, images, training.labels[:size], seconds, pace.budget)
    world.same(str(chosen))
    return chosen, measured


def _threads(
    recipe: Recipe, model: nn.Module, training: Pictures, size: int, precision: Precision, pace: Pace, world: World
) -> int:
    """시간을 정한 학습에서만 재어 고른다: epochs의 결과는 되풀이할 수 있어야 하고, 스레드 수는 끝자리를 바꾼다."""
    if recipe.epochs is not None or pace.budget is None or world.size > 1 or precision.compiled:
        return torch.get_num_threads()
    images = normalise(training.images[:size], training.mean, training.std)
    with random_state_kept(images.device):
        seconds = min(MEASURE_SECONDS, MEASURE_SHARE * pace.budget)
        return choose_threads(model, images, training.labels[:size], precision, seconds)


class _Keeper:
    """체크포인트를 때맞춰 쓴다. 쓰지 못하면 한 번 알리고, 학습은 그대로 둔다."""

    def __init__(self, path: str | Path | None, pace: Pace, history: History) -> None:
        self._path, self._pace, self._history = path, pace, history
        self._due = pace.seconds() + EVERY_SECONDS
        self._last: dict[str, Any] | None = None
        self._warned = False

    def keep(self, state: Callable[[], dict[str, Any]], now: bool = False) -> None:
        if self._path is None or not (now or self._pace.seconds() >= self._due):
            return
        current = state()
        self._write(current)
        if now:  # 이 뒤에 마지막 평가가 모델을 바꿀 수 있다: 이어 갈 상태는 따로 지닌다
            self._last = copy.deepcopy(current)
        self._due = self._pace.seconds() + EVERY_SECONDS

    def finish(self, model: nn.Module) -> None:
        """이어 갈 상태 곁에 결과(마지막 평가와 남긴 가중치)를 더한다."""
        if self._last is not None:
            self._write({**self._last, "result": {"history": self._history.plain(), "model": model.state_dict()}})

    def _write(self, state: dict[str, Any]) -> None:
        assert self._path is not None
        try:
            save_checkpoint(self._path, state)
        except OSError as error:
            if self._warned:
                return
            self._warned = True
            message = (
                f"체크포인트를 쓰지 못했습니다({error.strerror or type(error).__name__}). 학습은 그대로 이어집니다. "
                "남은 공간과 폴더의 쓰기 권한을 확인하세요."
            )
            self._history.notes.append(message)
            warnings.warn(message, RunLogWarning, stacklevel=3)


def _restore_random(saved: dict[str, Any], device: torch.device) -> None:
    torch.set_rng_state(saved["random"])
    if device.type == "cuda" and saved["random_cuda"] is not None:
        torch.cuda.set_rng_state(saved["random_cuda"], device)


def _shuffled(test: Pictures) -> Pictures:
    """시험 그림을 늘 같은 차례로 섞는다: 클래스 차례로 놓인 데이터에서도 앞의 일부가 전체를 대표한다."""
    order = torch.randperm(len(test.labels), generator=torch.Generator().manual_seed(0))
    return test.map(lambda tensor: tensor[order].to(test.mean.device))
