"""DenseNet이 논문의 표, torchvision과 같은지, 앞의 특징 맵을 그대로 지니는지."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch.utils.flop_counter import FlopCounterMode

import cnnlab
from cnnlab.models import densenet
from cnnlab.models.densenet import DenseNet, bottleneck_layer, cifar_conv, plain_layer

# 표 2: (층, 성장률, 병목과 압축이 있는가) -> 매개변수(백만)
TABLE_2 = {
    (40, 12, False): 1.0,
    (100, 12, False): 7.0,
    (100, 24, False): 27.2,
    (100, 12, True): 0.8,
    (250, 24, True): 15.3,
    (190, 40, True): 25.6,
}


def on_meta(builder, *values, **knobs):
    with torch.device("meta"):
        return builder(*values, **knobs)


def count(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("row", "millions"), TABLE_2.items())
def test_cifar_parameters_equal_table_2(row, millions):
    depth, growth_rate, compact = row
    per_block = (depth - 4) // 3 // (2 if compact else 1)
    knobs = (bottleneck_layer, 0.5, cifar_conv) if compact else (plain_layer, 1.0, cifar_conv, 16)
    model = on_meta(DenseNet, (per_block,) * 3, growth_rate, *knobs, num_classes=10)
    assert round(count(model) / 1e6, 1) == millions


def test_named_cifar_networks_have_the_parameters_and_depth_of_the_paper():
    tables = {
        name: cnnlab.layer_table(on_meta(getattr(densenet, name)), (3, 32, 32)).attrs
        for name in ("densenet40_cifar", "densenet_bc100_cifar")
    }
    assert [attrs["params"] for attrs in tables.values()] == [1_019_722, 769_162]
    assert [attrs["depth"] for attrs in tables.values()] == [40, 100]


@pytest.mark.parametrize("depth", [121, 161, 169, 201])
def test_imagenet_parameters_equal_torchvision_and_depth_the_name(depth):
    model = on_meta(getattr(densenet, f"densenet{depth}"))
    attrs = cnnlab.layer_table(model, (3, 224, 224)).attrs
    assert count(model) == count(on_meta(getattr(torchvision.models, f"densenet{depth}")))
    assert attrs["depth"] == depth


def test_output_equals_torchvision_with_the_same_weights():
    torch.manual_seed(0)
    reference = torchvision.models.densenet121(num_classes=10)
    x = torch.randn(2, 3, 64, 64)
    reference(x)  # 배치 정규화의 이동 평균이 0과 1에서 벗어나게 한다
    model = densenet.densenet121(num_classes=10)
    model.load_state_dict(dict(zip(model.state_dict(), reference.state_dict().values(), strict=True)))
    torch.testing.assert_close(model.eval()(x), reference.eval()(x))


def test_block_carries_its_input_unchanged_and_adds_growth_rate_per_layer():
    model = densenet.densenet40_cifar()
    x = torch.randn(2, 16, 8, 8)
    out = model.block1(x)
    assert out.shape == (2, 16 + 12 * 12, 8, 8)
    assert torch.equal(out[:, :16], x)
    assert torch.equal(out[:, :28], model.block1[0](x))  # 첫 층이 만든 것도 그대로다


def test_every_layer_reads_all_maps_before_it():
    model = densenet.densenet_bc100_cifar()
    x = torch.randn(2, 24, 4, 4)
    maps = [x]
    for layer in model.block1:
        maps.append(layer.new_maps(torch.cat(maps, dim=1)))  # 식 (2)
    torch.testing.assert_close(model.block1(x), torch.cat(maps, dim=1))


def test_compression_is_the_share_of_channels_kept():
    model = on_meta(densenet.densenet_bc100_cifar, growth_rate=10, compression=0.3)
    assert model.transition1[2].in_channels == 20 + 16 * 10
    assert model.transition1[2].out_channels == 54


def test_output_shape_and_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    for layer in (plain_layer, bottleneck_layer):
        model = DenseNet((2, 2, 2), 4, layer, 0.5, cifar_conv, num_classes=7)
        out = model(torch.randn(4, 3, 32, 32))
        assert out.shape == (4, 7)
        F.cross_entropy(out, torch.arange(4)).backward()
        assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize(("name", "size"), [("densenet121", 224), ("densenet40_cifar", 32)])
def test_macs_equal_half_of_flop_counter(name, size):
    model = on_meta(getattr(densenet, name))
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, size, size, device="meta"))
    assert 2 * cnnlab.layer_table(model, (3, size, size)).attrs["macs"] == counter.get_total_flops()
