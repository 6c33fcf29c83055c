import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

from cnnlab import models
from cnnlab.analysis import (
    Field,
    InputTooSmall,
    LayerNameError,
    layer_table,
    measure_receptive_field,
    receptive_field,
)

# --- 독립된 구현: 화소의 집합을 하나하나 따라간다(식을 쓰지 않는다)


def pixels_of_units(layers, size, axis):
    """한 축에서 출력마다 보이는 화소의 집합. layers는 아래 전략이 만든 모듈들이다."""

    def at(value):
        return value if isinstance(value, int) else value[axis]

    units = [{pixel} for pixel in range(size)]
    for layer in layers:
        if isinstance(layer, nn.ZeroPad2d):
            before, after = layer.padding[2:] if axis == 0 else layer.padding[:2]
            units = [set()] * before + units + [set()] * after
            continue
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            count, n = at(layer.output_size), len(units)
            units = [
                set().union(*units[math.floor(i * n / count) : math.ceil((i + 1) * n / count)]) for i in range(count)
            ]
            continue
        if not isinstance(layer, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
            continue
        kernel, stride, dilation = at(layer.kernel_size), at(layer.stride), at(getattr(layer, "dilation", 1))
        if layer.padding == "same":
            total = dilation * (kernel - 1)
            before, after = total // 2, total - total // 2
        else:
            before = after = at(layer.padding)
        # 모듈 자신에게 출력의 수를 물어본다
        shape = [1, getattr(layer, "in_channels", 1), 40, 40]
        shape[2 + axis] = len(units)
        count = layer(torch.zeros(shape)).shape[2 + axis]
        padded = [set()] * before + units + [set()] * (after + kernel * dilation + stride)
        units = [
            set().union(*(padded[unit * stride + tap * dilation] for tap in range(kernel))) for unit in range(count)
        ]
    return units


@st.composite
def chains(draw):
    """커널, 스트라이드, 패딩, 팽창, ceil_mode가 제멋대로인 합성곱과 풀링의 사슬."""
    pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
    layers, channels = [], draw(st.integers(1, 3))
    first = channels
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["conv", "same", "max", "avg", "pad", "relu", "bn", "adaptive"]))
        kernel = draw(pair)
        half = (kernel[0] // 2, kernel[1] // 2)
        stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        dilation = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        padding = tuple(draw(st.integers(0, h)) for h in half)
        if kind == "conv":
            groups = draw(st.sampled_from([1, channels]))
            out = channels * draw(st.integers(1, 2))
            wide = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
            layers.append(nn.Conv2d(channels, out, kernel, stride, wide, dilation, groups))
            channels = out
        elif kind == "same":
            layers.append(nn.Conv2d(channels, channels, kernel, padding="same", dilation=dilation))
        elif kind == "max":
            layers.append(nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=draw(st.booleans())))
        elif kind == "avg":
            layers.append(nn.AvgPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans())))
        elif kind == "pad":
            layers.append(nn.ZeroPad2d(draw(st.tuples(*[st.integers(0, 2)] * 4))))
        elif kind == "adaptive":
            layers.append(nn.AdaptiveAvgPool2d(draw(pair)))
        else:
            layers.append(nn.ReLU(inplace=True) if kind == "relu" else nn.BatchNorm2d(channels))
    size = (first, draw(st.integers(4, 20)), draw(st.integers(4, 20)))
    return nn.Sequential(*layers).eval(), size


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(chains())
def test_theory_and_gradient_match_a_pixel_by_pixel_count_on_random_chains(chain):
    model, size = chain
    try:
        table = layer_table(model, size)
    except InputTooSmall:
        with pytest.raises(RuntimeError), torch.no_grad():
            model(torch.zeros(1, *size))
        assume(False)
    with torch.no_grad():
        real = model(torch.zeros(1, *size))
    assert table.output.iloc[-1] == tuple(real.shape[1:])

    measured = measure_receptive_field(model, size)
    rows, columns = (pixels_of_units(model, size[1 + axis], axis)[measured.unit[axis]] for axis in (0, 1))
    expected = np.zeros(size[1:], dtype=bool)
    expected[np.ix_(sorted(rows), sorted(columns))] = True
    assert np.array_equal(measured.mask, expected)
    assert measured.agrees
    if measured.inside and table.jump.iloc[-1] != "":
        assert measured.size == measured.theory == table.rf.iloc[-1]


# --- 발표된 값


def test_published_receptive_fields():
    # Araujo et al. 2019, 표 1: AlexNet 195, VGG-16 212 (마지막 풀링까지)
    with torch.device("meta"):
        alexnet, vgg11, vgg16 = torchvision.models.alexnet(), torchvision.models.vgg11(), torchvision.models.vgg16()
    assert receptive_field(alexnet, (3, 224, 224)).set_index("name").rf["features.12"] == 195
    assert receptive_field(vgg16, (3, 224, 224)).set_index("name").rf["features.30"] == 212
    assert receptive_field(vgg11, (3, 224, 224)).set_index("name").rf["features.20"] == 150


def test_measured_alexnet_and_vgg11():
    with torch.device("meta"):
        alexnet, vgg11 = torchvision.models.alexnet(), torchvision.models.vgg11()
    field = measure_receptive_field(alexnet, (3, 320, 320), layer="features.12")
    assert (field.size, field.theory, field.inside, field.agrees) == (195, 195, True, True)
    field = measure_receptive_field(vgg11, (3, 192, 192), layer="features.20")
    assert (field.size, field.theory) == (150, 150)
    assert field.mask.sum() == 150 * 150


