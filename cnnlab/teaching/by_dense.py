"""검산이 재는 양 가운데 이어 붙이기에 관한 것: 밀집 블록이 읽는 채널, 줄이는 층, 연결의 수."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn

M = 1_000_000


def _block(subject: Any, block: str) -> list[nn.Module]:
    return list(subject.model.get_submodule(block))


def _convs(module: nn.Module) -> list[nn.Conv2d]:
    return [m for m in module.modules() if isinstance(m, nn.Conv2d)]


def channels_read(subject: Any, block: str) -> str:
    """밀집 블록의 층마다 읽는 채널: "16-28-40"."""
    return "-".join(str(_convs(layer)[0].in_channels) for layer in _block(subject, block))


def channels_after(subject: Any, block: str) -> int:
    """밀집 블록이 내는 채널: 마지막 층이 읽는 채널과 새로 만드는 채널의 합."""
    last = _convs(_block(subject, block)[-1])
    return last[0].in_channels + last[-1].out_channels


def layer_step(subject: Any, block: str) -> int:
    """밀집 블록의 층 하나의 매개변수가 앞 층보다 얼마나 많은가. 늘 같아야 한다(아니면 -1)."""
    sizes = [sum(p.numel() for p in layer.parameters()) for layer in _block(subject, block)]
    steps = {after - before for before, after in pairwise(sizes)}
    return steps.pop() if len(steps) == 1 else -1


def kept_channels(subject: Any) -> str:
    """줄이는 층(transition)마다 채널이 얼마에서 얼마로: "256>128, 512>256"."""
    convs = [_convs(m)[0] for name, m in subject.model.named_children() if name.startswith("transition")]
    return ", ".join(f"{conv.in_channels}>{conv.out_channels}" for conv in convs)


def block_connections(subject: Any, block: str) -> int:
    """블록 안에서 앞의 특징 맵이 뒤의 층으로 바로 이어진 수: L(L + 1) / 2."""
    layers = len(_block(subject, block))
    return layers * (layers + 1) // 2


def direct_connections(subject: Any) -> int:
    """모든 밀집 블록의 block_connections를 더한 것."""
    names = [name for name, _ in subject.model.named_children() if name.startswith("block")]
    return sum(block_connections(subject, name) for name in names)


def concat_times(subject: Any) -> float:
    """이어 붙인 텐서들의 값의 수를, 밀집 블록의 층이 새로 만든 값의 수로 나눈 것."""
    table = subject.table
    joined = made = 0
    for row in table.itertuples():
        if row.type == "cat":
            values = row.output[0] * row.output[1] * row.output[2]
            layer = subject.model.get_submodule(str(row.name).rpartition(".")[0])
            joined += values
            made += values // row.output[0] * _convs(layer)[-1].out_channels
    return joined / made


DENSE_MEASURES: dict[str, Callable[..., int | float | str]] = {
    function.__name__: function
    for function in (
        *(channels_read, channels_after, layer_step, kept_channels),
        *(block_connections, direct_connections, concat_times),
    )
}


def cifar_millions(depth: int, growth_rate: int, bc: int) -> float:
    """표 2의 CIFAR-10용 DenseNet의 매개변수, 백만. bc: 1이면 병목과 압축(0.5)이 있다."""
    from cnnlab.models.densenet import DenseNet, bottleneck_layer, cifar_conv, plain_layer

    layers = (depth - 4) // 3 // (2 if bc else 1)
    layer, compression, first = (bottleneck_layer, 0.5, None) if bc else (plain_layer, 1.0, 16)
    with torch.device("meta"):
        model = DenseNet((layers,) * 3, growth_rate, layer, compression, cifar_conv, first, num_classes=10)
    return sum(p.numel() for p in model.parameters()) / M


# 수만으로 계산하는 양
DENSE_FORMULAS: dict[str, Callable[..., int | float | str]] = {
    "cifar_millions": cifar_millions,
    # 표 1의 층 수: 블록의 층마다 합성곱이 둘, 여기에 첫 합성곱, 줄이는 층, 완전 연결
    "dense_depth": lambda *layers: 2 * sum(layers) + len(layers) + 1,
    # channels를 읽는 층에서 병목이 줄이는 가중치의 몫, %. 음수이면 늘어난 것
    "bottleneck_saving": lambda channels, k: 100 * (1 - (4 * channels * k + 36 * k**2) / (9 * channels * k)),
    # 16채널에서 시작해 12채널씩 느는 블록의 층들이 읽는 채널의 합: 층이 many개일 때 / few개일 때
    "concat_growth": lambda few, many: (
        sum(16 + 12 * step for step in range(many)) / sum(16 + 12 * step for step in range(few))
    ),
}
