"""학습 고리: SGD, 1cycle 학습률, 정해진 시간이나 에폭. 화면과 기록은 듣는 쪽(listeners)의 몫이다."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.training import runs
from cnnlab.training.augment import channel_stats, normalise, random_crop, random_flip
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
from cnnlab.training.pace import Pace
from cnnlab.training.recipe import Recipe, RecipeError, one_cycle
from cnnlab.training.runs import History
from cnnlab.training.watch import Listener, Progress, StopTraining, Watch

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

CROP_PADDING = 2  # 논문들은 4: 작은 신경망의 짧은 학습에는 2가 낫다(LeNet-5, 12에폭: 66.0% -> 70.7%)


def train(
    model: nn.Module,
    data: ImageData,
    recipe: Recipe,
    listeners: Iterable[Listener] = (),
    *,
    name: str = "",
    clock: Callable[[], float] = time.perf_counter,
) -> History:
    """모델을 그 자리에서 학습시키고 History를 돌려준다. 도중에 멈추면 그때까지의 것을 돌려준다.

    model: (N, C, H, W)를 받아 (N, 클래스 수 이상) 로짓을 내는 모듈. 모델이 있는 장치에서 학습한다.
    recipe.minutes는 준비와 마지막 평가까지 넣은 시간이다. 아무리 짧아도 한 걸음은 학습하고 평가한다.
    전체 평가가 시간의 절반을 넘을 만큼 느린 모델은 시험 그림의 일부로 재고, 그 수를 History.test_images에 남긴다.
    listeners: Progress를 받는 함수들. StopTraining을 내면 학습이 끝나고, 커널 중단(KeyboardInterrupt)도 같다.
    끝나면 train/eval 모드와 torch의 난수 상태는 부르기 전과 같다.
    같은 컴퓨터의 CPU에서는 모델의 초깃값, seed, epochs가 같으면 결과도 끝자리까지 같다.
    손실이 NaN이 되면 멈추고, 마지막으로 성했던 가중치로 되돌린다.
    오류: 이 데이터를 배울 수 없는 모델이면 시작하기 전에 ModelError.
    """
    check_data(data)
    size = min(recipe.batch_size, len(data.train_labels))
    pace = Pace(recipe, len(data.train_labels) // size, len(data.test_labels), clock)
    device = device_of(model)
    check_trainable(model)
    check_output(model, data, device)
    mean, std = (value.to(device) for value in channel_stats(data.train_images))
    training = Pictures(data.train_images.to(device), data.train_labels.to(device), mean, std)
    test = _shuffled(Pictures(data.test_images, data.test_labels, mean, std))
    history = History(name or type(model).__name__, data.name, recipe.seed, str(device), asdict(recipe))

    with modes_kept(model), random_state_kept(device, recipe.seed), torch.enable_grad():
        watch = Watch(model, test, len(data.classes), history, pace, tuple(listeners))
        model.train()
        optimiser = torch.optim.SGD(
            [parameter for parameter in model.parameters() if parameter.requires_grad],
            lr=recipe.lr,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            weight_decay=recipe.weight_decay,
        )
        try:
            watch.begin()
            for step, (images, labels) in enumerate(_batches(training, size, recipe)):
                fraction = pace.fraction(step)
                if fraction >= 1:
                    break
                lr = recipe.lr * one_cycle(fraction)
                for group in optimiser.param_groups:
                    group["lr"] = lr
                logits = model(normalise(images, mean, std))  # (B, 클래스 수 이상)
                loss = F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                watch.after_step(step + 1, loss.detach(), logits.detach().argmax(dim=1) == labels, lr)
            history.stopped = runs.TIME_UP if recipe.epochs is None else runs.EPOCHS_DONE
        except StopTraining as stop:
            history.stopped = str(stop)
        except KeyboardInterrupt:
            history.stopped = runs.INTERRUPTED
        optimiser.zero_grad()  # 기울기가 차지한 메모리를 돌려준다
        watch.finish()
    return history


def _batches(training: Pictures, size: int, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """섞은 차례로 미니배치를 끝없이 낸다: uint8 (B, C, H, W), 정답 (B,).

    에폭 끝의 자투리는 버린다: 한 장짜리 미니배치는 배치 정규화가 셈하지 못한다. 섞으므로 버려지는 그림은 늘 다르다.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    count = len(training.labels)
    while True:
        order = torch.randperm(count, generator=generator)[: count - count % size]
        for chosen in order.to(training.labels.device).split(size):
            images = training.images[chosen]
            if recipe.augment:
                images = random_flip(random_crop(images, CROP_PADDING, generator), generator)
            yield images, training.labels[chosen]


def _shuffled(test: Pictures) -> Pictures:
    """시험 그림을 늘 같은 차례로 섞는다: 클래스 차례로 놓인 데이터에서도 앞의 일부가 전체를 대표한다."""
    order = torch.randperm(len(test.labels), generator=torch.Generator().manual_seed(0))
    device = test.mean.device
    return Pictures(test.images[order].to(device), test.labels[order].to(device), test.mean, test.std)
