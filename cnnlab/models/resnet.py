"""ResNet: ImageNet용 18-152층, CIFAR-10용 20-1202층, 지름길 연결이 없는 짝(plain).

He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", 표 1(ImageNet), 4.2절과 표 6(CIFAR-10).
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.layers import cifar_stem, conv_bn, he_init, imagenet_stem

# 표 1: 단계 conv2_x, conv3_x, conv4_x, conv5_x마다 블록의 수. 50층부터는 병목 블록이다
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
# 단계마다 블록이 내는 채널의 수: 크기가 절반이 될 때 두 배가 된다
BASIC_CHANNELS = (64, 128, 256, 512)
BOTTLENECK_CHANNELS = (256, 512, 1024, 2048)
CIFAR_CHANNELS = (16, 32, 64)

Block = Callable[[int, int, int], nn.Module]  # (입력 채널, 출력 채널, stride) -> 블록
Shortcut = Callable[[int, int, int], nn.Module]


class ZeroPadding(nn.Module):
    """매개변수가 없는 지름길: stride만큼 건너뛰며 화소를 고르고, 모자라는 채널은 0으로 채운다.

    입력 (N, c_in, H, W), 출력 (N, c_out, H/stride, W/stride).
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = c_out - c_in

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.new_channels))  # 마지막 축부터 앞뒤 한 쌍씩: 너비, 높이, 채널


def zero_padding(c_in: int, c_out: int, stride: int) -> nn.Module:
    """선택지 A: 형태가 바뀌는 곳은 0으로 채우고, 나머지는 항등."""
    return nn.Identity() if (c_in, stride) == (c_out, 1) else ZeroPadding(c_in, c_out, stride)


def projection_where_needed(c_in: int, c_out: int, stride: int) -> nn.Module:
    """선택지 B: 형태가 바뀌는 곳은 1x1 합성곱(projection), 나머지는 항등."""
    return nn.Identity() if (c_in, stride) == (c_out, 1) else projection(c_in, c_out, stride)


def projection(c_in: int, c_out: int, stride: int) -> nn.Module:
    """선택지 C: 어디에서나 1x1 합성곱."""
    return conv_bn(c_in, c_out, 1, stride)


# 4.1절과 표 3의 세 가지 지름길 연결
SHORTCUTS: dict[str, Shortcut] = {"A": zero_padding, "B": projection_where_needed, "C": projection}


