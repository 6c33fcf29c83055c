"""깊이별 분리 합성곱의 검산: torchvision의 신경망과 실제로 만든 계층으로 확인한다."""

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.models import build
from cnnlab.models.mobilenet import full_conv, separable_conv
from cnnlab.teaching.by_separable import SEPARABLE_FORMULAS, kind_share, layers_of_kind
from cnnlab.teaching.quantities import Subject


def subject(name: str) -> Subject:
    with torch.device("meta"):
        return Subject(build(name), (3, 224, 224))


def test_v2_has_the_depthwise_convolutions_torchvision_has() -> None:
    with torch.device("meta"):
        convs = [m for m in torchvision.models.mobilenet_v2().modules() if isinstance(m, nn.Conv2d)]
    v2 = subject("mobilenet_v2")
    assert layers_of_kind(v2, "depthwise") == sum(m.groups > 1 for m in convs) == 17
    assert layers_of_kind(v2, "pointwise") == sum(m.kernel_size == (1, 1) for m in convs)
    assert layers_of_kind(v2, "full") == 1


def test_shares_of_all_kinds_make_the_whole_of_the_macs() -> None:
    v1 = subject("mobilenet_v1")
    kinds = ("depthwise", "pointwise", "full", "linear")
    assert sum(kind_share(v1, "macs", kind) for kind in kinds) == pytest.approx(100)
    # Howard 2017, 표 2
    assert [kind_share(v1, "macs", kind) for kind in kinds] == pytest.approx([3.06, 94.86, 1.19, 0.18], abs=0.75)


def test_a_network_without_depthwise_layers_has_none() -> None:
    assert layers_of_kind(subject("resnet18"), "depthwise") == 0
    assert kind_share(subject("resnet18"), "macs", "depthwise") == 0


@pytest.mark.parametrize(("percent", "side", "table"), [(100, 224, 569), (50, 224, 149), (100, 128, 186)])
def test_width_and_resolution_follow_tables_6_and_7(percent: int, side: int, table: int) -> None:
    assert SEPARABLE_FORMULAS["mobilenet_macs"](percent, side) == pytest.approx(table, abs=0.7)


@pytest.mark.parametrize("channels", [16, 64, 256])
def test_saving_is_what_the_built_layers_save(channels: int) -> None:
    def weights(block: nn.Module) -> int:
        return sum(m.weight.numel() for m in block.modules() if isinstance(m, nn.Conv2d))

    built = weights(full_conv(32, channels, 1)) / weights(separable_conv(32, channels, 1))
    assert SEPARABLE_FORMULAS["separable_saving"](channels, 3) == pytest.approx(built)
