"""GoogLeNet: 여러 크기의 커널을 나란히 두고 이어 붙이는 Inception 모듈, 그리고 CIFAR-10용 형제.

Szegedy et al. 2015, "Going Deeper with Convolutions", 4절(Inception 모듈, 그림 2), 5절과 표 1(GoogLeNet, 그림 3).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnnlab.layers import LocalResponseNorm


class Widths(NamedTuple):
    """Inception 모듈 하나의 출력 채널. 표 1의 열 이름을 따른다: reduce는 3x3, 5x5 앞의 1x1이다."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool_proj: int

    @property
    def out_channels(self) -> int:
        return self.one + self.three + self.five + self.pool_proj


# 표 1의 inception 행: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
INCEPTIONS = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}


class Scores(NamedTuple):
    """보조 분류기가 있는 신경망이 학습 때 돌려주는 로짓, 셋 다 (N, 클래스)."""

    logits: Tensor
    aux1: Tensor
    aux2: Tensor


def conv_relu(c_in: int, c_out: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """합성곱과 ReLU. 패딩은 크기를 지키는 만큼. 편향이 있고 배치 정규화는 없다(논문보다 뒤에 나왔다)."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel_size, stride, padding=kernel_size // 2), nn.ReLU())


class Inception(nn.Module):
    """네 갈래를 나란히 지나 채널로 이어 붙인다(그림 2(b)). (N, c_in, H, W) -> (N, widths.out_channels, H, W)."""

    def __init__(self, c_in: int, widths: Widths) -> None:
        super().__init__()
        self.one = conv_relu(c_in, widths.one, 1)
        self.three = nn.Sequential(
            conv_relu(c_in, widths.three_reduce, 1), conv_relu(widths.three_reduce, widths.three, 3)
        )
        self.five = nn.Sequential(conv_relu(c_in, widths.five_reduce, 1), conv_relu(widths.five_reduce, widths.five, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv_relu(c_in, widths.pool_proj, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class NaiveInception(nn.Module):
    """1x1로 줄이지 않은 모듈(그림 2(a)). 풀링 갈래가 채널을 그대로 내보내므로 쌓을수록 채널이 늘어난다.

    (N, c_in, H, W) -> (N, widths.one + widths.three + widths.five + c_in, H, W).
    """

    def __init__(self, c_in: int, widths: Widths) -> None:
        super().__init__()
        self.one = conv_relu(c_in, widths.one, 1)
        self.three = conv_relu(c_in, widths.three, 3)
        self.five = conv_relu(c_in, widths.five, 5)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class AuxiliaryClassifier(nn.Module):
    """4a와 4d의 출력에서 갈라져 나온 작은 분류기(5절). (N, c_in, 14, 14) -> (N, num_classes)."""

    def __init__(self, c_in: int, num_classes: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(5, stride=3)  # 14x14 -> 4x4
        self.reduce = conv_relu(c_in, 128, 1)
        self.flatten = nn.Flatten()
        self.hidden = nn.Sequential(nn.Linear(128 * 4 * 4, 1024), nn.ReLU(), nn.Dropout(0.7))
        self.output = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduce(self.pool(x))  # (N, 128, 4, 4)
        return self.output(self.hidden(self.flatten(x)))


class GoogLeNet(nn.Module):
    """표 1의 22층. 입력 (N, 3, 224, 224), 출력 (N, num_classes) 로짓.

    논문과 다른 점: 초깃값은 PyTorch의 것이다. LRN의 자리는 그림 3을, 값은 AlexNet 논문을 따른다.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv_relu(3, 64, 7, stride=2),  # (N, 64, 112, 112)
            pool_3x3(),  # (N, 64, 56, 56)
            LocalResponseNorm(),
            conv_relu(64, 64, 1),  # 표 1의 "3x3 reduce"
            conv_relu(64, 192, 3),
            LocalResponseNorm(),
            pool_3x3(),  # (N, 192, 28, 28)
        )
        self.inception3a = Inception(192, INCEPTIONS["3a"])
        self.inception3b = Inception(256, INCEPTIONS["3b"])
        self.pool3 = pool_3x3()  # (N, 480, 14, 14)
        self.inception4a = Inception(480, INCEPTIONS["4a"])
        self.inception4b = Inception(512, INCEPTIONS["4b"])
        self.inception4c = Inception(512, INCEPTIONS["4c"])
        self.inception4d = Inception(512, INCEPTIONS["4d"])
        self.inception4e = Inception(528, INCEPTIONS["4e"])
        self.pool4 = pool_3x3()  # (N, 832, 7, 7)
        self.inception5a = Inception(832, INCEPTIONS["5a"])
        self.inception5b = Inception(832, INCEPTIONS["5b"])
        self.pool = nn.AdaptiveAvgPool2d(1)  # 논문은 7x7 평균 풀링: 224 입력에서는 같다
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool3(self.inception3b(self.inception3a(self.stem(x))))  # (N, 480, 14, 14)
        x = self.inception4c(self.inception4b(self.inception4a(x)))  # (N, 512, 14, 14)
        return self.classify(self.inception4d(x))

    def classify(self, x: Tensor) -> Tensor:
        """4d의 출력 (N, 528, 14, 14)에서 로짓까지."""
        x = self.pool4(self.inception4e(x))  # (N, 832, 7, 7)
        x = self.inception5b(self.inception5a(x))  # (N, 1024, 7, 7)
        return self.fc(self.dropout(self.flatten(self.pool(x))))


