"""검산이 재는 양 가운데 계층의 차례: 잔차 블록에서 배치 정규화, ReLU, 합성곱, 덧셈이 어떤 순서로 실행되는가."""

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from cnnlab.teaching.block_orders import WORDS, executed


def block_order(subject: Any, block: str) -> str:
    """블록 하나에서 실행되는 차례: "conv BN ReLU conv BN add ReLU". 지름길이 항등인 블록이어야 한 줄이 된다."""
    return " ".join(executed(subject.model, subject.input_size, block))


def lowest_output(subject: Any, *blocks: str) -> float:
    """블록들이 내는 가장 작은 값. 입력은 무작위 그림 여덟 장이고 배치 정규화는 배치의 통계를 쓴다."""
    model: nn.Module = copy.deepcopy(subject.model).train()  # 배치의 통계를 쓰면서 재어 둔 통계는 건드리지 않는다
    found: list[float] = []
    for block in blocks:
        model.get_submodule(block).register_forward_hook(lambda _m, _inputs, out: found.append(float(out.min())))
    images = torch.randn(8, *subject.input_size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model(images)
    return min(found)


def relus_after_addition(subject: Any) -> int:
    """덧셈 바로 뒤에 오는 ReLU의 수: 지름길을 따라가는 값이 지나는 문의 수."""
    kinds = [WORDS.get(kind, "") for kind in subject.table["type"]]
    return sum(pair == ("add", "ReLU") for pair in pairwise(kinds))


BY_ORDER: dict[str, Callable[..., int | float | str]] = {
    function.__name__: function for function in (block_order, lowest_output, relus_after_addition)
}
