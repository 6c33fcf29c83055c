"""SE가 논문의 식과 같은지, 그림 전체를 보는지."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnnlab
from cnnlab.models.resnet import resnet20_cifar, resnet50
from cnnlab.models.senet import SEBottleneck, SqueezeExcitation, se_resnet20_cifar, se_resnet50, se_resnet50_in


def on_meta(builder, **knobs):
    with torch.device("meta"):
        return builder(**knobs)


def count(model):
    return sum(p.numel() for p in model.parameters())


def test_se_resnet50_has_the_published_parameters():
    assert count(on_meta(se_resnet50)) == 28_088_024


@pytest.mark.parametrize("reduction", [2, 4, 8, 16, 32])
def test_parameters_added_follow_equation_5(reduction):
    stages = {256: 3, 512: 4, 1024: 6, 2048: 3}  # 채널 -> 블록의 수
    weights = 2 / reduction * sum(n * c**2 for c, n in stages.items())  # 식 (5)
    biases = sum(n * (c + c // reduction) for c, n in stages.items())
    assert count(on_meta(se_resnet50, reduction=reduction)) - count(on_meta(resnet50)) == weights + biases


def test_gate_equals_the_equations_written_as_1x1_convolutions():
    torch.manual_seed(0)
    gate = SqueezeExcitation(32, reduction=4)
    x = torch.randn(3, 32, 5, 7)
    z = F.adaptive_avg_pool2d(x, 1)
    z = F.conv2d(z, gate.reduce.weight[:, :, None, None], gate.reduce.bias).clamp(min=0)
    z = F.conv2d(z, gate.expand.weight[:, :, None, None], gate.expand.bias)
    torch.testing.assert_close(gate(x), x / (1 + torch.exp(-z)))


def test_gate_is_between_zero_and_one_per_channel():
    torch.manual_seed(0)
    x = torch.randn(3, 32, 5, 5)
    ratio = SqueezeExcitation(32)(x) / x
    assert ratio.std(dim=(2, 3)).max() < 1e-5  # 한 채널의 화소에는 같은 값을 곱한다
    assert ratio.min() > 0
    assert ratio.max() < 1


def test_every_hidden_unit_starts_on_for_some_pictures_and_off_for_others():
    torch.manual_seed(0)
    gate = SqueezeExcitation(16, reduction=4)
    maps = nn.BatchNorm2d(16)(torch.randn(64, 16, 8, 8))
    on = gate.reduce(maps.mean(dim=(2, 3))) > 0
    assert (on.float().mean(dim=0) > 0.2).all()
    assert (on.float().mean(dim=0) < 0.8).all()


def test_closed_gates_leave_only_the_shortcut():
    block = SEBottleneck(64, 64)
    nn.init.constant_(block.se.expand.bias, -1e4)
    x = torch.randn(2, 64, 6, 6)
    torch.testing.assert_close(block(x), x.relu())


def test_gate_sees_the_whole_picture_and_the_rest_what_resnet50_sees():
    size = (3, 224, 224)
    gated = cnnlab.receptive_field(on_meta(se_resnet50), size).set_index("name")
    plain = cnnlab.receptive_field(on_meta(resnet50), size).set_index("name")
    assert gated.rf["conv2_x.0.se.mul"] == "전체"
    shared = [name for name in plain.index if name in gated.index and not name.startswith(("pool", "flatten", "fc"))]
    assert len(shared) > 150
    assert gated.rf_without_gate[shared].tolist() == plain.rf[shared].tolist()
    assert gated.rf_without_gate["conv5_x.2.relu"] == 483


def test_gates_only_in_the_chosen_stages():
    stages = ("conv2_x", "conv3_x", "conv4_x", "conv5_x")
    whole, none = on_meta(se_resnet50), on_meta(resnet50)
    assert count(on_meta(se_resnet50_in, stages=stages)) == count(whole)
    assert count(on_meta(se_resnet50_in, stages=())) == count(none)
    for stage in stages:
        one = on_meta(se_resnet50_in, stages=(stage,))
        gated = {name.split(".")[0] for name, m in one.named_modules() if isinstance(m, SqueezeExcitation)}
        assert gated == {stage}
        added = count(getattr(whole, stage)) - count(getattr(none, stage))
        assert count(one) == count(none) + added


def test_output_shape_and_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    model = se_resnet20_cifar(num_classes=7)
    out = model(torch.randn(8, 3, 32, 32))
    assert out.shape == (8, 7)
    F.cross_entropy(out, torch.arange(8) % 7).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize(("builder", "size"), [(se_resnet50, 224), (se_resnet20_cifar, 32)])
def test_macs_equal_half_of_flop_counter(builder, size):
    model = on_meta(builder)
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, size, size, device="meta"))
    assert 2 * cnnlab.layer_table(model, (3, size, size)).attrs["macs"] == counter.get_total_flops()


def test_gates_cost_almost_no_macs():
    gated, plain = (cnnlab.layer_table(on_meta(b), (3, 32, 32)).attrs for b in (se_resnet20_cifar, resnet20_cifar))
    assert 1 < gated["macs"] / plain["macs"] < 1.001
