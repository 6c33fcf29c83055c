"""이어 붙이기의 검산: torchvision의 DenseNet과 실제로 만든 층으로 확인한다."""

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.models import build
from cnnlab.models.densenet import bottleneck_layer, plain_layer
from cnnlab.teaching.by_dense import (
    DENSE_FORMULAS,
    block_connections,
    channels_after,
    channels_read,
    concat_times,
    direct_connections,
    kept_channels,
    layer_step,
)
from cnnlab.teaching.quantities import Subject


def subject(name: str, size: tuple[int, ...] = (3, 32, 32)) -> Subject:
    with torch.device("meta"):
        return Subject(build(name), size)


def test_channels_are_those_of_torchvision() -> None:
    with torch.device("meta"):
        features = torchvision.models.densenet121().features
    ours = subject("densenet121", (3, 224, 224))
    theirs = [layer.conv1.in_channels for layer in features.denseblock2.values()]
    assert channels_read(ours, "block2") == "-".join(map(str, theirs))
    assert channels_after(ours, "block2") == features.transition2.conv.in_channels
    assert kept_channels(ours) == "256>128, 512>256, 1024>512"


def test_every_layer_of_a_plain_block_grows_by_the_same() -> None:
    net = subject("densenet40_cifar")
    assert layer_step(net, "block1") == 9 * 12 * 12 + 2 * 12
    assert layer_step(net, "block3") == layer_step(net, "block1")


def test_connections_are_counted_inside_blocks_only() -> None:
    net = subject("densenet40_cifar")
    assert block_connections(net, "block1") == sum(range(1, 13))
    assert direct_connections(net) == 3 * 78


def test_concatenated_values_agree_with_a_hand_count() -> None:
    joined = made = 0
    for side, start in ((32, 16), (16, 160), (8, 304)):
        for step in range(1, 13):
            joined += side * side * (start + 12 * step)
            made += side * side * 12
    assert concat_times(subject("densenet40_cifar")) == pytest.approx(joined / made)


@pytest.mark.parametrize(("channels", "k"), [(64, 32), (1024, 32), (160, 12)])
def test_bottleneck_saving_is_that_of_the_built_layers(channels: int, k: int) -> None:
    def weights(layer: nn.Module) -> int:
        return sum(m.weight.numel() for m in layer.modules() if isinstance(m, nn.Conv2d))

    built = 100 * (1 - weights(bottleneck_layer(channels, k)) / weights(plain_layer(channels, k)))
    assert DENSE_FORMULAS["bottleneck_saving"](channels, k) == pytest.approx(built)


@pytest.mark.parametrize(("layers", "depth"), [((6, 12, 24, 16), 121), ((6, 12, 32, 32), 169), ((6, 12, 48, 32), 201)])
def test_depth_of_table_1(layers: tuple[int, ...], depth: int) -> None:
    assert DENSE_FORMULAS["dense_depth"](*layers) == depth


def test_parameters_of_table_2_are_those_of_the_named_models() -> None:
    for name, arguments in {"densenet40_cifar": (40, 12, 0), "densenet_bc100_cifar": (100, 12, 1)}.items():
        built = sum(p.numel() for p in build(name).parameters())
        assert DENSE_FORMULAS["cifar_millions"](*arguments) == pytest.approx(built / 1e6)