class GoogLeNetWithAux(GoogLeNet):
    """보조 분류기 둘을 붙인 것. 학습 때는 Scores를, 평가 때는 로짓만 돌려준다.

    학습의 손실은 logits의 손실 + 0.3 (aux1의 손실 + aux2의 손실)이다(5절).
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(num_classes)
        self.aux1 = AuxiliaryClassifier(512, num_classes)
        self.aux2 = AuxiliaryClassifier(528, num_classes)

    def forward(self, x: Tensor) -> Tensor | Scores:  # type: ignore[override]
        x = self.pool3(self.inception3b(self.inception3a(self.stem(x))))  # (N, 480, 14, 14)
        after_4a = self.inception4a(x)  # (N, 512, 14, 14)
        after_4d = self.inception4d(self.inception4c(self.inception4b(after_4a)))  # (N, 528, 14, 14)
        logits = self.classify(after_4d)
        if not self.training:
            return logits
        return Scores(logits, self.aux1(after_4a), self.aux2(after_4d))


def pool_3x3() -> nn.MaxPool2d:
    """표 1의 최대 풀링 3x3/2. ceil_mode라야 112 -> 56, 28 -> 14처럼 표의 크기가 된다."""
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


# --- CIFAR-10용

# 논문의 3a, 3b, 4a, 4e와 같은 모양을 1/4 너비로: 32 -> 16 -> 8
CIFAR_INCEPTIONS = {
    "3a": Widths(16, 24, 32, 4, 8, 8),
    "3b": Widths(32, 32, 48, 8, 24, 16),
    "4a": Widths(48, 24, 52, 4, 12, 16),
    "4b": Widths(64, 40, 80, 8, 32, 32),
}


class NormedInception(Inception):
    """배치 정규화를 넣은 Inception 모듈: ReLU마다 앞에 하나씩."""

    def __init__(self, c_in: int, widths: Widths) -> None:
        super().__init__(c_in, widths)
        for module in list(self.modules()):
            if isinstance(module, nn.Sequential) and isinstance(module[0], nn.Conv2d):
                module[0].register_parameter("bias", None)  # 배치 정규화의 이동(beta)이 대신한다
                module.insert(1, nn.BatchNorm2d(module[0].out_channels))


class CifarGoogLeNet(nn.Module):
    """32x32용 형제. 입력 (N, 3, 32, 32), 출력 (N, num_classes) 로짓.

    논문과 다른 점: 앞부분이 3x3 합성곱 하나다(논문처럼 224를 28로 줄이면 32는 4가 된다). 모듈 넷, 너비 1/4.
    배치 정규화를 넣었다: 1분 안에 배우려면 필요하다.
    """

    def __init__(self, num_classes: int = 10, module: type[nn.Module] = NormedInception) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU())
        self.pool2 = nn.MaxPool2d(2)
        self.inception3a = module(48, CIFAR_INCEPTIONS["3a"])
        self.inception3b = module(64, CIFAR_INCEPTIONS["3b"])
        self.pool3 = nn.MaxPool2d(2)
        self.inception4a = module(120, CIFAR_INCEPTIONS["4a"])
        self.inception4b = module(128, CIFAR_INCEPTIONS["4b"])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(CIFAR_INCEPTIONS["4b"].out_channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool2(self.stem(x))  # (N, 48, 16, 16)
        x = self.pool3(self.inception3b(self.inception3a(x)))  # (N, 120, 8, 8)
        x = self.inception4b(self.inception4a(x))  # (N, 208, 8, 8)
        return self.fc(self.flatten(self.pool(x)))


def googlenet(num_classes: int = 1000, aux: bool = False) -> GoogLeNet:
    """표 1의 GoogLeNet. 입력 3x224x224, 매개변수 6,998,552개.

    aux: 학습 때만 쓰는 보조 분류기 둘을 붙인다(매개변수 13,378,280개).
    """
    return GoogLeNetWithAux(num_classes) if aux else GoogLeNet(num_classes)


def googlenet_cifar(num_classes: int = 10) -> CifarGoogLeNet:
    """CIFAR-10용 형제. 입력 3x32x32, 매개변수 116,378개."""
    return CifarGoogLeNet(num_classes)
