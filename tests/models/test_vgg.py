"""VGG를 표 1, 표 2, torchvision과 견준다."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.analysis import layer_table, receptive_field
from cnnlab.models import vgg
from cnnlab.models.vgg import CONFIGS, CifarVGG

# 표 2: 매개변수, 백만 개
PAPER_MILLIONS = {"vgg11": 133, "vgg11_lrn": 133, "vgg13": 133, "vgg16_c": 134, "vgg16": 138, "vgg19": 144}
EXACT = {
    **{"vgg11": 132_863_336, "vgg11_lrn": 132_863_336, "vgg13": 133_047_848, "vgg16_c": 133_638_952},
    **{"vgg16": 138_357_544, "vgg19": 143_667_240, "vgg11_bn": 132_868_840, "vgg13_bn": 133_053_736},
    **{"vgg16_bn": 138_365_992, "vgg19_bn": 143_678_248, "vgg11_cifar": 9_231_114, "vgg16_cifar": 14_728_266},
}
OF_TORCHVISION = [name for name in EXACT if hasattr(torchvision.models, name)]


def on_meta(builder, **options):
    with torch.device("meta"):
        return builder(**options)


@pytest.mark.parametrize("name", EXACT)
def test_parameters_are_those_of_the_docstring_and_of_table_2(name):
    model = on_meta(getattr(vgg, name))
    count = sum(p.numel() for p in model.parameters())
    assert count == EXACT[name]
    assert f"{count:,}개" in getattr(vgg, name).__doc__
    if name in PAPER_MILLIONS:
        assert round(count / 1e6) == PAPER_MILLIONS[name]


@pytest.mark.parametrize("config", CONFIGS)
def test_depth_is_the_number_of_weight_layers_of_table_1(config):
    depth = {"A": 11, "A-LRN": 11, "B": 13, "C": 16, "D": 16, "E": 19}[config]
    table = layer_table(on_meta(vgg.VGG, config=config), (3, 224, 224))
    assert table.attrs["depth"] == depth == table.type.isin(["Conv2d", "Linear"]).sum()
    assert [row.output for row in table.itertuples() if row.type == "MaxPool2d"] == [
        *((64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)),
    ]


@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_layers_are_those_of_torchvision(name):
    theirs = on_meta(getattr(torchvision.models, name))
    ours = on_meta(getattr(vgg, name))
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}


def test_output_equals_torchvisions_with_the_same_weights():
    torch.manual_seed(0)
    theirs, ours = torchvision.models.vgg11_bn().eval(), vgg.vgg11_bn().eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


def test_macs_equal_half_of_flop_counter():
    with torch.device("meta"):
        model, x = vgg.vgg16(), torch.zeros(1, 3, 224, 224)
        with FlopCounterMode(display=False) as counter:
            model(x)
    assert layer_table(model, (3, 224, 224)).attrs["macs"] * 2 == counter.get_total_flops()


def test_receptive_field_of_the_last_pooling_is_212():
    table = receptive_field(on_meta(vgg.vgg16), (3, 224, 224)).set_index("name")
    assert table.rf["features.30"] == 212  # google-research/receptive_field의 표


@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_cifar_sibling_ends_at_one_pixel_and_every_weight_learns(batch_norm):
    torch.manual_seed(0)
    model = CifarVGG("A", batch_norm=batch_norm, width=1 / 8)
    assert model.features(torch.zeros(2, 3, 32, 32)).shape == (2, 64, 1, 1)
    nn.functional.cross_entropy(model(torch.randn(8, 3, 32, 32)), torch.arange(8)).backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_width_scales_the_channels():
    half, full = (on_meta(vgg.vgg16_cifar, width=width) for width in (0.5, 1.0))
    convs = [[m.out_channels for m in model.modules() if isinstance(m, nn.Conv2d)] for model in (half, full)]
    assert [2 * channels for channels in convs[0]] == convs[1]
