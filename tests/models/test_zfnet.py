"""ZFNet을 그림 3의 크기와 견준다."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.analysis import layer_table
from cnnlab.models.zfnet import CifarZFNet, zfnet, zfnet_b, zfnet_cifar

EXACT = {zfnet: 62_357_608, zfnet_b: 107_627_624, zfnet_cifar: 368_234}


def on_meta(builder, **options):
    with torch.device("meta"):
        return builder(**options)


def by_hand(c3, c4, c5):
    """커널 x 입력 채널 x 출력 채널 + 편향, 층마다."""
    sides = [(7, 3, 96), (5, 96, 256), (3, 256, c3), (3, c3, c4), (3, c4, c5), (6, c5, 4096), (1, 4096, 4096)]
    return sum(k * k * c_in * c_out + c_out for k, c_in, c_out in [*sides, (1, 4096, 1000)])


@pytest.mark.parametrize("builder", EXACT)
def test_parameters_are_those_of_the_docstring(builder):
    assert sum(p.numel() for p in on_meta(builder).parameters()) == EXACT[builder]
    assert f"{EXACT[builder]:,}개" in builder.__doc__


def test_parameters_equal_the_arithmetic_of_figure_3_and_table_2():
    assert EXACT[zfnet] == by_hand(384, 384, 256)
    assert EXACT[zfnet_b] == by_hand(512, 1024, 512)


@pytest.mark.parametrize("builder", [zfnet, zfnet_b])
def test_sizes_are_those_of_figure_3(builder):
    table = layer_table(on_meta(builder), (3, 224, 224)).set_index("name")
    sizes = {name: table.output[name][1:] for name in table.index if name.startswith(("conv", "pool"))}
    sides = {"conv1": 110, "pool1": 55, "conv2": 26, "pool2": 13, "conv3": 13, "conv4": 13, "conv5": 13, "pool5": 6}
    assert sizes == {name: (side, side) for name, side in sides.items()}


def test_normalisation_comes_after_pooling_as_figure_3_says():
    names = list(layer_table(on_meta(zfnet), (3, 224, 224)).name)
    assert names[:8] == ["conv1", "relu1", "pool1", "norm1", "conv2", "relu2", "pool2", "norm2"]


def test_macs_equal_half_of_flop_counter():
    with torch.device("meta"):
        model, x = zfnet(), torch.zeros(1, 3, 224, 224)
        with FlopCounterMode(display=False) as counter:
            model(x)
    assert layer_table(model, (3, 224, 224)).attrs["macs"] * 2 == counter.get_total_flops()


@pytest.mark.parametrize(("kernel", "strides"), [(5, (1, 2)), (7, (2, 1)), (3, (1, 2))])
def test_the_sibling_reaches_the_same_sizes_whichever_convolution_is_coarse(kernel, strides):
    table = layer_table(on_meta(CifarZFNet, kernel=kernel, strides=strides), (3, 32, 32)).set_index("name")
    assert [table.output[name][1] for name in ("pool2", "conv5", "pool5")] == [4, 4, 2]
    assert table.output["conv1"][1] == 32 // strides[0]


def test_the_sibling_is_small_enough_for_a_minute_on_a_cpu():
    assert layer_table(on_meta(zfnet_cifar), (3, 32, 32)).attrs["macs"] < 8_000_000


def test_the_sibling_learns_a_handful_of_pictures():
    torch.manual_seed(0)
    model = zfnet_cifar().eval()  # eval: 드롭아웃 없이 외운다
    x, y = torch.randn(16, 3, 32, 32), torch.arange(16) % 4
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())
