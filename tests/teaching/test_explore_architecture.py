"""구조의 조절기: 화면의 수가 torchvision의 신경망과 같고, 값을 옮기면 따라 바뀌는가."""

import re

import pytest
import torch
import torchvision

from cnnlab.analysis import layer_table
from cnnlab.errors import LearnerError
from cnnlab.teaching.architecture import sketch
from cnnlab.teaching.explore import explore_architecture
from cnnlab.teaching.families import FAMILIES, family_named


def params_of(name: str) -> int:
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None)
    return sum(p.numel() for p in model.parameters())


def other_value(control):
    """지금과 다른, 그 조절기가 가질 수 있는 값."""
    if hasattr(control, "max"):
        return control.value - 1 if control.value > control.min else control.value + 1
    if isinstance(control.value, bool):
        return not control.value
    values = [option[1] if isinstance(option, tuple) else option for option in control.options]
    return next(value for value in values if value != control.value)


TORCHVISION = [
    ("vgg", {"config": "A"}, "vgg11"),
    ("vgg", {"config": "E", "batch_norm": True}, "vgg19_bn"),
    ("resnet", {"block": "기본", "conv2": 2, "conv3": 2, "conv4": 2, "conv5": 2}, "resnet18"),
    ("resnet", {"block": "기본"}, "resnet34"),
    ("resnet", {}, "resnet50"),
    ("resnet", {"conv4": 23}, "resnet101"),
    ("resnext", {}, "resnext50_32x4d"),
    ("densenet", {}, "densenet121"),
    ("densenet", {"depths": "6-12-32-32"}, "densenet169"),
]


@pytest.mark.parametrize(("family", "start", "name"), TORCHVISION, ids=[name for _, _, name in TORCHVISION])
def test_parameters_on_screen_are_those_of_torchvision(family, start, name):
    explorer = explore_architecture(family, start=start | ({} if family == "vgg" else {"size": 64}))
    assert f"매개변수 {params_of(name):,}<" in explorer.view.value


@pytest.mark.parametrize("family", FAMILIES)
def test_every_knob_changes_the_view_and_comes_back(family):
    explorer = explore_architecture(family)
    first = explorer.view.value
    assert "✕" not in first
    for name, control in explorer.controls.items():
        kept = control.value
        control.value = other_value(control)
        assert explorer.view.value != first, name
        control.value = kept
        assert explorer.view.value == first, name


@pytest.mark.parametrize("family", FAMILIES)
def test_totals_are_those_of_the_layer_table_of_the_same_network(family):
    chosen = family_named(family)
    values = chosen.start
    table = layer_table(chosen.make(values), chosen.input_size(values))
    folded = sketch(chosen, values).folded
    for column in ("params", "macs", "activation_kb"):
        assert folded[column].sum() == pytest.approx(table[column].sum())
    text = explore_architecture(family).view.value
    assert f"매개변수 {table.attrs['params']:,}<" in text
    assert f"MAC {table.attrs['macs']:,}<" in text


def test_inception_module_has_the_parameters_of_table_1():
    explorer = explore_architecture("inception")
    # GoogLeNet의 표 1: 3a는 159K(가중치만 163,328, 편향 256+112)
    weights = 192 * (64 + 96 + 16 + 32) + 9 * 96 * 128 + 25 * 16 * 32
    assert f"매개변수 {weights + 64 + 96 + 128 + 16 + 32 + 32:,}<" in explorer.view.value
    explorer.controls["reduces"].value = False
    naive = 192 * 64 + 9 * 192 * 128 + 25 * 192 * 32
    assert f"매개변수 {naive + 64 + 128 + 32:,} <b>×" in explorer.view.value


def test_switching_the_gates_off_leaves_resnet50():
    explorer = explore_architecture("senet", start={"size": 64})
    assert "<b>SE-ResNet-50</b>" in explorer.view.value
    for stage in ("conv2", "conv3", "conv4", "conv5"):
        explorer.controls[stage].value = False
    assert "<b>ResNet-50</b>" in explorer.view.value
    assert f"매개변수 {params_of('resnet50'):,} <b>×" in explorer.view.value


def test_combination_that_cannot_be_built_says_why_and_recovers():
    explorer = explore_architecture("vgg")
    explorer.controls["size"].value = 16
    assert "✕" in explorer.view.value
    assert "Traceback" not in explorer.view.value
    assert "예상하지 못한" not in explorer.view.value
    explorer.controls["size"].value = 32
    assert "in_features" in explorer.view.value
    explorer.controls["head"].value = explorer.controls["head"].options[1]
    assert "✕" not in explorer.view.value
    assert "매개변수 14,719,818 <b>×0.11" in explorer.view.value


def test_a_start_that_cannot_be_built_does_not_stop_the_knobs():
    explorer = explore_architecture("vgg", start={"size": 64})
    assert "in_features" in explorer.view.value
    explorer.controls["size"].value = 224
    assert "✕" not in explorer.view.value
    assert "138,357,544" in explorer.view.value


def test_ratios_compare_with_the_start():
    explorer = explore_architecture("mobilenet")
    assert "×1.00" not in explorer.view.value
    explorer.controls["size"].value = 112 if 112 in dict(explorer.controls["size"].options).values() else 128
    size = explorer.controls["size"].value
    # 합성곱의 비용은 화소 수에 비례하고 매개변수는 그대로다. 완전 연결의 몫이 아주 조금 있다
    ratio = float(re.search(r"MAC [\d,]+ <b>×([\d.]+)", explorer.view.value)[1])
    assert ratio == pytest.approx((size / 224) ** 2, abs=0.01)
    assert re.search(r"매개변수 [\d,]+ <b>×1\.00", explorer.view.value)
    explorer.controls["size"].value = 224
    explorer.controls["width"].value = 0.5
    ratio = float(re.search(r"MAC [\d,]+ <b>×([\d.]+)", explorer.view.value)[1])
    assert 0.25 < ratio < 0.3  # α²에 가깝다(논문 3.3절)


def test_same_start_draws_the_same_svg_for_readers_without_a_kernel():
    first, again = (explore_architecture("resnet", start={"size": 64})._repr_mimebundle_() for _ in range(2))
    assert first["image/svg+xml"] == again["image/svg+xml"]
    assert first["image/svg+xml"].startswith("<svg")
    assert "ResNet-50" in first["image/svg+xml"]


def test_known_configurations_are_called_by_their_names():
    explorer = explore_architecture("resnet", start={"size": 32})
    explorer.controls["conv4"].value = 23
    assert "<b>ResNet-101</b>" in explorer.view.value
    explorer.controls["conv4"].value = 5
    assert "<b>ResNet(병목, 3, 4, 5, 3)</b>" in explorer.view.value


@pytest.mark.parametrize(
    ("family", "start", "says"),
    [
        ("resnet50", {}, "쓸 수 있는 이름: .*resnet"),
        ("resnet", {"depth": 3}, "쓸 수 있는 이름: .*conv2"),
        ("resnet", {"block": "세모"}, "가질 수 있는 값: 기본, 병목"),
    ],
)
def test_wrong_names_and_values_get_a_korean_sentence(family, start, says):
    with pytest.raises(LearnerError, match=says):
        explore_architecture(family, start=start)
