"""활성화를 앞에 둔(pre-activation) ResNet.

He, Zhang, Ren, Sun 2016, "Identity Mappings in Deep Residual Networks", 그림 4(e)와 부록(Implementation Details).
덧셈 뒤에 ReLU가 없으므로, 형태가 바뀌지 않는 블록들을 지나는 동안 x가 그대로 전해진다.
"""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from cnnlab.layers import cifar_stem, conv, he_init, imagenet_stem
from cnnlab.models.resnet import BASIC_CHANNELS, BOTTLENECK_CHANNELS, CIFAR_CHANNELS, DEPTHS, Shortcut, zero_padding

CIFAR_BOTTLENECK_CHANNELS = (64, 128, 256)  # ResNet-164: 첫 합성곱은 16

Convolutions = Callable[[int, int, int], list[nn.Module]]  # (입력 채널, 출력 채널, stride) -> 첫 활성화 뒤의 층들


def activation(channels: int) -> list[nn.Module]:
    """배치 정규화와 ReLU: 논문이 '활성화'라고 부르는 한 쌍."""
    return [nn.BatchNorm2d(channels), nn.ReLU()]


def basic(c_in: int, c_out: int, stride: int) -> list[nn.Module]:
    """3x3 합성곱 둘, 그 사이에 활성화."""
    return [conv(c_in, c_out, 3, stride), *activation(c_out), conv(c_out, c_out, 3)]


def bottleneck(c_in: int, c_out: int, stride: int) -> list[nn.Module]:
    """1x1, 3x3, 1x1 합성곱, 그 사이에 활성화. 크기는 첫 1x1에서 줄인다."""
    width = c_out // 4
    reduce, expand = conv(c_in, width, 1, stride), conv(width, c_out, 1)
    return [reduce, *activation(width), conv(width, width, 3), *activation(width), expand]


def projection_where_needed(c_in: int, c_out: int, stride: int) -> nn.Module:
    """형태가 바뀌는 곳은 1x1 합성곱, 나머지는 항등. 처음 ResNet과 달리 뒤에 배치 정규화가 없다."""
    return nn.Identity() if (c_in, stride) == (c_out, 1) else conv(c_in, c_out, 1, stride)


class PreActBlock(nn.Module):
    """배치 정규화와 ReLU가 합성곱 앞에 있는 잔차 블록(그림 4(e)). 덧셈 뒤에는 아무것도 없다.

    첫 활성화의 자리는 셋 가운데 하나다.
      대개: 잔차 갈래의 맨 앞. 지름길은 x 그대로다(shared는 항등).
      형태가 바뀌는 블록: 갈라지기 전(shared). 지름길도 활성화된 값을 받는다. 논문에는 없고 저자들의 코드가 그렇다.
      신경망의 첫 블록(first=True): 앞의 첫 합성곱(stem)이 이미 활성화를 마쳤으므로 없다(부록).
    (N, c_in, H, W) -> (N, c_out, H/stride, W/stride).
    """

    def __init__(
        self,
        convolutions: Convolutions,
        c_in: int,
        c_out: int,
        stride: int = 1,
        shortcut: Shortcut = projection_where_needed,
        first: bool = False,
    ) -> None:
        super().__init__()
        opening = [] if first else activation(c_in)
        shared, own = (opening, []) if (c_in, stride) != (c_out, 1) else ([], opening)
        self.shared = nn.Sequential(*shared)  # 비어 있으면 항등이다
        self.residual = nn.Sequential(*own, *convolutions(c_in, c_out, stride))
        self.shortcut = shortcut(c_in, c_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        x = self.shared(x)
        return self.residual(x) + self.shortcut(x)


class PreActResNet(nn.Sequential):
    """앞부분, 단계들(conv2_x, ...), 마지막 활성화, 전역 평균 풀링, 완전 연결.

    convolutions: 블록의 합성곱들(basic이나 bottleneck). depths, channels: 단계마다 블록의 수와 출력 채널.
    stem: 채널 수를 받아 앞부분을 만드는 함수. 활성화로 끝난다.
    입력 (N, 3, H, W), 출력 (N, num_classes) 로짓.
    """

    def __init__(
        self,
        convolutions: Convolutions,
        depths: Sequence[int],
        channels: Sequence[int],
        stem: Callable[[int], nn.Module] = imagenet_stem,
        stem_channels: int = 64,
        shortcut: Shortcut = projection_where_needed,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()  # 주석의 형태: 50층, 입력 224x224
        self.stem = stem(stem_channels)  # (N, 64, 56, 56)
        c_in, stride = stem_channels, 1
        for number, (depth, c_out) in enumerate(zip(depths, channels, strict=True), start=2):
            # (N, 256, 56, 56), (N, 512, 28, 28), (N, 1024, 14, 14), (N, 2048, 7, 7)
            blocks = [PreActBlock(convolutions, c_in, c_out, stride, shortcut, first=number == 2)]
            blocks += [PreActBlock(convolutions, c_out, c_out, 1, shortcut) for _ in range(depth - 1)]
            self.add_module(f"conv{number}_x", nn.Sequential(*blocks))
            c_in, stride = c_out, 2
        self.activation = nn.Sequential(*activation(c_in))  # 마지막 덧셈 뒤의 활성화(부록)
        self.pool = nn.AdaptiveAvgPool2d(1)  # (N, 2048, 1, 1)
        self.flatten = nn.Flatten()  # (N, 2048)
        self.fc = nn.Linear(c_in, num_classes)
        he_init(self)


def preact_resnet18(num_classes: int = 1000) -> PreActResNet:
    """활성화를 앞에 둔 ResNet-18(논문에는 없는 깊이). 입력 3x224x224, 매개변수 11,687,720개."""
    return PreActResNet(basic, DEPTHS[18], BASIC_CHANNELS, num_classes=num_classes)


def preact_resnet50(num_classes: int = 1000) -> PreActResNet:
    """활성화를 앞에 둔 ResNet-50(논문에는 없는 깊이). 입력 3x224x224, 매개변수 25,549,352개."""
    return PreActResNet(bottleneck, DEPTHS[50], BOTTLENECK_CHANNELS, num_classes=num_classes)


def preact_resnet20_cifar(num_classes: int = 10) -> PreActResNet:
    """resnet20_cifar에서 활성화만 옮긴 것: 지름길은 A. 입력 3x32x32, 매개변수 269,722개(ResNet-20과 같다)."""
    return _basic_cifar(3, num_classes)


def preact_resnet56_cifar(num_classes: int = 10) -> PreActResNet:
    """resnet56_cifar에서 활성화만 옮긴 것(논문에는 없는 깊이). 입력 3x32x32, 매개변수 853,018개."""
    return _basic_cifar(9, num_classes)


def preact_resnet110_cifar(num_classes: int = 10) -> PreActResNet:
    """resnet110_cifar에서 활성화만 옮긴 것(표 2의 e). 입력 3x32x32, 매개변수 1,727,962개."""
    return _basic_cifar(18, num_classes)


def _basic_cifar(n: int, num_classes: int) -> PreActResNet:
    return PreActResNet(basic, (n, n, n), CIFAR_CHANNELS, cifar_stem, 16, zero_padding, num_classes)


def preact_resnet164_cifar(num_classes: int = 10) -> PreActResNet:
    """ResNet-164(표 4): 병목 블록 18개씩, 층은 9n+2개. 입력 3x32x32, 매개변수 1,703,258개."""
    channels = CIFAR_BOTTLENECK_CHANNELS
    return PreActResNet(bottleneck, (18, 18, 18), channels, cifar_stem, 16, num_classes=num_classes)
