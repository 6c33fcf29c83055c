"""학습률을 얼마로 할지 짧게 재어 본다: 걸음마다 조금씩 키우며 손실이 언제 줄고 언제 튀는지 본다."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from cnnlab.errors import LearnerError
from cnnlab.training.augment import channel_stats
from cnnlab.training.evaluation import Pictures, check_data, check_output, check_trainable, device_of, random_state_kept
from cnnlab.training.minibatches import Minibatches
from cnnlab.training.parallel import ALONE
from cnnlab.training.precision import Precision
from cnnlab.training.recipe import Recipe
from cnnlab.training.stepping import Stepper

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from cnnlab.training.data import ImageData

SMOOTHING = 0.9  # 미니배치마다 들쭉날쭉한 손실을 고르게 하는 지수 이동 평균의 비율
LEARNT = 0.98  # 손실이 처음의 이만큼 아래로는 내려가야 배운 것이다
BLOWN = 1.5  # 가장 낮았던 손실의 이만큼을 넘으면 튄 것으로 보고 멈춘다
MARGIN = 0.5  # 손실이 가장 낮았던 학습률은 이미 튀기 직전이다: 이만큼으로 줄여 권한다


class LrFindError(LearnerError, ValueError):
    """학습률을 재어 볼 수 없는 설정이다."""


@dataclass(frozen=True)
class LrCurve:
    """학습률과 그때의 (고르게 한) 손실. suggestion: 1cycle의 가장 높은 학습률(Recipe.lr)로 권하는 값."""

    lrs: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float
    model: str
    source: str

    def plot(self) -> Figure:
        """가로축이 로그인 학습률, 세로축이 손실인 그림. 권하는 값에 선을 긋는다."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.lrs, self.losses)
        axes.axvline(self.suggestion, color="#d55e00", linestyle="--", label=f"권하는 값: lr={self.suggestion:.2g}")
        axes.set(xscale="log", xlabel="학습률", ylabel="손실", title=f"{self.model} · {self.source}")
        axes.grid(alpha=0.3)
        axes.legend()
        return figure


def lr_find(
    model: nn.Module,
    data: ImageData,
    *,
    batch_size: int = Recipe.batch_size,
    lowest: float = 1e-3,
    highest: float = 3.0,
    steps: int = 150,
    momentum: float = Recipe.momentum,
    seed: int = Recipe.seed,
) -> LrCurve:
    """모델의 사본을 steps걸음 학습시키며 학습률을 lowest에서 highest까지 같은 비율로 키운다. 손실이 튀면 멈춘다.

    model: train()이 받는 것. 가중치, 통계, 모드, 난수 상태는 그대로다.
    반환: LrCurve. 권하는 값은 손실이 가장 낮았던 학습률의 절반이다.
    오류: 범위나 걸음 수가 틀리면 LrFindError, 배울 수 없는 모델이면 ModelError.
    출처: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", 3.3절(LR range test).
    """
    if not 0 < lowest < highest < math.inf or steps < 10:
        raise LrFindError(
            "0 < lowest < highest이고 steps는 10 이상이어야 합니다. "
            f"받은 값: lowest={lowest!r}, highest={highest!r}, steps={steps!r}"
        )
    check_data(data)
    device = device_of(model)
    check_trainable(model)
    check_output(model, data, device)
    recipe = Recipe(epochs=1, batch_size=batch_size, momentum=momentum, seed=seed)
    mean, std = (value.to(device) for value in channel_stats(data.train_images))
    training = Pictures(data.train_images.to(device), data.train_labels.to(device), mean, std)
    with random_state_kept(device, seed), torch.enable_grad():
        trial = copy.deepcopy(model).train()
        batches = Minibatches(training, min(batch_size, len(training.labels)), recipe)
        stepper = Stepper(trial, recipe, Precision(), mean, std, ALONE, lambda text: None)
        lrs: list[float] = []
        losses: list[float] = []
        average = 0.0
        for step in range(steps):
            lr = lowest * (highest / lowest) ** (step / (steps - 1))
            loss = stepper.step(*batches.next(), lr)[0].item()  # 이 학습률로 갱신하기 전의 손실
            average = SMOOTHING * average + (1 - SMOOTHING) * loss
            smooth = average / (1 - SMOOTHING ** (step + 1))
            if not math.isfinite(loss) or (losses and smooth > BLOWN * min(losses)):
                break
            lrs.append(lr)
            losses.append(smooth)
    lowest_at = min(range(len(losses)), key=losses.__getitem__) if losses else 0
    if not losses or losses[lowest_at] > LEARNT * losses[0]:
        raise LrFindError(
            f"손실이 줄어드는 학습률을 찾지 못했습니다. lowest나 highest를 바꿔 보세요(지금 {lowest:g}~{highest:g}). "
            "그래도 같으면 모델의 초깃값과 정답을 확인하세요."
        )
    return LrCurve(tuple(lrs), tuple(losses), MARGIN * lrs[lowest_at], type(model).__name__, data.name)
