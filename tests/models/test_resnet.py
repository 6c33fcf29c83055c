"""ResNet이 논문의 표, torchvision, 발표된 수용 영역과 같은지."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch.utils.flop_counter import FlopCounterMode

import cnnlab
from cnnlab.models import resnet
from cnnlab.models.resnet import SHORTCUTS, BasicBlock, Bottleneck, PlainBlock, ResNet, ZeroPadding, resnet_cifar

# 표 6: 이름의 층 수 -> 매개변수(백만)
TABLE_6 = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7, 1202: 19.4}
# 표 1의 FLOPs(곱셈-덧셈, 십억)
TABLE_1 = {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}
# 발표된 수용 영역(Araujo et al. 2019, 크기를 첫 1x1에서 줄이는 ResNet)
PUBLISHED_FIELDS = {50: 483, 101: 1027, 152: 1507}


def on_meta(builder, **knobs):
    with torch.device("meta"):
        return builder(**knobs)


def named(depth):
    return on_meta(getattr(resnet, f"resnet{depth}"))


def count(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("depth", "millions"), TABLE_6.items())
def test_cifar_parameters_equal_table_6(depth, millions):
    digits = 2 if millions < 1 else 1
    assert round(count(on_meta(getattr(resnet, f"resnet{depth}_cifar"))) / 1e6, digits) == millions


@pytest.mark.parametrize("depth", TABLE_1)
def test_imagenet_parameters_equal_torchvision(depth):
    assert count(named(depth)) == count(on_meta(getattr(torchvision.models, f"resnet{depth}")))


@pytest.mark.parametrize(("depth", "billions"), TABLE_1.items())
def test_imagenet_macs_equal_table_1_and_depth_the_name(depth, billions):
    attrs = cnnlab.layer_table(named(depth), (3, 224, 224)).attrs
    assert attrs["macs"] / 1e9 == pytest.approx(billions, abs=0.09)
    assert attrs["depth"] == depth


@pytest.mark.parametrize(("depth", "field"), PUBLISHED_FIELDS.items())
def test_receptive_field_equals_the_published_one(depth, field):
    table = cnnlab.receptive_field(named(depth), (3, 224, 224)).set_index("name")
    last = [name for name in table.index if name.startswith("conv5_x")][-1]
    assert (table.rf[last], table.jump[last]) == (field, 32)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("resnet18", "resnet18"), ("resnet34", "resnet34"), ("resnet50_v1_5", "resnet50")]
)
def test_output_equals_torchvision_with_the_same_weights(ours, theirs):
    torch.manual_seed(0)
    reference = getattr(torchvision.models, theirs)(num_classes=10)
    x = torch.randn(2, 3, 64, 64)
    reference(x)  # 배치 정규화의 이동 평균이 0과 1에서 벗어나게 한다
    model = getattr(resnet, ours)(num_classes=10)
    model.load_state_dict(dict(zip(model.state_dict(), reference.state_dict().values(), strict=True)))
    torch.testing.assert_close(model.eval()(x), reference.eval()(x))


def test_moving_the_stride_costs_macs_not_parameters():
    papers, common = named(50), on_meta(resnet.resnet50_v1_5)
    tables = [cnnlab.layer_table(model, (3, 224, 224)).attrs for model in (papers, common)]
    assert count(papers) == count(common)
    assert [attrs["macs"] for attrs in tables] == [3_857_973_248, 4_089_184_256]
    assert [attrs["rf"] for attrs in tables] == [483, 427]


@pytest.mark.parametrize("builder", [resnet.resnet20_cifar, resnet.plain20_cifar, resnet.resnet50])
def test_macs_equal_half_of_flop_counter(builder):
    model = on_meta(builder)
    size = 224 if builder is resnet.resnet50 else 32
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, size, size, device="meta"))
    assert 2 * cnnlab.layer_table(model, (3, size, size)).attrs["macs"] == counter.get_total_flops()


def test_zero_padding_picks_every_other_pixel_and_adds_empty_channels():
    x = torch.randn(2, 3, 8, 8)
    expected = torch.cat([F.avg_pool2d(x, 1, stride=2), torch.zeros(2, 5, 4, 4)], dim=1)
    assert torch.equal(ZeroPadding(3, 8, 2)(x), expected)


def test_shortcut_parameters_grow_from_a_to_b_to_c():
    plain, a, b, c = (
        count(on_meta(resnet_cifar, n=3, block=block))
        for block in (PlainBlock, *(partial(BasicBlock, shortcut=SHORTCUTS[letter]) for letter in "ABC"))
    )
    widening = [16 * 32 + 2 * 32, 32 * 64 + 2 * 64]  # 1x1 합성곱과 배치 정규화
    keeping = [3 * (16 * 16 + 2 * 16), 2 * (32 * 32 + 2 * 32), 2 * (64 * 64 + 2 * 64)]
    assert a == plain
    assert b - a == sum(widening)
    assert c - b == sum(keeping)


@pytest.mark.parametrize("names", [("plain20_cifar", "resnet20_cifar"), ("plain56_cifar", "resnet56_cifar")])
def test_plain_and_residual_nets_hold_the_same_weights(names):
    plain, residual = (on_meta(getattr(resnet, name)) for name in names)
    shapes = [{key: value.shape for key, value in model.state_dict().items()} for model in (plain, residual)]
    assert shapes[0] == shapes[1]


def test_silent_residual_branch_makes_the_block_an_identity():
    x = torch.rand(2, 16, 8, 8)  # 음수가 없으므로 마지막 ReLU도 바꾸지 않는다
    block = BasicBlock(16, 16)
    torch.nn.init.zeros_(block.residual[-1].weight)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize(
    "block", [PlainBlock, Bottleneck, *(partial(BasicBlock, shortcut=s) for s in SHORTCUTS.values())]
)
def test_every_parameter_gets_a_gradient_whatever_the_block(block):
    torch.manual_seed(0)
    model = resnet_cifar(1, block)
    out = model(torch.randn(4, 3, 32, 32))
    assert out.shape == (4, 10)
    F.cross_entropy(out, torch.arange(4)).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_depth_and_channels_can_be_turned():
    model = ResNet(BasicBlock, (1, 2), (8, 24), num_classes=3)
    assert [len(model.conv2_x), len(model.conv3_x)] == [1, 2]
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 3)


def test_num_classes_changes_only_the_last_layer():
    ten, seven = resnet.resnet20_cifar(), resnet.resnet20_cifar(num_classes=7)
    assert count(ten) - count(seven) == 3 * (64 + 1)
    assert on_meta(resnet.resnet50, num_classes=5).fc.out_features == 5
