"""MobileNet이 논문의 표, torchvision, 발표된 수용 영역과 같은지."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnnlab
from cnnlab.models.mobilenet import (
    MobileNetV1,
    full_conv,
    inverted_residual,
    mobilenet_v1,
    mobilenet_v1_cifar,
    mobilenet_v2,
    separable_conv,
)

# v1의 표 6과 7: (width, 입력 크기) -> (MAC, 매개변수), 백만
V1_TABLES = {
    (1.0, 224): (569, 4.2),
    (0.75, 224): (325, 2.6),
    (0.5, 224): (149, 1.3),
    (0.25, 224): (41, 0.5),
    (1.0, 192): (418, 4.2),
    (1.0, 160): (290, 4.2),
    (1.0, 128): (186, 4.2),
}


def on_meta(builder, *values, **knobs):
    with torch.device("meta"):
        return builder(*values, **knobs)


def count(model):
    return sum(p.numel() for p in model.parameters())


def totals(model, size):
    attrs = cnnlab.layer_table(model, (3, size, size)).attrs
    return attrs["macs"], attrs["params"]


@pytest.mark.parametrize(("knobs", "millions"), V1_TABLES.items())
def test_v1_equals_tables_6_and_7(knobs, millions):
    width, size = knobs
    macs, params = totals(on_meta(mobilenet_v1, width=width), size)
    assert macs / 1e6 == pytest.approx(millions[0], abs=0.7)  # 표는 반올림과 버림이 섞여 있다
    assert round(params / 1e6, 1) == millions[1]


def test_v1_with_full_convolutions_equals_table_4():
    macs, params = totals(on_meta(MobileNetV1, block=full_conv), 224)
    assert macs / 1e6 == pytest.approx(4866, abs=1.5)  # 완전 연결(1.0)을 빼면 4866.3이다
    assert round(params / 1e6, 1) == 29.3


def test_v1_exact_numbers_depth_and_published_receptive_field():
    table = cnnlab.layer_table(on_meta(mobilenet_v1), (3, 224, 224))
    assert (table.attrs["params"], table.attrs["macs"]) == (4_231_976, 568_740_352)
    assert table.attrs["depth"] == 28  # 3절: 깊이별과 점별을 따로 세면 28층
    assert table.attrs["rf"] == 315  # Araujo et al. 2019


@pytest.mark.parametrize(("c_in", "c_out"), [(32, 64), (128, 128), (512, 1024)])
def test_separable_convolution_costs_one_over_n_plus_one_ninth(c_in, c_out):
    parts, whole = (
        sum(m.weight.numel() for m in block(c_in, c_out, 1).modules() if isinstance(m, nn.Conv2d))
        for block in (separable_conv, full_conv)
    )
    assert parts / whole == pytest.approx(1 / c_out + 1 / 9)  # 식 (5) 아래


def test_depthwise_convolution_never_mixes_channels():
    depthwise = separable_conv(4, 8, 1)[0]
    x = torch.zeros(1, 4, 8, 8)
    x[:, 2] = 1
    assert depthwise(x).abs().sum(dim=(0, 2, 3)).nonzero().flatten().tolist() == [2]


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.0, 1.4])
def test_v2_parameters_equal_torchvision_at_every_width(width):
    assert count(on_meta(mobilenet_v2, width=width)) == count(
        on_meta(torchvision.models.mobilenet_v2, width_mult=width)
    )


def test_v2_output_equals_torchvision_with_the_same_weights():
    torch.manual_seed(0)
    reference = torchvision.models.mobilenet_v2(num_classes=10)
    x = torch.randn(2, 3, 64, 64)
    reference(x)  # 배치 정규화의 이동 평균이 0과 1에서 벗어나게 한다
    model = mobilenet_v2(num_classes=10)
    model.load_state_dict(dict(zip(model.state_dict(), reference.state_dict().values(), strict=True)))
    torch.testing.assert_close(model.eval()(x), reference.eval()(x))


def test_v2_costs_300_million_macs():
    macs, params = totals(on_meta(mobilenet_v2), 224)
    assert round(macs / 1e6, -1) == 300  # 표 4
    assert params == 3_504_872  # 표 4는 3.4백만


def test_inverted_residual_adds_only_where_the_shape_stays():
    x = torch.randn(2, 16, 8, 8)
    same = inverted_residual(16, 16, 1, expansion=6)
    nn.init.zeros_(same.residual[-1].weight)
    torch.testing.assert_close(same(x), x)
    for c_out, stride in ((24, 1), (16, 2)):
        changed = inverted_residual(16, c_out, stride, expansion=6)
        nn.init.zeros_(changed[-1].weight)
        assert changed(x).abs().max() == 0


@pytest.mark.parametrize(("builder", "size"), [(mobilenet_v1_cifar, 32), (mobilenet_v2, 64)])
def test_output_shape_and_every_parameter_gets_a_gradient(builder, size):
    torch.manual_seed(0)
    model = builder(num_classes=7, width=0.25)
    out = model(torch.randn(8, 3, size, size))
    assert out.shape == (8, 7)
    F.cross_entropy(out, torch.arange(8) % 7).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize(("builder", "size"), [(mobilenet_v1, 224), (mobilenet_v2, 224), (mobilenet_v1_cifar, 32)])
def test_macs_equal_half_of_flop_counter(builder, size):
    model = on_meta(builder)
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, size, size, device="meta"))
    assert 2 * totals(model, size)[0] == counter.get_total_flops()
