"""MobileNet-v1과 v2.

Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 표 1.
Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 표 1, 표 2.
"""

from collections.abc import Callable

from torch import Tensor, nn

from cnnlab.layers import conv_bn, he_init

# v1의 표 1: 깊이별 분리 합성곱마다 (출력 채널, stride).
# 마지막 것의 stride를 표는 2로 적었지만 그 앞뒤의 크기가 모두 7x7이므로 1이다
V1_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)
# v2의 표 2: (확장 비율 t, 출력 채널 c, 되풀이 n, 첫 블록의 stride s)
V2_BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def separable_conv(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """깊이별 분리 합성곱: 채널마다 3x3 하나, 그다음 1x1로 채널을 섞는다(v1의 그림 3 오른쪽).

    (N, c_in, H, W) -> (N, c_out, H/stride, W/stride).
    """
    return nn.Sequential(
        *conv_bn(c_in, c_in, 3, stride, groups=c_in),  # 깊이별(depthwise)
        nn.ReLU(),
        *conv_bn(c_in, c_out, 1),  # 점별(pointwise)
        nn.ReLU(),
    )


def full_conv(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """견주어 볼 보통의 3x3 합성곱(v1의 그림 3 왼쪽, 표 4의 Conv MobileNet)."""
    return nn.Sequential(*conv_bn(c_in, c_out, 3, stride), nn.ReLU())


class MobileNetV1(nn.Sequential):
    """3x3 합성곱 하나, 깊이별 분리 합성곱 13개, 전역 평균 풀링, 완전 연결.

    width: 모든 층의 채널에 곱하는 수(논문의 α). stem_stride: 첫 합성곱의 stride.
    block: (입력 채널, 출력 채널, stride)로 블록을 만드는 함수. separable_conv나 full_conv.
    입력 (N, 3, H, W), 출력 (N, num_classes) 로짓.
    """

    def __init__(
        self,
        width: float = 1.0,
        stem_stride: int = 2,
        block: Callable[[int, int, int], nn.Module] = separable_conv,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()  # 주석의 형태: width 1, 입력 224x224
        c_in = max(1, int(32 * width))
        self.stem = nn.Sequential(*conv_bn(3, c_in, 3, stem_stride), nn.ReLU())  # (N, 32, 112, 112)
        for number, (channels, stride) in enumerate(V1_BLOCKS, start=1):
            c_out = max(1, int(channels * width))
            self.add_module(f"block{number}", block(c_in, c_out, stride))  # (N, 64, 112, 112) ... (N, 1024, 7, 7)
            c_in = c_out
        self.pool = nn.AdaptiveAvgPool2d(1)  # (N, 1024, 1, 1)
        self.flatten = nn.Flatten()  # (N, 1024)
        self.fc = nn.Linear(c_in, num_classes)
        he_init(self)


class Residual(nn.Module):
    """x + F(x). 덧셈 뒤에는 아무것도 없다."""

    def __init__(self, residual: nn.Module) -> None:
        super().__init__()
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + x


def inverted_bottleneck(c_in: int, c_out: int, stride: int, expansion: int) -> nn.Sequential:
    """1x1로 넓히고, 깊이별 3x3을 하고, 활성화 없이 1x1로 좁힌다(v2의 표 1).

    좁은 곳에는 ReLU6이 없다(linear bottleneck): 채널이 적으면 잘라 낸 정보를 다른 채널이 대신하지 못한다.
    """
    width = expansion * c_in
    expand = [*conv_bn(c_in, width, 1), nn.ReLU6()] if expansion > 1 else []  # 첫 블록은 넓히지 않는다
    return nn.Sequential(
        *expand, *conv_bn(width, width, 3, stride, groups=width), nn.ReLU6(), *conv_bn(width, c_out, 1)
    )


def inverted_residual(c_in: int, c_out: int, stride: int, expansion: int) -> nn.Module:
    """형태가 그대로이면 좁은 곳끼리 지름길로 잇고, 바뀌면 지름길이 없다(v2의 그림 4(d))."""
    block = inverted_bottleneck(c_in, c_out, stride, expansion)
    return Residual(block) if (c_in, stride) == (c_out, 1) else block


def multiple_of_8(channels: float) -> int:
    """가장 가까운 8의 배수. 10% 넘게 줄면 하나 위의 배수. 논문에는 없고 저자들의 코드가 이렇게 고른다."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


class MobileNetV2(nn.Sequential):
    """3x3 합성곱, 뒤집은 잔차 블록 17개, 1x1 합성곱, 전역 평균 풀링, 완전 연결.

    width: 채널에 곱하는 수. 마지막 1x1 합성곱은 줄이지 않는다(1보다 작으면 1로 본다, 4절).
    입력 (N, 3, H, W), 출력 (N, num_classes) 로짓.
    """

    def __init__(self, width: float = 1.0, num_classes: int = 1000) -> None:
        super().__init__()  # 주석의 형태: width 1, 입력 224x224
        c_in, last = multiple_of_8(32 * width), multiple_of_8(1280 * max(1.0, width))
        self.stem = nn.Sequential(*conv_bn(3, c_in, 3, stride=2), nn.ReLU6())  # (N, 32, 112, 112)
        for number, (expansion, channels, repeats, stride) in enumerate(V2_BLOCKS, start=1):
            c_out = multiple_of_8(channels * width)
            blocks = [inverted_residual(c_in, c_out, stride, expansion)]
            blocks += [inverted_residual(c_out, c_out, 1, expansion) for _ in range(repeats - 1)]
            self.add_module(f"stage{number}", nn.Sequential(*blocks))  # (N, 16, 112, 112) ... (N, 320, 7, 7)
            c_in = c_out
        self.last = nn.Sequential(*conv_bn(c_in, last, 1), nn.ReLU6())  # (N, 1280, 7, 7)
        self.pool = nn.AdaptiveAvgPool2d(1)  # (N, 1280, 1, 1)
        self.flatten = nn.Flatten()  # (N, 1280)
        self.fc = nn.Linear(last, num_classes)
        he_init(self)


def mobilenet_v1(num_classes: int = 1000, width: float = 1.0) -> MobileNetV1:
    """MobileNet-v1(표 1). 입력 3x224x224, 매개변수 4,231,976개."""
    return MobileNetV1(width, num_classes=num_classes)


def mobilenet_v2(num_classes: int = 1000, width: float = 1.0) -> MobileNetV2:
    """MobileNet-v2(표 2). 입력 3x224x224, 매개변수 3,504,872개."""
    return MobileNetV2(width, num_classes)


def mobilenet_v1_cifar(num_classes: int = 10, width: float = 1.0) -> MobileNetV1:
    """32x32용 MobileNet-v1: 크기를 네 번만 줄인다. 입력 3x32x32, 매개변수 3,217,226개."""
    return MobileNetV1(width, stem_stride=1, num_classes=num_classes)  # 논문은 2: 그러면 마지막 특징 맵이 1x1이다
