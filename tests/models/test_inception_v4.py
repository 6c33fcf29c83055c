"""Inception-v4를 논문의 그림, 발표된 수용 영역, FlopCounterMode와 견준다."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.analysis import fold_table, layer_table, measure_receptive_field, receptive_field
from cnnlab.models.inception_v4 import (
    Residual,
    inception_a,
    inception_b,
    inception_c,
    inception_resnet_cifar,
    inception_resnet_v2,
    inception_v4,
    inception_v4_cifar,
    residual_a,
)

BUILDERS = [
    *(inception_v4, inception_resnet_v2),
    *(inception_v4_cifar, inception_resnet_cifar),
]


def on_meta(builder):
    with torch.device("meta"):
        return builder()


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: builder.__name__)
def test_parameters_are_those_of_the_docstring(builder):
    assert f"매개변수 {sum(p.numel() for p in on_meta(builder).parameters()):,}개" in builder.__doc__


def test_inception_v4_has_the_known_number_of_parameters():
    assert sum(p.numel() for p in on_meta(inception_v4).parameters()) == 42_679_816


def test_stages_have_the_sizes_of_figures_9_and_15():
    stages = {
        inception_v4: [(384, 35, 35), (1024, 17, 17), (1536, 8, 8)],
        inception_resnet_v2: [(384, 35, 35), (1152, 17, 17), (2144, 8, 8)],
    }
    for builder, expected in stages.items():
        table = fold_table(layer_table(on_meta(builder), (3, 299, 299)), 1)
        assert list(dict.fromkeys(table.output))[:3] == expected


def test_published_receptive_field():
    # google-research/receptive_field의 표: Inception-v4의 마지막 합성곱은 2071
    table = receptive_field(on_meta(inception_v4), (3, 299, 299))
    assert table[table.name.str.startswith("inception_c")].rf.iloc[-1] == 2071


@pytest.mark.parametrize("layer", ["inception_a.0.cat", "inception_b.0.branches.2.1.0"])
def test_asymmetric_kernels_see_rectangles(layer):
    model = nn.Sequential()
    model.add_module("inception_a", nn.Sequential(inception_a(8)))
    model.add_module("inception_b", nn.Sequential(inception_b(384)))
    measured = measure_receptive_field(model, (8, 40, 40), layer)
    assert measured.agrees
    assert measured.size == {"inception_a.0.cat": 5, "inception_b.0.branches.2.1.0": (5, 11)}[layer]


def test_macs_equal_half_of_flop_counter():
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        inception_v4()(torch.zeros(1, 3, 299, 299))
    assert layer_table(on_meta(inception_v4), (3, 299, 299)).attrs["macs"] * 2 == counter.get_total_flops()


def test_only_inception_resnet_adds():
    for builder in BUILDERS:
        size = (3, 32, 32) if builder.__name__.endswith("cifar") else (3, 299, 299)
        types = set(layer_table(on_meta(builder), size).type)
        assert ("add" in types) == ("resnet" in builder.__name__)


def test_blocks_keep_their_channels():
    for block, channels in [(inception_a, 384), (inception_b, 1024), (inception_c, 1536)]:
        with torch.device("meta"):
            assert block()(torch.zeros(2, channels, 9, 9)).shape == (2, channels, 9, 9)


def test_a_residual_block_starts_near_the_identity_when_scaled_to_zero():
    torch.manual_seed(0)
    block = residual_a(8)
    assert isinstance(block, Residual)
    block.scale = 0.0
    x = torch.rand(2, 8, 6, 6)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize("builder", BUILDERS[2:], ids=lambda builder: builder.__name__)
def test_the_siblings_learn_with_every_weight(builder):
    torch.manual_seed(0)
    model = builder()
    torch.nn.functional.cross_entropy(model(torch.randn(8, 3, 32, 32)), torch.arange(8)).backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())
