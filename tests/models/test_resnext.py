"""ResNeXt가 논문의 표, torchvision, 블록의 다른 두 모양과 같은지."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnnlab
from cnnlab.models.resnet import Bottleneck
from cnnlab.models.resnext import ResNeXtBlock, resnext29_cifar, resnext50_32x4d

# 표 2: 같은 복잡도에서 cardinality -> 길 하나의 채널 수
TABLE_2 = {1: 64, 2: 40, 4: 24, 8: 14, 32: 4}


def on_meta(builder, **knobs):
    with torch.device("meta"):
        return builder(**knobs)


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_resnext50_equals_table_1():
    attrs = cnnlab.layer_table(on_meta(resnext50_32x4d), (3, 224, 224)).attrs
    assert attrs["params"] == 25_028_904
    assert round(attrs["params"] / 1e6, 1) == 25.0
    assert round(attrs["macs"] / 1e9, 1) == 4.2
    assert attrs["depth"] == 50


@pytest.mark.parametrize(("cardinality", "millions"), [(8, 34.4), (16, 68.1)])
def test_resnext29_equals_table_7(cardinality, millions):
    parameters = count(on_meta(resnext29_cifar, cardinality=cardinality, width=64)) / 1e6
    assert parameters == pytest.approx(millions, abs=0.06)  # 16x64d는 68.16이고 논문은 버림하여 68.1이다


def test_output_equals_torchvision_with_the_same_weights():
    torch.manual_seed(0)
    reference = torchvision.models.resnext50_32x4d(num_classes=10)
    x = torch.randn(2, 3, 64, 64)
    reference(x)  # 배치 정규화의 이동 평균이 0과 1에서 벗어나게 한다
    model = resnext50_32x4d(num_classes=10)
    model.load_state_dict(dict(zip(model.state_dict(), reference.state_dict().values(), strict=True)))
    torch.testing.assert_close(model.eval()(x), reference.eval()(x))


@pytest.mark.parametrize(("cardinality", "width"), TABLE_2.items())
def test_paths_of_table_2_cost_the_same(cardinality, width):
    block = on_meta(ResNeXtBlock, c_in=256, c_out=256, cardinality=cardinality, width=width)
    weights = sum(m.weight.numel() for m in block.modules() if isinstance(m, nn.Conv2d))
    assert weights == cardinality * (256 * width + 3 * 3 * width * width + width * 256)  # 식 (4)
    assert weights == pytest.approx(70_000, rel=0.03)


def test_grouped_block_equals_the_sum_of_narrow_paths():
    torch.manual_seed(0)
    cardinality, width = 4, 3
    block = ResNeXtBlock(256, 256, cardinality=cardinality, width=width).eval()
    reduce, norm1, _, grouped, norm2, _, expand, norm3 = block.residual
    x = torch.randn(2, 256, 6, 6)
    total = torch.zeros_like(x)
    for path in range(cardinality):  # 그림 3(a): 길마다 1x1, 3x3, 1x1을 하고 더한다
        own = slice(path * width, (path + 1) * width)
        narrow = F.conv2d(x, reduce.weight[own]) / (1 + norm1.eps) ** 0.5
        narrow = F.conv2d(narrow.relu(), grouped.weight[own], padding=1) / (1 + norm2.eps) ** 0.5
        total += F.conv2d(narrow.relu(), expand.weight[:, own])
    torch.testing.assert_close(block(x), (total / (1 + norm3.eps) ** 0.5 + x).relu())


def test_one_path_of_width_64_is_the_bottleneck_block():
    torch.manual_seed(0)
    ours = ResNeXtBlock(256, 512, stride=2, cardinality=1, width=64)
    original = Bottleneck(256, 512, stride=2, stride_in_3x3=True)
    ours.load_state_dict(original.state_dict())
    x = torch.randn(2, 256, 8, 8)
    torch.testing.assert_close(ours(x), original(x))


def test_receptive_field_is_that_of_resnet50_with_the_stride_in_the_3x3():
    assert cnnlab.layer_table(on_meta(resnext50_32x4d), (3, 224, 224)).attrs["rf"] == 427


def test_output_shape_and_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    model = resnext29_cifar(num_classes=7, cardinality=2, width=4)
    out = model(torch.randn(4, 3, 32, 32))
    assert out.shape == (4, 7)
    F.cross_entropy(out, torch.arange(4)).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_macs_equal_half_of_flop_counter():
    model = on_meta(resnext29_cifar)
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 32, 32, device="meta"))
    assert 2 * cnnlab.layer_table(model, (3, 32, 32)).attrs["macs"] == counter.get_total_flops()
