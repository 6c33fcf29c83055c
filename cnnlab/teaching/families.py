"""구조의 가족과 그 조절기를 자료로: 무엇을 바꿀 수 있고, 그 값으로 신경망을 어떻게 만드는가."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from cnnlab.errors import LearnerError

SIZES = (32, 64, 96, 128, 160, 192, 224, 256, 299)


class FamilyError(LearnerError, ValueError):
    """그런 가족이나 조절기가 없거나, 조절기가 가질 수 없는 값이다."""


@dataclass(frozen=True)
class Knob:
    """조절기 하나. values: 고를 수 있는 값(range이면 그 안의 정수 모두, 참과 거짓이면 켜고 끄기). start: 처음 값."""

    name: str
    label: str
    values: Sequence[Any]
    start: Any


@dataclass(frozen=True)
class Family:
    """build(이름=값, ...)가 신경망을 만든다. size는 입력의 높이와 너비로 쓰는 조절기라 build가 받지 않는다.

    known: size를 뺀 조절기의 값들(차례대로) -> 널리 알려진 이름. channels: 입력 채널.
    """

    title: str
    build: Callable[..., nn.Module]
    knobs: tuple[Knob, ...]
    known: Mapping[tuple[Any, ...], str] = field(default_factory=dict)
    channels: int = 3

    @property
    def start(self) -> dict[str, Any]:
        return {knob.name: knob.start for knob in self.knobs}

    def make(self, values: Mapping[str, Any]) -> nn.Module:
        """값들로 만든 신경망. 가중치는 형태만 있다(meta 장치): 메모리를 쓰지 않는다."""
        with torch.device("meta"):
            return self.build(**{name: value for name, value in values.items() if name != "size"})

    def input_size(self, values: Mapping[str, Any]) -> tuple[int, int, int]:
        return self.channels, values["size"], values["size"]

    def name(self, values: Mapping[str, Any]) -> str:
        """널리 알려진 이름, 없으면 값을 늘어놓은 이름."""
        chosen = {name: value for name, value in values.items() if name != "size"}
        plain = f"{self.title}({', '.join(_word(value) for value in chosen.values())})"
        return self.known.get(tuple(chosen.values()), plain)


def _word(value: Any) -> str:
    return {True: "예", False: "아니요"}[value] if isinstance(value, bool) else str(value)


def family_named(name: str) -> Family:
    """FAMILIES에서 찾는다. 오류: 없으면 FamilyError."""
    if name not in FAMILIES:
        raise FamilyError(f"그런 가족이 없습니다. 쓸 수 있는 이름: {', '.join(FAMILIES)}. 받은 이름: {name!r}")
    return FAMILIES[name]


def _size(start: int = 224, values: Sequence[int] = SIZES) -> Knob:
    return Knob("size", "입력 크기", values, start)


def _vgg(config: str, batch_norm: bool, head: str) -> nn.Module:
    from cnnlab.models.vgg import VGG, CifarVGG

    if head == VGG_HEADS[0]:
        return VGG(config, batch_norm=batch_norm)
    return CifarVGG(config, batch_norm=batch_norm)


def _inception(
    one: int, three_reduce: int, three: int, five_reduce: int, five: int, pool_proj: int, reduces: bool
) -> nn.Module:
    from cnnlab.models.googlenet import Inception, NaiveInception, Widths

    widths = Widths(one, three_reduce, three, five_reduce, five, pool_proj)
    return Inception(INCEPTION_INPUT, widths) if reduces else NaiveInception(INCEPTION_INPUT, widths)


def _resnet(block: str, conv2: int, conv3: int, conv4: int, conv5: int) -> nn.Module:
    from cnnlab.models.resnet import BASIC_CHANNELS, BOTTLENECK_CHANNELS, BasicBlock, Bottleneck, ResNet

    depths = (conv2, conv3, conv4, conv5)
    if block == "기본":
        return ResNet(BasicBlock, depths, BASIC_CHANNELS)
    return ResNet(Bottleneck, depths, BOTTLENECK_CHANNELS)


def _resnext(cardinality: int, width: int) -> nn.Module:
    from cnnlab.models.resnet import BOTTLENECK_CHANNELS, DEPTHS, ResNet
    from cnnlab.models.resnext import ResNeXtBlock

    block = partial(ResNeXtBlock, cardinality=cardinality, width=width)
    return ResNet(block, DEPTHS[50], BOTTLENECK_CHANNELS)


def _senet(reduction: int, conv2: bool, conv3: bool, conv4: bool, conv5: bool) -> nn.Module:
    from cnnlab.models.senet import se_resnet50_in

    chosen = {"conv2_x": conv2, "conv3_x": conv3, "conv4_x": conv4, "conv5_x": conv5}
    return se_resnet50_in([stage for stage, gated in chosen.items() if gated], reduction)


def _densenet(depths: str, growth_rate: int, compression: float, bottleneck: bool) -> nn.Module:
    from cnnlab.models.densenet import DenseNet, bottleneck_layer, plain_layer

    layer = bottleneck_layer if bottleneck else plain_layer
    return DenseNet(tuple(map(int, depths.split("-"))), growth_rate, layer, compression)


def _mobilenet(width: float, separable: bool) -> nn.Module:
    from cnnlab.models.mobilenet import MobileNetV1, full_conv, separable_conv

    return MobileNetV1(width, block=separable_conv if separable else full_conv)


VGG_HEADS = ("논문: 셋(224)", "CIFAR: 하나(32)")
VGGS = {"A": "VGG-11", "A-LRN": "VGG-11-LRN", "B": "VGG-13", "C": "VGG-16-C", "D": "VGG-16", "E": "VGG-19"}
INCEPTION_INPUT = 192  # GoogLeNet의 첫 모듈(3a)에 들어오는 채널
WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
RESNETS = {
    ("기본", 2, 2, 2, 2): "ResNet-18",
    ("기본", 3, 4, 6, 3): "ResNet-34",
    ("병목", 3, 4, 6, 3): "ResNet-50",
    ("병목", 3, 4, 23, 3): "ResNet-101",
    ("병목", 3, 8, 36, 3): "ResNet-152",
}
SE_RATIOS = (2, 4, 8, 16, 32, 64)
DENSE_DEPTHS = {
    "6-12-24-16": "DenseNet-121",
    "6-12-32-32": "DenseNet-169",
    "6-12-48-32": "DenseNet-201",
}

FAMILIES: dict[str, Family] = {
    "vgg": Family(
        "VGG",
        _vgg,
        (
            Knob("config", "표 1의 열", tuple(VGGS), "D"),
            Knob("batch_norm", "배치 정규화", (False, True), False),
            Knob("head", "완전 연결", VGG_HEADS, VGG_HEADS[0]),
            _size(224, (16, 32, 64, 128, 224)),
        ),
        {(config, False, VGG_HEADS[0]): name for config, name in VGGS.items()}
        | {(config, True, VGG_HEADS[0]): f"{name}-BN" for config, name in VGGS.items()},
    ),
    "inception": Family(
        "Inception",
        _inception,
        (
            Knob("one", "1×1", WIDTHS, 64),
            Knob("three_reduce", "3×3 앞 1×1", WIDTHS, 96),
            Knob("three", "3×3", WIDTHS, 128),
            Knob("five_reduce", "5×5 앞 1×1", WIDTHS, 16),
            Knob("five", "5×5", WIDTHS, 32),
            Knob("pool_proj", "풀링 뒤 1×1", WIDTHS, 32),
            Knob("reduces", "1×1로 줄이기", (False, True), True),
            _size(28, (7, 14, 28, 56)),
        ),
        {(64, 96, 128, 16, 32, 32, True): "Inception 모듈(3a)"},
        channels=INCEPTION_INPUT,
    ),
    "resnet": Family(
        "ResNet",
        _resnet,
        (
            Knob("block", "블록", ("기본", "병목"), "병목"),
            Knob("conv2", "conv2_x", range(1, 9), 3),
            Knob("conv3", "conv3_x", range(1, 13), 4),
            Knob("conv4", "conv4_x", range(1, 37), 6),
            Knob("conv5", "conv5_x", range(1, 9), 3),
            _size(),
        ),
        RESNETS,
    ),
    "resnext": Family(
        "ResNeXt-50",
        _resnext,
        (
            Knob("cardinality", "카디널리티", (1, 2, 4, 8, 16, 32, 64), 32),
            Knob("width", "길의 폭", (4, 8, 14, 24, 40, 64), 4),
            _size(),
        ),
        {(32, 4): "ResNeXt-50 32x4d", (1, 64): "ResNeXt-50 1x64d"},
    ),
    "senet": Family(
        "SE-ResNet-50",
        _senet,
        (
            Knob("reduction", "축소비(r)", SE_RATIOS, 16),
            Knob("conv2", "conv2_x의 SE", (False, True), True),
            Knob("conv3", "conv3_x의 SE", (False, True), True),
            Knob("conv4", "conv4_x의 SE", (False, True), True),
            Knob("conv5", "conv5_x의 SE", (False, True), True),
            _size(),
        ),
        {(16, True, True, True, True): "SE-ResNet-50", (16, True, True, True, False): "SE-ResNet-50(conv5_x 제외)"}
        | {(ratio, False, False, False, False): "ResNet-50" for ratio in SE_RATIOS},
    ),
    "densenet": Family(
        "DenseNet",
        _densenet,
        (
            Knob("depths", "층의 수", tuple(DENSE_DEPTHS), "6-12-24-16"),
            Knob("growth_rate", "성장률", (8, 12, 16, 24, 32, 40, 48), 32),
            Knob("compression", "압축", (0.25, 0.5, 0.75, 1.0), 0.5),
            Knob("bottleneck", "병목 1×1", (False, True), True),
            _size(),
        ),
        {(depths, 32, 0.5, True): name for depths, name in DENSE_DEPTHS.items()},
    ),
    "mobilenet": Family(
        "MobileNet-v1",
        _mobilenet,
        (
            Knob("width", "폭(α)", (0.25, 0.5, 0.75, 1.0, 1.25), 1.0),
            Knob("separable", "깊이별 분리 합성곱", (False, True), True),
            _size(224, (32, 64, 96, 128, 160, 192, 224)),
        ),
        {(1.0, True): "MobileNet-v1"},
    ),
}
