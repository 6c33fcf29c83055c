"""한 걸음: 순전파, 손실, 역전파, 갱신. 낮은 정밀도와 모자란 메모리를 여기서 다룬다."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.errors import LearnerError
from cnnlab.training.augment import normalise
from cnnlab.training.averaging import Average
from cnnlab.training.memory import is_out_of_memory
from cnnlab.training.parallel import World
from cnnlab.training.precision import Precision
from cnnlab.training.recipe import Recipe


class MemoryShortage(LearnerError, RuntimeError):
    """그림 한 장도 메모리에 들어가지 않는다."""


class Stepper:
    """모델과 최적화기를 쥐고 한 걸음씩 나아간다.

    메모리가 모자라면 미니배치를 절반씩 나누어 기울기를 모은다: 한 걸음에 쓰는 그림 수는 그대로다.
    (배치 정규화는 나눈 조각마다 통계를 내므로 꼭 같지는 않다.)
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        precision: Precision,
        mean: Tensor,
        std: Tensor,
        world: World,
        say: Callable[[str], None],
    ) -> None:
        self._model, self._recipe, self._mean, self._std, self._world, self._say = model, recipe, mean, std, world, say
        self._optimiser = torch.optim.SGD(
            [parameter for parameter in model.parameters() if parameter.requires_grad],
            lr=recipe.lr,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            weight_decay=recipe.weight_decay,
        )
        self.average = Average(model, recipe.ema) if recipe.ema else None
        self._micro: int | None = None  # 한 번에 넣는 그림 수. None이면 미니배치 통째로
        self._forward = world.wrap(model)
        self._use(precision)

    def step(self, images: Tensor, labels: Tensor, lr: float) -> tuple[Tensor, Tensor]:
        """uint8 (B, C, H, W)와 정답 (B,)로 한 걸음. 반환: 평균 손실, (B,) 맞혔는지."""
        for group in self._optimiser.param_groups:
            group["lr"] = lr
        while True:
            try:
                loss, hits = self._gradients(images, labels)
                break
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(len(labels), error)
            self._clear()  # except 밖에서: 오류가 붙들고 있던 텐서까지 놓아준 뒤에
        if self._scaler is None:
            self._optimiser.step()
        else:
            self._scaler.step(self._optimiser)
            self._scaler.update()
        if self.average is not None:
            self.average.update()
        return loss, hits

    def retreat(self) -> bool:
        """낮은 정밀도에서 손실이 NaN이 되었을 때: float32로 바꾸고 True. 이미 float32이면 False.

        가중치는 부르는 쪽이 성한 것으로 되돌려 놓는다. 모멘텀과 평균은 버린다: 그 안에도 NaN이 있을 수 있다.
        """
        self._optimiser.state.clear()
        if self.average is not None:
            self.average.reset()
        if not self.precision.low:
            return False
        self._say(f"{self.precision.dtype}로는 손실이 NaN이 되어, 성했던 가중치에서 float32로 이어 갑니다")
        self._use(Precision("float32", self.precision.channels_last))
        return True

    def release(self) -> None:
        """기울기가 차지한 메모리를 돌려준다."""
        self._optimiser.zero_grad()

    def state(self) -> dict[str, Any]:
        return {
            "optimiser": self._optimiser.state_dict(),
            "scaler": None if self._scaler is None else self._scaler.state_dict(),
            "average": None if self.average is None else self.average.state(),
            "micro": self._micro,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._optimiser.load_state_dict(state["optimiser"])
        if self._scaler is not None:
            self._scaler.load_state_dict(state["scaler"])
        self._micro = state["micro"]
        if self.average is not None:
            self.average.restore(state["average"])

    def _use(self, precision: Precision) -> None:
        self.precision = precision
        # float16에서는 작은 기울기가 0이 되므로 손실을 키워 역전파한다
        self._scaler = _new_scaler(self._mean.device) if precision.dtype == "float16" else None
        self._run = torch.compile(self._forward) if precision.compiled else self._forward

    def _gradients(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        self._optimiser.zero_grad()
        count = len(labels)
        losses, hits = [], []
        for part, answers in zip(images.split(self._micro or count), labels.split(self._micro or count), strict=True):
            x = normalise(self.precision.place(part), self._mean, self._std)  # (b, C, H, W)
            with self.precision.casting(x.device):
                logits = self._run(x).float()  # (b, 클래스 수 이상)
            loss = F.cross_entropy(logits, answers, label_smoothing=self._recipe.label_smoothing)
            share = len(answers) / count
            scaled = loss * share
            (scaled if self._scaler is None else self._scaler.scale(scaled)).backward()
            losses.append(loss.detach() * share)
            hits.append(logits.detach().argmax(dim=1) == answers)
        return torch.stack(losses).sum(), torch.cat(hits)

    def _halve(self, count: int, error: RuntimeError) -> None:
        micro = min(self._micro or count, count)
        if micro == 1 or self._world.size > 1:
            raise MemoryShortage(
                f"메모리가 모자랍니다: {'그림 한 장도' if micro == 1 else f'그림 {micro}장이'} 들어가지 않습니다. "
                "더 작은 모델을 쓰거나 batch_size를 줄이거나, 이 장치를 쓰는 다른 프로그램을 닫으세요."
            ) from error
        self._micro = (micro + 1) // 2
        self._say(
            f"메모리가 모자라 미니배치를 {self._micro}장씩 나누어 셈합니다. 한 걸음의 그림 수는 그대로 {count}장입니다"
        )

    def _clear(self) -> None:
        self._optimiser.zero_grad()
        gc.collect()
        if self._mean.device.type == "cuda":
            torch.cuda.empty_cache()


def _new_scaler(device: torch.device) -> torch.amp.GradScaler:
    return torch.amp.GradScaler(device.type) if hasattr(torch.amp, "GradScaler") else torch.cuda.amp.GradScaler()
