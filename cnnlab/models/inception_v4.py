"""Inception-v4와 Inception-ResNet-v2, 그리고 CIFAR-10용 형제.

Szegedy, Ioffe, Vanhoucke, Alemi 2017, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
Learning", 그림 3-9(Inception-v4), 그림 15-19(Inception-ResNet-v2), 표 1(줄이는 블록의 채널).

그림의 V 표시가 있는 합성곱은 패딩이 없고, 없는 것은 크기를 지킨다. 합성곱마다 배치 정규화와 ReLU가 따른다.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kernel = int | tuple[int, int]

# 표 1: 35x35를 17x17로 줄이는 블록의 k, l, m, n
REDUCTION_A = {"inception_v4": (192, 224, 256, 384), "inception_resnet_v2": (256, 256, 384, 384)}


def conv(c_in: int, c_out: int, kernel: Kernel, stride: int = 1, valid: bool = False) -> nn.Sequential:
    """합성곱, 배치 정규화, ReLU. valid: 그림의 V, 곧 패딩이 없다."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (0, 0) if valid else (sides[0] // 2, sides[1] // 2)
    return nn.Sequential(nn.Conv2d(c_in, c_out, sides, stride, padding, bias=False), nn.BatchNorm2d(c_out), nn.ReLU())


def convs(c_in: int, *layers: tuple[int, Kernel]) -> nn.Sequential:
    """(출력 채널, 커널)의 차례로 이은 합성곱. 커널 (1, 7)은 세로 1, 가로 7이다."""
    sequence = nn.Sequential()
    for number, (c_out, kernel) in enumerate(layers):
        sequence.add_module(str(number), conv(c_in, c_out, kernel))
        c_in = c_out
    return sequence


