"""ResNeXt: 병목 블록의 3x3을 그룹 합성곱으로 바꾼 ResNet.

Xie, Girshick, Dollár, Tu, He 2017, "Aggregated Residual Transformations for Deep Neural Networks", 표 1, 그림 3(c).
"""

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.layers import cifar_stem, conv_bn
from cnnlab.models.resnet import BOTTLENECK_CHANNELS, DEPTHS, ResNet, projection_where_needed

CIFAR_CHANNELS = (256, 512, 1024)  # 5.3절: 첫 합성곱은 64


class ResNeXtBlock(nn.Module):
    """좁은 병목 cardinality개를 나란히 두고 더한 블록. 그룹 합성곱 하나로 적는다(그림 3(c)).

    cardinality: 나란한 길의 수(그룹의 수). width: conv2_x(c_out 256)에서 길 하나의 채널 수이고, 단계마다 두 배가 된다.
    32x4d는 cardinality=32, width=4다. cardinality=1, width=64이면 처음의 병목 블록이 된다.
    (N, c_in, H, W) -> (N, c_out, H/stride, W/stride).
    """

    def __init__(self, c_in: int, c_out: int, stride: int = 1, cardinality: int = 32, width: int = 4) -> None:
        super().__init__()
        inner = cardinality * max(1, width * c_out // 256)  # 32x4d의 conv2_x: 128
        self.residual = nn.Sequential(
            *conv_bn(c_in, inner, 1),
            nn.ReLU(),
            *conv_bn(inner, inner, 3, stride, groups=cardinality),  # 처음 ResNet과 달리 3x3에서 크기를 줄인다(4절)
            nn.ReLU(),
            *conv_bn(inner, c_out, 1),
        )
        self.shortcut = projection_where_needed(c_in, c_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x) + self.shortcut(x))


def resnext50_32x4d(num_classes: int = 1000) -> ResNet:
    """ResNeXt-50 32x4d(표 1). 입력 3x224x224, 매개변수 25,028,904개."""
    return ResNet(ResNeXtBlock, DEPTHS[50], BOTTLENECK_CHANNELS, num_classes=num_classes)


def resnext29_cifar(num_classes: int = 10, cardinality: int = 8, width: int = 64) -> ResNet:
    """ResNeXt-29 8x64d(5.3절, 표 7). 입력 3x32x32, 매개변수 34,426,698개."""
    block = partial(ResNeXtBlock, cardinality=cardinality, width=width)
    return ResNet(block, (3, 3, 3), CIFAR_CHANNELS, cifar_stem, stem_channels=64, num_classes=num_classes)
