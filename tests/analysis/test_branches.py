"""가지가 있는 신경망의 표와 수용 영역: torchvision, torchinfo, FlopCounterMode, 발표된 값과 견준다."""

from unittest import mock

import pytest
import torch
import torchinfo
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.regnet import BlockParams

from cnnlab.analysis import layer_table, measure_receptive_field, receptive_field

# 그림을 조각으로 나누어 attention을 하는 것은 CNN이 아니다
CNNS = [
    name
    for name in torchvision.models.list_models(module=torchvision.models)
    if not name.startswith(("vit", "swin", "maxvit"))
]


def build(name, **options):
    """가중치 없이(meta 장치) 만든 torchvision의 신경망, eval 모드."""
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    widths_from = BlockParams.from_init_params.__func__

    def with_values(cls, *args, **kwargs):  # RegNet은 폭을 텐서로 계산하므로 그때만 값이 필요하다
        with torch.device("cpu"):
            return widths_from(cls, *args, **kwargs)

    with torch.device("meta"), mock.patch.object(BlockParams, "from_init_params", classmethod(with_values)):
        return torchvision.models.get_model(name, weights=None, **options).eval()


def test_every_torchvision_cnn_is_here():
    assert len(CNNS) >= 65


@pytest.mark.parametrize("name", CNNS)
def test_totals_shapes_and_parameters_of_torchvision(name):
    """MAC은 FlopCounterMode의 절반, 형태와 매개변수는 모듈 자신과 torchinfo의 것."""
    model = build(name)
    size = (3, 299, 299) if name == "inception_v3" else (3, 128, 128)
    table = layer_table(model, size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *size, device="meta"))
    assert 2 * table.macs.sum() == 2 * table.attrs["macs"] == counter.get_total_flops()
    parameters = sum(p.numel() for p in model.parameters())
    assert table.attrs["params"] == parameters == table.params.sum() + table.attrs["unused_params"]
    summary = torchinfo.summary(model, (1, *size), verbose=0, device="meta")
    assert table.attrs["params"] == summary.total_params
    leaves = [layer for layer in summary.summary_list if layer.is_leaf_layer and layer.class_name != "Identity"]
    expected = [
        (layer.class_name, tuple(layer.output_size[1:]), max(0, layer.num_params))
        for layer in leaves
        if layer.class_name in ("Conv2d", "Linear", "BatchNorm2d", "LayerNorm2d") and layer.executed
    ]
    kinds = {kind for kind, *_ in expected}
    ours = [(row.type, row.output, row.params) for row in table.itertuples() if row.type in kinds]
    assert sorted(ours) == sorted(expected)


# --- 발표된 수용 영역: Araujo et al. 2019의 표 1과 google-research/receptive_field


def caffe_resnet(name):
    """병목 블록의 스트라이드를 첫 1x1에 둔 ResNet(원 논문과 google-research의 것)."""
    model = build(name)
    for module in model.modules():
        if isinstance(module, torchvision.models.resnet.Bottleneck):
            module.conv1.stride, module.conv2.stride = module.conv2.stride, (1, 1)
    return model


@pytest.mark.parametrize(("name", "published"), [("resnet50", 483), ("resnet101", 1027), ("resnet152", 1507)])
def test_published_receptive_fields_of_resnets_with_the_stride_in_the_1x1(name, published):
    rf = receptive_field(caffe_resnet(name), (3, 224, 224)).set_index("name").rf
    assert rf["layer4.2.relu:3"] == published


def mobilenet_v1():
    """Howard et al. 2017, 표 1."""

    def separable(before, after, stride=1):
        return [
            nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False),
            nn.Conv2d(before, after, 1, bias=False),
        ]

    widths = [(32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)]
    widths += [(512, 512, 1)] * 5 + [(512, 1024, 2), (1024, 1024, 1)]
    with torch.device("meta"):
        return nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), *(layer for w in widths for layer in separable(*w)))


def test_published_receptive_field_of_mobilenet_v1():
    assert layer_table(mobilenet_v1(), (3, 224, 224)).rf.iloc[-1] == 315


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        *[("resnet18", "layer2.1.relu:2"), ("densenet121", "features.denseblock2.denselayer3.conv2")],
        *[("googlenet", "inception4a.cat"), ("shufflenet_v2_x1_0", "stage2.3.branch2.7")],
        *[("efficientnet_b0", "features.3.0.block.0.2"), ("convnext_tiny", "features.1.2.block.5")],
        *[("squeezenet1_1", "features.9.cat"), ("mnasnet0_5", "layers.9.1.layers.7")],
    ],
)
def test_measured_field_of_torchvision_layers_equals_the_theory(name, layer):
    with torch.device("meta"):
        model = build(name)
    field = measure_receptive_field(model, (3, 160, 160), layer=layer)
    assert field.agrees
    assert field.inside
    assert field.size == field.theory
