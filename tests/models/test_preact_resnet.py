"""활성화를 앞에 둔 ResNet: 자리, 매개변수, 막히지 않는 지름길."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnnlab
from cnnlab.models import preact_resnet, resnet
from cnnlab.models.preact_resnet import PreActBlock, basic, bottleneck


def on_meta(builder):
    with torch.device("meta"):
        return builder()


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_resnet164_has_the_parameters_and_depth_of_the_paper():
    attrs = cnnlab.layer_table(on_meta(preact_resnet.preact_resnet164_cifar), (3, 32, 32)).attrs
    assert round(attrs["params"] / 1e6, 1) == 1.7  # 표 4
    assert attrs["depth"] == 164


@pytest.mark.parametrize("depth", [20, 56, 110])
def test_moving_the_activation_costs_nothing(depth):
    before = on_meta(getattr(resnet, f"resnet{depth}_cifar"))
    after = on_meta(getattr(preact_resnet, f"preact_resnet{depth}_cifar"))
    tables = [cnnlab.layer_table(model, (3, 32, 32)).attrs for model in (before, after)]
    assert count(before) == count(after)
    assert tables[0]["macs"] == tables[1]["macs"]
    assert tables[1]["depth"] == depth


@pytest.mark.parametrize("depth", [18, 50])
def test_imagenet_networks_differ_from_resnet_only_in_normalisation(depth):
    before = on_meta(getattr(resnet, f"resnet{depth}"))
    after = on_meta(getattr(preact_resnet, f"preact_resnet{depth}"))

    def weights(model):
        return sorted(tuple(m.weight.shape) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear))

    assert weights(before) == weights(after)
    expanded = {18: [64, 128, 256, 512], 50: [256, 512, 1024, 2048]}[depth]
    depths = resnet.DEPTHS[depth]
    inner = sum(n * (c if depth == 18 else c // 4 * 2) for n, c in zip(depths, expanded, strict=True))
    opening = sum(before for before, n, c in zip([0, *expanded], depths, expanded, strict=False))
    opening += sum((n - 1) * c for n, c in zip(depths, expanded, strict=True))
    normalised = sum(m.num_features for m in after.modules() if isinstance(m, nn.BatchNorm2d))
    assert normalised == 64 + opening + inner + expanded[-1]  # 첫 합성곱 뒤, 블록의 앞, 블록 안, 마지막


def normalised(x, norm):
    """배치 정규화(학습 때)와 ReLU를 식대로."""
    mean, var = x.mean(dim=(0, 2, 3), keepdim=True), x.var(dim=(0, 2, 3), keepdim=True, correction=0)
    x = (x - mean) / (var + norm.eps).sqrt() * norm.weight.view(-1, 1, 1) + norm.bias.view(-1, 1, 1)
    return x.clamp(min=0)


def randomised(block):
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    return block


def test_usual_block_passes_x_itself_to_the_addition():
    torch.manual_seed(0)
    block = randomised(PreActBlock(basic, 8, 8))
    norm1, _, conv1, norm2, _, conv2 = block.residual
    x = torch.randn(4, 8, 6, 6)
    inside = F.conv2d(normalised(x, norm1), conv1.weight, padding=1)
    torch.testing.assert_close(block(x), x + F.conv2d(normalised(inside, norm2), conv2.weight, padding=1))


def test_widening_block_activates_before_it_splits():
    torch.manual_seed(0)
    block = randomised(PreActBlock(bottleneck, 8, 16, stride=2))
    conv1, norm1, _, conv2, norm2, _, conv3 = block.residual
    x = torch.randn(4, 8, 6, 6)
    shared = normalised(x, block.shared[0])
    inside = normalised(F.conv2d(shared, conv1.weight, stride=2), norm1)
    inside = normalised(F.conv2d(inside, conv2.weight, padding=1), norm2)
    expected = F.conv2d(inside, conv3.weight) + F.conv2d(shared, block.shortcut.weight, stride=2)
    torch.testing.assert_close(block(x), expected)


def test_first_block_leaves_the_activation_to_the_stem():
    model = preact_resnet.preact_resnet20_cifar()
    first = model.conv2_x[0]
    assert isinstance(model.stem[-1], nn.ReLU)
    assert isinstance(first.residual[0], nn.Conv2d)
    x = torch.randn(2, 16, 8, 8)
    assert torch.equal(first.shared(x), x)


def test_negative_signal_crosses_a_whole_stage_unchanged():
    model = preact_resnet.preact_resnet20_cifar()
    for block in model.conv2_x:
        nn.init.zeros_(block.residual[-1].weight)
    x = -torch.rand(2, 16, 8, 8)
    assert torch.equal(model.conv2_x(x), x)
    original = resnet.resnet20_cifar()  # 견줄 것: 덧셈 뒤의 ReLU가 음수를 막는다
    for block in original.conv2_x:
        nn.init.zeros_(block.residual[-1].weight)
    assert original.conv2_x(x).abs().max() == 0


def test_output_shape_and_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    model = preact_resnet.preact_resnet20_cifar(num_classes=7)
    out = model(torch.randn(4, 3, 32, 32))
    assert out.shape == (4, 7)
    F.cross_entropy(out, torch.arange(4)).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_macs_equal_half_of_flop_counter():
    model = on_meta(preact_resnet.preact_resnet50)
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 224, 224, device="meta"))
    assert 2 * cnnlab.layer_table(model, (3, 224, 224)).attrs["macs"] == counter.get_total_flops()
