"""가중치의 지수 이동 평균(EMA): 흔들리는 걸음들의 가운데를 결과로 삼는다."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """model의 가중치와 통계(버퍼)의 지수 이동 평균. 모델은 shown() 안에서만 평균으로 바뀐다.

    처음 몇 걸음은 초깃값에 눌리지 않게 decay를 줄여 잡는다: min(decay, (1 + t) / (10 + t)).
    출처: Polyak, Juditsky 1992의 평균을 지수 가중으로 바꾼 것(Tarvainen, Valpola 2017, 3절).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model, self._decay = model, decay
        self._steps = 0
        self._values = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def update(self) -> None:
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        with torch.no_grad():
            for name, value in self._model.state_dict().items():
                if value.is_floating_point():
                    self._values[name].lerp_(value, 1 - decay)
                else:  # 세는 버퍼(num_batches_tracked)
                    self._values[name].copy_(value)

    def settle(self) -> None:
        """모델을 평균으로 바꾼다."""
        self._model.load_state_dict(self._values)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """이 안에서만 모델의 가중치가 평균이다."""
        kept = {name: value.detach().clone() for name, value in self._model.state_dict().items()}
        self.settle()
        try:
            yield
        finally:
            self._model.load_state_dict(kept)

    def reset(self) -> None:
        """모델이 앞선 가중치로 되돌아갔으면 평균도 거기서 다시 시작한다."""
        self._steps = 0
        self._values = {name: value.detach().clone() for name, value in self._model.state_dict().items()}

    def state(self) -> dict[str, Tensor | int | dict[str, Tensor]]:
        return {"steps": self._steps, "values": self._values}

    def restore(self, state: dict) -> None:
        self._steps = state["steps"]
        self._values = {name: value.to(self._values[name].device).clone() for name, value in state["values"].items()}
