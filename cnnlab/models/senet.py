"""SE-ResNet: 채널마다 얼마나 통과시킬지를 그림 전체를 보고 정하는 ResNet.

Hu, Shen, Sun 2018, "Squeeze-and-Excitation Networks", 3절, 그림 3, 표 1.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.models.resnet import (
    BOTTLENECK_CHANNELS,
    DEPTHS,
    SHORTCUTS,
    BasicBlock,
    Bottleneck,
    ResNet,
    Shortcut,
    resnet_cifar,
)


class SqueezeExcitation(nn.Module):
    """채널마다 0과 1 사이의 값 하나를 곱한다. 그 값은 채널들의 전역 평균에서 계산한다.

    입력과 출력 (N, channels, H, W). reduction: 두 완전 연결 사이에서 채널을 줄이는 비율(논문의 r).
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)
        # 배치 정규화를 지난 z는 배치의 평균이 0에 가깝다. 편향이 0이면 그림마다 다른 은닉 유닛이 켜지지만,
        # PyTorch의 초깃값이면 편향의 부호가 모든 그림에서 켜짐과 꺼짐을 정해 버린다
        nn.init.zeros_(self.reduce.bias)
        nn.init.zeros_(self.expand.bias)

    def forward(self, x: Tensor) -> Tensor:
        z = x.mean(dim=(2, 3))  # 압축(squeeze), 식 (2): (N, C)
        s = torch.sigmoid(self.expand(F.relu(self.reduce(z))))  # 활성화(excitation), 식 (3): (N, C)
        return x * s[:, :, None, None]  # 크기 조정(scale), 식 (4)


class SEBottleneck(Bottleneck):
    """병목 블록의 잔차 갈래 끝, 덧셈 앞에 SE를 둔 것(그림 3). 크기는 첫 1x1에서 줄인다."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1, reduction: int = 16) -> None:
        super().__init__(c_in, c_out, stride)
        self.se = SqueezeExcitation(c_out, reduction)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.se(self.residual(x)) + self.shortcut(x))


class SEBasicBlock(BasicBlock):
    """기본 블록의 잔차 갈래 끝, 덧셈 앞에 SE를 둔 것."""

    def __init__(
        self, c_in: int, c_out: int, stride: int = 1, reduction: int = 16, shortcut: Shortcut = SHORTCUTS["B"]
    ) -> None:
        super().__init__(c_in, c_out, stride, shortcut)
        self.se = SqueezeExcitation(c_out, reduction)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.se(self.residual(x)) + self.shortcut(x))


def se_resnet50(num_classes: int = 1000, reduction: int = 16) -> ResNet:
    """SE-ResNet-50(표 1). 입력 3x224x224, 매개변수 28,088,024개."""
    block = partial(SEBottleneck, reduction=reduction)
    return ResNet(block, DEPTHS[50], BOTTLENECK_CHANNELS, num_classes=num_classes)


def se_resnet50_in(stages: Sequence[str], reduction: int = 16) -> ResNet:
    """stages의 단계에만 SE를 둔 SE-ResNet-50(표 13). stages: "conv2_x" ... "conv5_x" 가운데 몇."""
    model = se_resnet50(reduction=reduction)
    for name, stage in model.named_children():
        if name.startswith("conv") and name not in stages:
            for block in stage.children():
                block.se = nn.Identity()
    return model


def se_resnet20_cifar(num_classes: int = 10, reduction: int = 4) -> ResNet:
    """resnet20_cifar에 SE를 넣은 것. 입력 3x32x32, 매개변수 278,206개.

    reduction은 4다(논문은 16): 16채널을 16으로 나누면 은닉 유닛이 하나뿐이라, 채널들의 값이 따로 움직이지 못한다.
    """
    return resnet_cifar(3, partial(SEBasicBlock, reduction=reduction, shortcut=SHORTCUTS["A"]), num_classes)
