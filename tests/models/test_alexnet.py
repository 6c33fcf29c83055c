"""AlexNet을 논문의 수, torchvision과 견준다."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.analysis import layer_table
from cnnlab.layers import LocalResponseNorm, local_response_norm
from cnnlab.models.alexnet import CifarAlexNet, alexnet, alexnet_cifar, alexnet_one_tower

EXACT = {alexnet: 60_965_224, alexnet_one_tower: 61_100_840, alexnet_cifar: 279_914}
# 3.5절: "kernels of size 5 x 5 x 48", "3 x 3 x 256", "3 x 3 x 192"
PAPER_KERNELS = {
    "conv1": (96, 3, 11, 11),
    "conv2": (256, 48, 5, 5),
    "conv3": (384, 256, 3, 3),
    "conv4": (384, 192, 3, 3),
    "conv5": (256, 192, 3, 3),
}


def on_meta(builder, **options):
    with torch.device("meta"):
        return builder(**options)


@pytest.mark.parametrize("builder", EXACT)
def test_parameters_are_those_of_the_docstring(builder):
    assert sum(p.numel() for p in on_meta(builder).parameters()) == EXACT[builder]
    assert f"{EXACT[builder]:,}개" in builder.__doc__


def test_kernels_are_those_of_section_3_5():
    model = on_meta(alexnet)
    assert {name: tuple(getattr(model, name).weight.shape) for name in PAPER_KERNELS} == PAPER_KERNELS


def test_neurons_of_each_layer_equal_figure_2():
    table = layer_table(on_meta(alexnet), (3, 227, 227)).set_index("name")
    neurons = {name: torch.Size(table.output[name]).numel() for name in table.index if name.startswith(("conv", "fc"))}
    # 그림 2의 설명: "253,440–186,624–64,896–64,896–43,264–4096–4096–1000". 첫 수는 입력 150,528 다음의 conv1이다
    assert list(neurons.values())[1:] == [186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]
    assert neurons["conv1"] == 96 * 55 * 55 == 290_400  # 논문의 253,440은 55x55x96이 아니다


def test_macs_equal_half_of_flop_counter():
    with torch.device("meta"):
        model, x = alexnet(), torch.zeros(1, 3, 227, 227)
        with FlopCounterMode(display=False) as counter:
            model(x)
    assert layer_table(model, (3, 227, 227)).attrs["macs"] * 2 == counter.get_total_flops() == 2 * 724_406_816


def test_the_second_convolution_of_a_tower_sees_only_its_own_tower():
    torch.manual_seed(0)
    model = alexnet(num_classes=2).eval()
    for name, mixes in {"conv2": False, "conv3": True, "conv4": False, "conv5": False}.items():
        conv = getattr(model, name)
        x = torch.randn(1, conv.in_channels, 5, 5, requires_grad=True)
        conv(x)[:, : conv.out_channels // 2].sum().backward()
        other = x.grad[:, conv.in_channels // 2 :]
        assert bool(other.abs().sum() > 0) is mixes, name


def test_biases_are_one_where_section_5_says():
    model = alexnet(num_classes=2)
    ones = {name for name, p in model.named_parameters() if name.endswith("bias") and (p == 1).all()}
    assert ones == {"conv2.bias", "conv4.bias", "conv5.bias", "fc6.bias", "fc7.bias"}
    assert model.conv3.weight.std().item() == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize("size", [224, 256])
def test_one_tower_equals_torchvision_with_the_same_weights(size):
    torch.manual_seed(0)
    theirs, ours = torchvision.models.alexnet(num_classes=5).eval(), alexnet_one_tower(num_classes=5).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("channels", [1, 3, 5, 24])
@pytest.mark.parametrize(("n", "k", "alpha", "beta"), [(5, 2.0, 1e-4, 0.75), (3, 1.0, 0.5, 0.5), (7, 0.5, 2.0, 1.0)])
def test_response_norm_equals_torch_when_alpha_is_multiplied_by_n(channels, n, k, alpha, beta):
    x = 3 * torch.randn(2, channels, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        local_response_norm(x, n, k, alpha, beta), nn.LocalResponseNorm(n, alpha * n, beta, k)(x)
    )
    torch.testing.assert_close(LocalResponseNorm(n, k, alpha, beta)(x), local_response_norm(x, n, k, alpha, beta))


def test_response_norm_on_a_tensor_computed_by_hand():
    x = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)
    squares = torch.tensor([1 + 4, 1 + 4 + 9, 4 + 9])  # 창이 3: 끝에서는 없는 채널을 0으로 친다
    expected = x.flatten() / (2 + squares).float().sqrt()
    torch.testing.assert_close(local_response_norm(x, n=3, k=2.0, alpha=1.0, beta=0.5).flatten(), expected)


def test_response_norm_is_one_point_operation_of_the_table():
    table = layer_table(on_meta(alexnet_cifar), (3, 32, 32)).set_index("name")
    assert table.type["lrn1"] == "LocalResponseNorm"
    assert table.rf["lrn1"] == table.rf["conv1"] == 5


SWITCHES = {
    "activation": {"activation": nn.Tanh},
    "pooling": {"overlapping": False},
    "lrn": {"lrn": False},
    "dropout": {"dropout": 0.0},
    "one tower": {"groups": 1},
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_one_switch_changes_one_idea_and_no_feature_map(switch):
    paper, other = (layer_table(on_meta(CifarAlexNet, **options), (3, 32, 32)) for options in ({}, SWITCHES[switch]))
    rows = [table[~table.name.str.startswith("lrn")].reset_index(drop=True) for table in (paper, other)]
    assert list(rows[0].output) == list(rows[1].output)
    changed = {column for column in ("type", "kernel", "params") if list(rows[0][column]) != list(rows[1][column])}
    expected = {"activation": {"type"}, "pooling": {"kernel"}, "one tower": {"params"}}
    assert changed == expected.get(switch, set())
    assert (len(paper) != len(other)) == (switch == "lrn")


def test_one_tower_doubles_the_weights_of_three_convolutions():
    two, one = (on_meta(CifarAlexNet, groups=groups) for groups in (2, 1))
    ratio = {name: p.numel() / two.get_parameter(name).numel() for name, p in one.named_parameters()}
    assert {name for name, value in ratio.items() if value == 2} == {"conv2.weight", "conv4.weight", "conv5.weight"}
    assert set(ratio.values()) == {1, 2}


def test_the_sibling_is_small_enough_for_a_minute_on_a_cpu():
    assert layer_table(on_meta(alexnet_cifar), (3, 32, 32)).attrs["macs"] == 3_813_888


def test_the_sibling_learns_a_handful_of_pictures():
    torch.manual_seed(0)
    model = CifarAlexNet(dropout=0.0)
    x, y = torch.randn(16, 3, 32, 32), torch.arange(16) % 4
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1
