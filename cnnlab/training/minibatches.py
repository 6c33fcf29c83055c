"""섞고, 미니배치로 나누고, 증강한다. 어디까지 왔는지를 적어 두었다가 그 자리에서 이어 갈 수 있다."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cnnlab.training.augment import cutout, random_crop, random_flip
from cnnlab.training.evaluation import Pictures
from cnnlab.training.recipe import Recipe

CROP_PADDING = 2  # 논문들은 4: 작은 신경망의 짧은 학습에는 2가 낫다(LeNet-5, 12에폭: 66.0% -> 70.7%)


class Minibatches:
    """next()를 부를 때마다 uint8 (B, C, H, W)와 정답 (B,)를 낸다. 에폭이 끝나면 다시 섞는다.

    에폭 끝의 자투리는 버린다: 한 장짜리 미니배치는 배치 정규화가 셈하지 못한다. 섞으므로 버려지는 그림은 늘 다르다.
    """

    def __init__(self, training: Pictures, size: int, recipe: Recipe) -> None:
        self._training, self._size, self._recipe = training, size, recipe
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._shuffle()

    def next(self) -> tuple[Tensor, Tensor]:
        if self._position + self._size > len(self._order):
            self._shuffle()
        chosen = self._order[self._position : self._position + self._size]
        self._position += self._size
        images = self._training.images[chosen]
        if self._recipe.augment:
            images = random_flip(random_crop(images, CROP_PADDING, self._generator), self._generator)
        if self._recipe.cutout:
            images = cutout(images, self._recipe.cutout, self._training.mean, self._generator)
        return images, self._training.labels[chosen]

    def state(self) -> dict[str, Any]:
        """이어 가는 데 필요한 것: 이 에폭을 섞기 전과 지금의 난수 상태, 에폭 안의 자리."""
        return {"before": self._before, "now": self._generator.get_state(), "position": self._position}

    def restore(self, state: dict[str, Any]) -> None:
        self._generator.set_state(state["before"].cpu())
        self._shuffle()
        self._generator.set_state(state["now"].cpu())
        self._position = state["position"]

    def _shuffle(self) -> None:
        self._before = self._generator.get_state()
        labels = self._training.labels
        self._order = torch.randperm(len(labels), generator=self._generator).to(labels.device)
        self._position = 0
