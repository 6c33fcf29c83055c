import copy
import warnings

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
import torchinfo
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab import models
from cnnlab.analysis import layer_table

COLUMNS = [
    *("name", "type", "input", "output", "kernel", "stride", "padding"),
    *("params", "macs", "activation_kb", "rf", "jump"),
]


class Functional(nn.Module):
    """함수형 연산만으로 쓴 신경망: 매개변수를 직접 쓴다."""

    def __init__(self):
        super().__init__()
        self.kernels = nn.Parameter(torch.rand(8, 3, 3, 3))
        self.scale = nn.Parameter(torch.rand(8, 1, 1))
        self.out = nn.Parameter(torch.rand(8, 10))

    def forward(self, x):
        x = F.max_pool2d(F.relu(F.conv2d(x, self.kernels, padding="same") * self.scale), 2)
        return x.mean((2, 3)) @ self.out


def grouped():
    return nn.Sequential(
        nn.Conv2d(4, 8, 3, groups=2, dilation=2, padding=1),
        nn.Conv2d(8, 8, (1, 5), groups=8, stride=(1, 2), padding_mode="reflect", padding=(0, 2)),
        nn.Conv2d(8, 6, 4, padding="same", bias=False),
        nn.AdaptiveAvgPool2d((3, 2)),
        nn.Flatten(),
        nn.Linear(36, 7, bias=False),
    )


NETWORKS = {
    "alexnet": (torchvision.models.alexnet, (3, 224, 224)),
    "alexnet_rectangular": (torchvision.models.alexnet, (3, 160, 96)),
    "vgg11_bn": (torchvision.models.vgg11_bn, (3, 64, 64)),
    "lenet5": (models.lenet5, (1, 32, 32)),
    "lenet5_1998": (models.lenet5_1998, (1, 32, 32)),
    "lenet5_cifar": (models.lenet5_cifar, (3, 32, 32)),
    "functional": (Functional, (3, 16, 20)),
    "grouped": (grouped, (4, 21, 17)),
}
networks = pytest.mark.parametrize(("build", "size"), NETWORKS.values(), ids=NETWORKS)


@networks
def test_macs_equal_half_of_flop_counter(build, size):
    model = build().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *size))
    table = layer_table(model, size)
    assert 2 * table.macs.sum() == 2 * table.attrs["macs"] == counter.get_total_flops()


@networks
def test_parameters_add_up_to_the_model(build, size):
    model = build()
    table = layer_table(model, size)
    assert table.params.sum() == table.attrs["params"] == sum(p.numel() for p in model.parameters())
    assert table.attrs["unused_params"] == 0


@pytest.mark.parametrize("name", ["alexnet", "alexnet_rectangular", "vgg11_bn", "lenet5", "lenet5_cifar", "grouped"])
def test_shapes_and_parameters_agree_with_torchinfo(name):
    build, size = NETWORKS[name]
    model = build()
    summary = torchinfo.summary(model, (1, *size), verbose=0, device="cpu")
    leaves = [layer for layer in summary.summary_list if layer.is_leaf_layer]
    table = layer_table(model, size)
    table = table[table.type != "flatten"]  # torchinfo는 함수형 연산을 보지 못한다
    assert table.type.tolist() == [layer.class_name for layer in leaves]
    assert table.input.tolist() == [tuple(layer.input_size[1:]) for layer in leaves]
    assert table.output.tolist() == [tuple(layer.output_size[1:]) for layer in leaves]
    assert table.params.tolist() == [layer.num_params for layer in leaves]


def test_lenet5_as_the_paper_counts():
    table = layer_table(models.lenet5_1998(), (1, 32, 32)).set_index("name")
    # LeCun et al. 1998, II-B절: C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164
    assert table.params[["c1", "s2", "c3", "s4", "c5", "f6"]].tolist() == [156, 12, 1516, 32, 48_120, 10_164]
    assert table.attrs["trainable_params"] == 60_000
    assert table.macs["c3"] + 16 * 100 == 151_600  # 논문의 연결 수는 편향을 포함한다
    assert table.rf[["c1", "s2", "c3", "s4", "c5"]].tolist() == [5, 6, 14, 16, 32]
    assert table.jump[["c1", "s2", "c3", "s4", "c5"]].tolist() == [1, 2, 2, 4, 4]
    assert table.rf[["f6", "output"]].tolist() == ["전체", "전체"]