def two_convolutions(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """기본 블록의 잔차 갈래(그림 5 왼쪽). 크기는 첫 합성곱에서 줄인다."""
    return nn.Sequential(*conv_bn(c_in, c_out, 3, stride), nn.ReLU(), *conv_bn(c_out, c_out, 3))


class BasicBlock(nn.Module):
    """3x3 합성곱 둘과 지름길 연결(그림 5 왼쪽). (N, c_in, H, W) -> (N, c_out, H/stride, W/stride)."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1, shortcut: Shortcut = SHORTCUTS["B"]) -> None:
        super().__init__()
        self.residual = two_convolutions(c_in, c_out, stride)
        self.shortcut = shortcut(c_in, c_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x) + self.shortcut(x))


CifarBlock = partial(BasicBlock, shortcut=SHORTCUTS["A"])  # 4.2절: CIFAR-10에서는 모두 A를 쓴다


class PlainBlock(nn.Module):
    """BasicBlock에서 지름길 연결을 뺀 것. 이름이 같아서 BasicBlock의 잔차 갈래와 가중치를 주고받을 수 있다."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.residual = two_convolutions(c_in, c_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x))


class Bottleneck(nn.Module):
    """1x1로 채널을 c_out / 4까지 줄여 3x3을 하고 1x1로 되돌리는 병목 블록(그림 5 오른쪽).

    stride_in_3x3: False이면 논문처럼 첫 1x1에서, True이면 3x3에서 크기를 줄인다.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        stride: int = 1,
        shortcut: Shortcut = SHORTCUTS["B"],
        stride_in_3x3: bool = False,
    ) -> None:
        super().__init__()
        width = c_out // 4
        first, second = (1, stride) if stride_in_3x3 else (stride, 1)
        self.residual = nn.Sequential(
            *conv_bn(c_in, width, 1, first),
            nn.ReLU(),
            *conv_bn(width, width, 3, second),
            nn.ReLU(),
            *conv_bn(width, c_out, 1),
        )
        self.shortcut = shortcut(c_in, c_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x) + self.shortcut(x))


class ResNet(nn.Sequential):
    """앞부분, 블록을 쌓은 단계들(conv2_x, conv3_x, ...), 전역 평균 풀링, 완전 연결.

    block: (입력 채널, 출력 채널, stride)를 받아 블록을 만드는 함수나 클래스.
    depths, channels: 단계마다 블록의 수와 출력 채널. 둘째 단계부터 첫 블록이 크기를 절반으로 줄인다.
    stem: 채널 수를 받아 앞부분을 만드는 함수.
    입력 (N, 3, H, W), 출력 (N, num_classes) 로짓.
    """

    def __init__(
        self,
        block: Block,
        depths: Sequence[int],
        channels: Sequence[int],
        stem: Callable[[int], nn.Module] = imagenet_stem,
        stem_channels: int = 64,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()  # 주석의 형태: ImageNet용 50층 이상, 입력 224x224
        self.stem = stem(stem_channels)  # (N, 64, 56, 56)
        c_in, stride = stem_channels, 1
        for number, (depth, c_out) in enumerate(zip(depths, channels, strict=True), start=2):
            # (N, 256, 56, 56), (N, 512, 28, 28), (N, 1024, 14, 14), (N, 2048, 7, 7)
            self.add_module(f"conv{number}_x", stage(block, depth, c_in, c_out, stride))
            c_in, stride = c_out, 2
        self.pool = nn.AdaptiveAvgPool2d(1)  # 전역 평균 풀링: (N, 2048, 1, 1)
        self.flatten = nn.Flatten()  # (N, 2048)
        self.fc = nn.Linear(c_in, num_classes)
        he_init(self)


def stage(block: Block, depth: int, c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """블록 depth개. 첫 블록만 채널과 크기를 바꾼다."""
    return nn.Sequential(block(c_in, c_out, stride), *(block(c_out, c_out, 1) for _ in range(depth - 1)))


def resnet_cifar(n: int, block: Block, num_classes: int = 10) -> ResNet:
    """32x32용 6n+2층(4.2절): 3x3 합성곱, 크기 32, 16, 8에서 블록 n개씩, 완전 연결. 입력 3x32x32."""
    return ResNet(block, (n, n, n), CIFAR_CHANNELS, cifar_stem, stem_channels=16, num_classes=num_classes)


def resnet18(num_classes: int = 1000) -> ResNet:
    """ResNet-18(표 1), 지름길은 B(표 2는 A로 잰 것이다). 입력 3x224x224, 매개변수 11,689,512개."""
    return ResNet(BasicBlock, DEPTHS[18], BASIC_CHANNELS, num_classes=num_classes)


def resnet34(num_classes: int = 1000) -> ResNet:
    """ResNet-34(표 1), 지름길은 B(표 3의 ResNet-34 B). 입력 3x224x224, 매개변수 21,797,672개."""
    return ResNet(BasicBlock, DEPTHS[34], BASIC_CHANNELS, num_classes=num_classes)


def resnet50(num_classes: int = 1000) -> ResNet:
    """ResNet-50(표 1): 크기를 첫 1x1에서 줄인다. 입력 3x224x224, 매개변수 25,557,032개."""
    return ResNet(Bottleneck, DEPTHS[50], BOTTLENECK_CHANNELS, num_classes=num_classes)


def resnet50_v1_5(num_classes: int = 1000) -> ResNet:
    """크기를 3x3에서 줄이는 ResNet-50: 오늘날 흔히 쓰는 것. 입력 3x224x224, 매개변수 25,557,032개."""
    block = partial(Bottleneck, stride_in_3x3=True)  # 논문은 첫 1x1: 그러면 네 화소 가운데 셋을 보지 않고 버린다
    return ResNet(block, DEPTHS[50], BOTTLENECK_CHANNELS, num_classes=num_classes)


def resnet101(num_classes: int = 1000) -> ResNet:
    """ResNet-101(표 1). 입력 3x224x224, 매개변수 44,549,160개."""
    return ResNet(Bottleneck, DEPTHS[101], BOTTLENECK_CHANNELS, num_classes=num_classes)


def resnet152(num_classes: int = 1000) -> ResNet:
    """ResNet-152(표 1). 입력 3x224x224, 매개변수 60,192,808개."""
    return ResNet(Bottleneck, DEPTHS[152], BOTTLENECK_CHANNELS, num_classes=num_classes)


def resnet20_cifar(num_classes: int = 10) -> ResNet:
    """ResNet-20(표 6). 입력 3x32x32, 매개변수 269,722개."""
    return resnet_cifar(3, CifarBlock, num_classes)


def resnet32_cifar(num_classes: int = 10) -> ResNet:
    """ResNet-32(표 6). 입력 3x32x32, 매개변수 464,154개."""
    return resnet_cifar(5, CifarBlock, num_classes)


def resnet44_cifar(num_classes: int = 10) -> ResNet:
    """ResNet-44(표 6). 입력 3x32x32, 매개변수 658,586개."""
    return resnet_cifar(7, CifarBlock, num_classes)


def resnet56_cifar(num_classes: int = 10) -> ResNet:
    """ResNet-56(표 6). 입력 3x32x32, 매개변수 853,018개."""
    return resnet_cifar(9, CifarBlock, num_classes)


def resnet110_cifar(num_classes: int = 10) -> ResNet:
    """ResNet-110(표 6). 입력 3x32x32, 매개변수 1,727,962개."""
    return resnet_cifar(18, CifarBlock, num_classes)


def resnet1202_cifar(num_classes: int = 10) -> ResNet:
    """ResNet-1202(표 6). 입력 3x32x32, 매개변수 19,421,274개."""
    return resnet_cifar(200, CifarBlock, num_classes)


def plain20_cifar(num_classes: int = 10) -> ResNet:
    """지름길 연결이 없는 20층(그림 6 왼쪽). 입력 3x32x32, 매개변수 269,722개(ResNet-20과 같다)."""
    return resnet_cifar(3, PlainBlock, num_classes)


def plain56_cifar(num_classes: int = 10) -> ResNet:
    """지름길 연결이 없는 56층(그림 6 왼쪽). 입력 3x32x32, 매개변수 853,018개(ResNet-56과 같다)."""
    return resnet_cifar(9, PlainBlock, num_classes)