class Branches(nn.Module):
    """갈래를 나란히 지나 채널로 이어 붙인다. 갈래의 출력은 높이와 너비가 같아야 한다."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Residual(nn.Module):
    """Inception-ResNet의 블록: ReLU(x + scale · 1x1(갈래들)). 1x1 뒤에는 활성화가 없다(3.2절).

    scale: 잔차를 더하기 전에 곱하는 값. 채널이 많으면 0.1-0.3으로 줄여야 학습이 무너지지 않는다(3.3절).
    """

    def __init__(self, c_in: int, branches: Branches, c_branches: int, scale: float) -> None:
        super().__init__()
        self.branches = branches
        self.project = nn.Conv2d(c_branches, c_in, 1)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.scale * self.project(self.branches(x)))


def pool_and_conv(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), conv(c_in, c_out, 1))


def shrink() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2)


def stem() -> nn.Sequential:
    """그림 3. (N, 3, 299, 299) -> (N, 384, 35, 35)."""
    return nn.Sequential(
        conv(3, 32, 3, stride=2, valid=True),  # 149x149
        conv(32, 32, 3, valid=True),  # 147x147
        conv(32, 64, 3),
        Branches(shrink(), conv(64, 96, 3, stride=2, valid=True)),  # 160x73x73
        Branches(
            nn.Sequential(conv(160, 64, 1), conv(64, 96, 3, valid=True)),
            nn.Sequential(*convs(160, (64, 1), (64, (7, 1)), (64, (1, 7))), conv(64, 96, 3, valid=True)),
        ),  # 192x71x71
        Branches(conv(192, 192, 3, stride=2, valid=True), shrink()),  # 384x35x35
    )


def inception_a(c_in: int = 384) -> Branches:
    """그림 4. 35x35, 채널 384."""
    return Branches(
        pool_and_conv(c_in, 96),
        conv(c_in, 96, 1),
        convs(c_in, (64, 1), (96, 3)),
        convs(c_in, (64, 1), (96, 3), (96, 3)),
    )


def reduction_a(c_in: int, channels: tuple[int, int, int, int]) -> Branches:
    """그림 7. 35x35 -> 17x17. channels: 표 1의 (k, l, m, n)."""
    k, l, m, n = channels  # noqa: E741  표 1의 이름
    return Branches(
        shrink(),
        conv(c_in, n, 3, stride=2, valid=True),
        nn.Sequential(*convs(c_in, (k, 1), (l, 3)), conv(l, m, 3, stride=2, valid=True)),
    )


def inception_b(c_in: int = 1024) -> Branches:
    """그림 5. 17x17, 채널 1024. 7x7을 1x7과 7x1로 나누었다."""
    return Branches(
        pool_and_conv(c_in, 128),
        conv(c_in, 384, 1),
        convs(c_in, (192, 1), (224, (1, 7)), (256, (7, 1))),
        convs(c_in, (192, 1), (192, (1, 7)), (224, (7, 1)), (224, (1, 7)), (256, (7, 1))),
    )


def reduction_b(c_in: int = 1024) -> Branches:
    """그림 8. 17x17 -> 8x8, 채널 1536."""
    return Branches(
        shrink(),
        nn.Sequential(conv(c_in, 192, 1), conv(192, 192, 3, stride=2, valid=True)),
        nn.Sequential(*convs(c_in, (256, 1), (256, (1, 7)), (320, (7, 1))), conv(320, 320, 3, stride=2, valid=True)),
    )


def inception_c(c_in: int = 1536) -> Branches:
    """그림 6. 8x8, 채널 1536. 1x3과 3x1을 잇지 않고 나란히 둔다."""
    return Branches(
        pool_and_conv(c_in, 256),
        conv(c_in, 256, 1),
        nn.Sequential(conv(c_in, 384, 1), Branches(conv(384, 256, (1, 3)), conv(384, 256, (3, 1)))),
        nn.Sequential(
            *convs(c_in, (384, 1), (448, (1, 3)), (512, (3, 1))),
            Branches(conv(512, 256, (1, 3)), conv(512, 256, (3, 1))),
        ),
    )


def residual_a(c_in: int = 384, scale: float = 0.17) -> Residual:
    """그림 16. 35x35."""
    branches = Branches(conv(c_in, 32, 1), convs(c_in, (32, 1), (32, 3)), convs(c_in, (32, 1), (48, 3), (64, 3)))
    return Residual(c_in, branches, 128, scale)


def residual_b(c_in: int = 1152, scale: float = 0.1) -> Residual:
    """그림 17. 17x17. 그림에는 1154로 적혀 있지만 앞의 블록이 내는 채널은 1152다."""
    branches = Branches(conv(c_in, 192, 1), convs(c_in, (128, 1), (160, (1, 7)), (192, (7, 1))))
    return Residual(c_in, branches, 384, scale)


def residual_reduction_b(c_in: int = 1152) -> Branches:
    """그림 18. 17x17 -> 8x8, 채널 2144."""
    return Branches(
        shrink(),
        nn.Sequential(conv(c_in, 256, 1), conv(256, 384, 3, stride=2, valid=True)),
        nn.Sequential(conv(c_in, 256, 1), conv(256, 288, 3, stride=2, valid=True)),
        nn.Sequential(*convs(c_in, (256, 1), (288, 3)), conv(288, 320, 3, stride=2, valid=True)),
    )


def residual_c(c_in: int = 2144, scale: float = 0.2) -> Residual:
    """그림 19. 8x8. 그림에는 2048로 적혀 있지만 앞의 블록이 내는 채널은 2144다."""
    branches = Branches(conv(c_in, 192, 1), convs(c_in, (192, 1), (224, (1, 3)), (256, (3, 1))))
    return Residual(c_in, branches, 448, scale)


def classifier(channels: int, num_classes: int) -> nn.Sequential:
    """전역 평균 풀링, 20% 드롭아웃, 완전 연결."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels, num_classes))


class InceptionV4(nn.Sequential):
    """그림 9: 잔차 연결이 없다. 입력 (N, 3, 299, 299), 출력 (N, num_classes) 로짓."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = stem()  # (N, 384, 35, 35)
        self.inception_a = repeat(inception_a, 4)
        self.reduction_a = reduction_a(384, REDUCTION_A["inception_v4"])  # (N, 1024, 17, 17)
        self.inception_b = repeat(inception_b, 7)
        self.reduction_b = reduction_b()  # (N, 1536, 8, 8)
        self.inception_c = repeat(inception_c, 3)
        self.classifier = classifier(1536, num_classes)


class InceptionResNetV2(nn.Sequential):
    """그림 15: Inception 블록마다 지름길이 있다. 입력 (N, 3, 299, 299), 출력 (N, num_classes) 로짓.

    논문과 다른 점: 잔차에 곱하는 값(논문은 0.1과 0.3 사이라고만 했다).
    널리 쓰이는 구현(매개변수 5,584만 개)은 앞부분과 블록의 수(10, 20, 10)가 논문의 그림과 다르다.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = stem()  # (N, 384, 35, 35)
        self.residual_a = repeat(residual_a, 5)
        self.reduction_a = reduction_a(384, REDUCTION_A["inception_resnet_v2"])  # (N, 1152, 17, 17)
        self.residual_b = repeat(residual_b, 10)
        self.reduction_b = residual_reduction_b()  # (N, 2144, 8, 8)
        self.residual_c = repeat(residual_c, 5)
        self.classifier = classifier(2144, num_classes)