def test_columns_types_and_blanks():
    table = layer_table(models.lenet5(), (1, 32, 32))
    assert table.columns.tolist() == COLUMNS
    first, activation = table.iloc[0], table.iloc[1]
    assert first[["input", "output", "kernel", "stride", "padding", "rf", "jump"]].tolist() == [
        (1, 32, 32), (6, 28, 28), 5, 1, 0, 5, 1,
    ]  # fmt: skip
    assert activation[["kernel", "stride", "padding"]].tolist() == ["", "", ""]
    assert first.activation_kb == 6 * 28 * 28 * 4 / 1024
    assert table.params.dtype == table.macs.dtype == "int64"
    assert table.jump.iloc[-1] == ""


def test_pairs_are_shown_where_the_two_axes_differ():
    table = layer_table(grouped(), (4, 21, 17))
    assert table.kernel.tolist()[:3] == [3, (1, 5), 4]
    assert table.stride.tolist()[:3] == [1, (1, 2), 1]
    assert table.padding.tolist()[:3] == [1, (0, 2), ((1, 2), (1, 2))]
    assert table.rf.tolist()[:2] == [5, (5, 9)]
    assert table.jump.tolist()[:2] == [1, (1, 2)]


def test_attrs_are_plain_and_survive_copying_and_concatenation():
    model = models.lenet5()
    table = layer_table(model, (1, 32, 32))
    assert table.attrs == {
        "model": "LeNet5",
        "input_size": (1, 32, 32),
        "params": 61_706,
        "trainable_params": 61_706,
        "unused_params": 0,
        "macs": 416_520,
        "activation_kb": table.activation_kb.sum(),
        "forward_kb": 2 * 6 * 28 * 28 * 4 / 1024,
        "training_kb": table.attrs["training_kb"],
        "depth": 5,
        "rf": 32,
    }
    assert copy.deepcopy(table.attrs) == table.attrs
    assert pd.concat([table, layer_table(model, (1, 32, 32))]).attrs == table.attrs


def test_frozen_and_unused_parameters_are_told_apart():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3))
    model[0].requires_grad_(False)
    model[1].spare = nn.Parameter(torch.zeros(5))
    attrs = layer_table(model, (3, 8, 8)).attrs
    assert (attrs["params"], attrs["trainable_params"], attrs["unused_params"]) == (265, 153, 5)


def test_a_layer_sees_the_whole_picture_only_if_it_does():
    global_pool = layer_table(nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1)), (3, 8, 8))
    assert global_pool.rf.tolist() == [3, "전체"]
    # 스트라이드 2의 1x1 합성곱은 마지막 화소를 보지 못한다
    leftover = layer_table(nn.Sequential(nn.Conv2d(3, 4, 1, stride=2), nn.Flatten(), nn.Linear(64, 2)), (3, 8, 8))
    assert leftover.rf.tolist() == [1, 1, 7]
    # 그림과 같은 크기의 커널은 수로 남는다
    assert layer_table(nn.Sequential(nn.Conv2d(3, 4, 8)), (3, 8, 8)).rf.tolist() == [8]


def test_functional_pooling_written_in_other_ways_gives_the_same_rows():
    class Pooled(nn.Module):
        def __init__(self, pool):
            super().__init__()
            self.conv, self.pool = nn.Conv2d(3, 4, 3), pool

        def forward(self, x):
            return self.pool(self.conv(x))

    ways = [
        lambda x: x.mean((2, 3)),
        lambda x: x.flatten(2).mean(-1),
        lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1),
        lambda x: torch.mean(x, dim=[-2, -1]),
    ]
    for way in ways:
        last = layer_table(Pooled(way), (3, 8, 8)).iloc[-1]
        assert (last.output, last.rf, last.jump) == ((4,), "전체", "")


def test_the_same_table_in_training_mode_on_meta_and_in_double():
    expected = layer_table(torchvision.models.alexnet(), (3, 96, 96))
    with torch.device("meta"):
        on_meta = torchvision.models.alexnet().train()
    pd.testing.assert_frame_equal(layer_table(on_meta, (3, 96, 96)), expected)
    pd.testing.assert_frame_equal(layer_table(torchvision.models.alexnet().double(), (3, 96, 96)), expected)


def test_no_warning_reaches_the_learner():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer_table(models.lenet5_1998(), (1, 32, 32))
