"""DenseNet: 앞의 모든 특징 맵을 이어 붙여 다음 층에 주는 신경망.

Huang, Liu, van der Maaten, Weinberger 2017, "Densely Connected Convolutional Networks", 3절, 표 1(ImageNet),
표 2(CIFAR-10).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from cnnlab.layers import conv, he_init, imagenet_stem

# 표 1: 이름 -> (밀집 블록마다 층의 수, 성장률). 표의 161층은 성장률이 48이고 나머지는 32다
CONFIGS = {
    121: ((6, 12, 24, 16), 32),
    169: ((6, 12, 32, 32), 32),
    201: ((6, 12, 48, 32), 32),
    161: ((6, 12, 36, 24), 48),
}


def plain_layer(c_in: int, growth_rate: int) -> nn.Sequential:
    """H_l: 배치 정규화, ReLU, 3x3 합성곱(3절의 Composite function)."""
    return nn.Sequential(nn.BatchNorm2d(c_in), nn.ReLU(), conv(c_in, growth_rate, 3))


def bottleneck_layer(c_in: int, growth_rate: int) -> nn.Sequential:
    """병목이 있는 H_l: 3x3 앞에서 1x1이 채널을 성장률의 4배로 줄인다(DenseNet-B)."""
    width = 4 * growth_rate
    reduce = [nn.BatchNorm2d(c_in), nn.ReLU(), conv(c_in, width, 1)]
    return nn.Sequential(*reduce, *plain_layer(width, growth_rate))


class DenseLayer(nn.Module):
    """새 특징 맵을 만들어 지금까지의 것 뒤에 이어 붙인다(식 (2)).

    new_maps: 논문의 H_l. (N, c_in, H, W) -> (N, c_in + growth_rate, H, W).
    """

    def __init__(self, new_maps: nn.Module) -> None:
        super().__init__()
        self.new_maps = new_maps

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.new_maps(x)], dim=1)


def transition(c_in: int, c_out: int) -> nn.Sequential:
    """밀집 블록 사이: 1x1 합성곱으로 채널을, 2x2 평균 풀링으로 크기를 줄인다. (N, c_out, H/2, W/2)."""
    # 논문의 글에는 ReLU가 없지만 저자들의 코드에는 있다
    return nn.Sequential(nn.BatchNorm2d(c_in), nn.ReLU(), conv(c_in, c_out, 1), nn.AvgPool2d(2))


class DenseNet(nn.Sequential):
    """앞부분, 밀집 블록과 그 사이의 줄이는 층(transition), 전역 평균 풀링, 완전 연결.

    depths: 밀집 블록마다 층의 수. growth_rate: 층 하나가 더하는 채널의 수(논문의 k).
    layer: (입력 채널, 성장률)로 H_l을 만드는 함수. plain_layer나 bottleneck_layer.
    compression: 블록 사이에서 남기는 채널의 비율(논문의 θ).
    stem, stem_channels: 앞부분과 그 출력 채널. 생략하면 ImageNet용, 성장률의 두 배다.
    입력 (N, 3, H, W), 출력 (N, num_classes) 로짓.
    """

    def __init__(
        self,
        depths: Sequence[int],
        growth_rate: int,
        layer: Callable[[int, int], nn.Module] = bottleneck_layer,
        compression: float = 0.5,
        stem: Callable[[int], nn.Module] = imagenet_stem,
        stem_channels: int | None = None,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()  # 주석의 형태: DenseNet-121, 입력 224x224
        channels = stem_channels or 2 * growth_rate
        self.stem = stem(channels)  # (N, 64, 56, 56)
        for number, depth in enumerate(depths, start=1):
            # (N, 256, 56, 56), (N, 512, 28, 28), (N, 1024, 14, 14), (N, 1024, 7, 7)
            inputs = [channels + growth_rate * step for step in range(depth)]
            layers = [DenseLayer(layer(c_in, growth_rate)) for c_in in inputs]
            self.add_module(f"block{number}", nn.Sequential(*layers))
            channels += growth_rate * depth
            if number < len(depths):
                kept = int(compression * channels)
                self.add_module(f"transition{number}", transition(channels, kept))  # (N, 128, 28, 28), ...
                channels = kept
        self.activation = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)  # (N, 1024, 1, 1)
        self.flatten = nn.Flatten()  # (N, 1024)
        self.fc = nn.Linear(channels, num_classes)
        he_init(self)


def cifar_conv(c_out: int) -> nn.Module:
    """32x32용 앞부분: 3x3 합성곱. 배치 정규화와 ReLU는 첫 층의 맨 앞에 있다."""
    return conv(3, c_out, 3)


def densenet_imagenet(depth: int, num_classes: int) -> DenseNet:
    """표 1의 신경망. depth는 CONFIGS의 이름."""
    depths, growth_rate = CONFIGS[depth]
    return DenseNet(depths, growth_rate, num_classes=num_classes)


def densenet121(num_classes: int = 1000) -> DenseNet:
    """DenseNet-121(표 1). 입력 3x224x224, 매개변수 7,978,856개."""
    return densenet_imagenet(121, num_classes)


def densenet169(num_classes: int = 1000) -> DenseNet:
    """DenseNet-169(표 1). 입력 3x224x224, 매개변수 14,149,480개."""
    return densenet_imagenet(169, num_classes)


def densenet201(num_classes: int = 1000) -> DenseNet:
    """DenseNet-201(표 1). 입력 3x224x224, 매개변수 20,013,928개."""
    return densenet_imagenet(201, num_classes)


def densenet161(num_classes: int = 1000) -> DenseNet:
    """DenseNet-161(표 1), 성장률 48. 입력 3x224x224, 매개변수 28,681,000개."""
    return densenet_imagenet(161, num_classes)


def densenet40_cifar(num_classes: int = 10, growth_rate: int = 12) -> DenseNet:
    """병목도 압축도 없는 DenseNet, L=40, k=12(표 2). 입력 3x32x32, 매개변수 1,019,722개."""
    return DenseNet((12, 12, 12), growth_rate, plain_layer, 1.0, cifar_conv, 16, num_classes)


def densenet_bc100_cifar(num_classes: int = 10, growth_rate: int = 12, compression: float = 0.5) -> DenseNet:
    """DenseNet-BC, L=100, k=12(표 2). 입력 3x32x32, 매개변수 769,162개."""
    return DenseNet((16, 16, 16), growth_rate, bottleneck_layer, compression, cifar_conv, num_classes=num_classes)