def repeat(block: Callable[[], nn.Module], count: int) -> nn.Sequential:
    return nn.Sequential(*(block() for _ in range(count)))


# --- CIFAR-10용


def small_a(c: int) -> Branches:
    """그림 4를 1/4 채널로. c는 들어오고 나가는 채널이다."""
    q = c // 4
    return Branches(
        pool_and_conv(c, q), conv(c, q, 1), convs(c, (q // 2, 1), (q, 3)), convs(c, (q // 2, 1), (q, 3), (q, 3))
    )


def small_b(c: int) -> Branches:
    """그림 5를 작게, 7 대신 5: 16x16에서는 그것으로 넉넉하다."""
    q = c // 4
    return Branches(
        pool_and_conv(c, q),
        conv(c, q, 1),
        convs(c, (q // 2, 1), (q // 2, (1, 5)), (q, (5, 1))),
        convs(c, (q // 2, 1), (q // 2, (1, 5)), (q // 2, (5, 1)), (q, (1, 5))),
    )


def small_c(c: int) -> Branches:
    """그림 6을 작게."""
    q = c // 4
    pair = (conv(q, q // 2, (1, 3)), conv(q, q // 2, (3, 1)))
    return Branches(
        pool_and_conv(c, q), conv(c, q, 1), nn.Sequential(conv(c, q, 1), Branches(*pair)), convs(c, (q, 1), (q, 3))
    )


def residual_of(block: Callable[[int], Branches], c: int) -> Residual:
    """같은 갈래에 지름길을 더한 것. 채널이 적으므로 잔차를 줄이지 않는다."""
    return Residual(c, block(c), c, scale=1.0)


class CifarInception(nn.Sequential):
    """32x32용. 입력 (N, 3, 32, 32), 출력 (N, num_classes) 로짓.

    residual이 참이면 Inception-ResNet처럼 블록마다 지름길을 둔다: 나머지는 같으므로 지름길의 값어치를 견줄 수 있다.
    논문과 다른 점: 앞부분이 3x3 합성곱 하나, 블록 셋, 줄이는 블록은 풀링과 stride 2 합성곱 두 갈래뿐이다.
    """

    def __init__(self, num_classes: int = 10, residual: bool = False) -> None:
        super().__init__()
        make = residual_of if residual else lambda block, c: block(c)
        self.stem = conv(3, 32, 3)  # (N, 32, 32, 32)
        self.reduction_0 = small_reduction(32, 32)  # (N, 64, 16, 16)
        self.inception_a = make(small_a, 64)
        self.inception_b = make(small_b, 64)
        self.reduction_a = small_reduction(64, 64)  # (N, 128, 8, 8)
        self.inception_c = make(small_c, 128)
        self.classifier = classifier(128, num_classes)


def small_reduction(c_in: int, c_out: int) -> Branches:
    """(N, c_in, H, W) -> (N, c_in + c_out, H/2, W/2)."""
    return Branches(nn.MaxPool2d(2), conv(c_in, c_out, 3, stride=2))


def inception_v4(num_classes: int = 1000) -> InceptionV4:
    """그림 9의 Inception-v4. 입력 3x299x299, 매개변수 42,679,816개."""
    return InceptionV4(num_classes)


def inception_resnet_v2(num_classes: int = 1000) -> InceptionResNetV2:
    """그림 15의 Inception-ResNet-v2. 입력 3x299x299, 매개변수 32,433,928개."""
    return InceptionResNetV2(num_classes)


def inception_v4_cifar(num_classes: int = 10) -> CifarInception:
    """CIFAR-10용 형제. 입력 3x32x32, 매개변수 90,938개."""
    return CifarInception(num_classes)


def inception_resnet_cifar(num_classes: int = 10) -> CifarInception:
    """CIFAR-10용 형제에 지름길을 둔 것. 입력 3x32x32, 매개변수 115,770개."""
    return CifarInception(num_classes, residual=True)