def test_rows_of_the_paper_lenet5():
    table = receptive_field(models.lenet5(), (1, 32, 32)).set_index("name")
    assert table.columns.tolist() == ["type", "output", "rf", "jump", "start", "first", "last"]
    assert table.loc["c3"].tolist() == ["Conv2d", (16, 10, 10), 14, 2, 0, 10, 23]
    assert table.loc["c5"].tolist() == ["Conv2d", (120, 1, 1), 32, 4, 0, 0, 31]
    assert table.loc["f6"].tolist() == ["Linear", (84,), "전체", "", 0, 0, 31]


def test_first_pixel_is_negative_where_padding_is_seen():
    table = receptive_field(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, (1, 5), padding=(0, 2))), (3, 9, 5)
    )
    assert table.start.tolist() == [-1, (-1, -3)]
    assert (table["first"].tolist(), table["last"].tolist()) == ([(3, 1), (3, -1)], [(5, 3), 5])


# --- Field


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_small_kernels_in_a_row_equal_one_big_kernel(count):
    field = Field()
    for _ in range(count):
        field = field.through(3)
    assert field == Field().through(2 * count + 1)


def test_field_of_araujo_equations():
    field = Field().through(7, stride=2, padding=3).through(3, stride=2, padding=1)
    assert field == Field(size=11, jump=4, start=-5)
    assert field.unit(2) == (3, 13)
    assert Field().through(3, dilation=2, padding=(2, 0)) == Field(5, 1, -2)
    assert Field(5, 2, -1).merged(4) == Field(11, 0, -1)


# --- 측정이 화소를 놓치지 않는지


def test_nothing_hides_a_pixel_from_the_measurement():
    class Hostile(nn.Module):
        """죽은 ReLU, 0인 계수, 상쇄되는 가중치, 0인 배치 정규화, 최대 풀링."""

        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3, groups=2)
            self.norm = nn.BatchNorm2d(2)
            nn.init.constant_(self.a.weight[0], 1.0)
            nn.init.constant_(self.a.weight[1], -1.0)
            nn.init.constant_(self.a.bias, -1e9)
            nn.init.zeros_(self.b.weight)
            nn.init.zeros_(self.norm.weight)

        def forward(self, x):
            x = F.relu(self.norm(self.a(x)), inplace=True) * 0
            x = F.max_pool2d(torch.clamp(x, 5, 6), 3, 2)
            x += 1
            return self.b(x)

    model = Hostile()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    field = measure_receptive_field(model, (1, 30, 26))
    assert (field.size, field.theory, int(field.mask.sum())) == (9, 9, 81)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert model.training
    assert all(p.grad is None for p in model.parameters())


def test_sixty_layers_neither_vanish_nor_overflow():
    model = nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1) for _ in range(60)])
    field = measure_receptive_field(model, (1, 127, 127))
    assert (field.size, field.first, field.last) == (121, (3, 3), (123, 123))


def test_dilation_leaves_holes_in_the_mask():
    field = measure_receptive_field(nn.Sequential(nn.Conv2d(1, 1, 3, dilation=3)), (1, 15, 15))
    assert (field.size, int(field.mask.sum())) == (7, 9)


def test_norms_and_softmax_over_the_picture_see_all_of_it():
    for layer in (nn.LayerNorm([4, 6, 6]), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4)):
        model = nn.Sequential(nn.Conv2d(3, 4, 3), layer, nn.Conv2d(4, 4, 3))
        assert layer_table(model, (3, 8, 8)).rf.tolist() == [3, "전체", "전체"]
        assert measure_receptive_field(model, (3, 8, 8)).mask.all()
    tracked = nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4, track_running_stats=True))
    assert layer_table(tracked, (3, 8, 8)).rf.tolist() == [3, 3]


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998"])
def test_every_layer_of_lenet5_agrees_with_its_measurement(name):
    model = models.build(name)
    for layer in layer_table(model, (1, 32, 32)).name:
        field = measure_receptive_field(model, (1, 32, 32), layer=layer)
        assert field.agrees, layer
        assert field.size == field.theory, layer


def test_a_flattened_unit_still_sees_only_its_own_field():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.ReLU())
    table = layer_table(model, (3, 8, 8))
    assert table.rf.tolist() == [3, 3, 3]
    assert measure_receptive_field(model, (3, 8, 8)).mask.sum() == 9


def test_functional_ops_can_be_measured_by_name():
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return F.max_pool2d(F.relu(self.conv(x)), 2).flatten(1)

    assert measure_receptive_field(Small(), (3, 8, 8), layer="max_pool2d").size == 4
    assert measure_receptive_field(Small(), (3, 8, 8), layer="relu").size == 3


def test_channel_shuffle_written_by_hand_keeps_the_place():
    class Shuffle(nn.Module):
        def forward(self, x):
            n, c, h, w = x.shape
            return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)

    model = nn.Sequential(nn.Conv2d(3, 4, 3), Shuffle(), nn.Conv2d(4, 4, 3, groups=2))
    assert layer_table(model, (3, 9, 9)).rf.tolist() == [3, 3, 5]
    assert measure_receptive_field(model, (3, 9, 9)).size == 5


def test_an_unknown_layer_name_lists_the_names():
    with pytest.raises(LayerNameError, match="c1, a1, s2") as caught:
        measure_receptive_field(models.lenet5(), (1, 32, 32), layer="conv9")
    assert str(caught.value).startswith("LeNet5에")


def test_padding_after_global_pooling_sees_nothing():
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.AdaptiveAvgPool2d(1), nn.ZeroPad2d((0, 0, 1, 2)), nn.ReLU())
    assert layer_table(model, (1, 4, 4)).rf.tolist() == [1, "전체", "전체", "전체"]
    field = measure_receptive_field(model, (1, 4, 4))
    assert (field.unit, field.size, field.agrees) == ((1, 0), 4, True)
