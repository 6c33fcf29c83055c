"""LeNet-5: 1998년 논문의 것, 오늘날 흔히 쓰는 것, CIFAR-10용 형제.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", II-B절.
층의 이름(C1, S2, C3, S4, C5, F6)은 논문을 따른다: C는 합성곱, S는 축소(subsampling), F는 완전 연결.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.errors import LearnerError


class FixedClassesError(LearnerError, ValueError):
    """클래스 수가 구조로 정해진 신경망에 다른 수를 주었다."""


# 표 I: C3의 특징 맵 16개(행)가 S2의 특징 맵 6개 가운데 어느 것을 보는가
C3_CONNECTIONS = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)


class LeNet5(nn.Module):
    """합성곱과 풀링을 번갈아 두 번, 그 뒤에 합성곱 하나와 완전 연결 둘.

    입력 (N, in_channels, 32, 32), 출력 (N, num_classes) 로짓(logit).
    논문과 다른 점: C3이 S2의 모든 특징 맵을 보고, 풀링에 매개변수와 활성화 함수가 없고, 출력층이 RBF가 아니라 선형이고,
    tanh에 1.7159와 2/3을 곱하지 않는다.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        activation: type[nn.Module] = nn.Tanh,
        pooling: type[nn.Module] = nn.AvgPool2d,
    ) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.a1 = activation()
        self.s2 = pooling(2)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.a3 = activation()
        self.s4 = pooling(2)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.a5 = activation()
        self.flatten = nn.Flatten()
        self.f6 = nn.Linear(120, 84)
        self.a6 = activation()
        self.output = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.s2(self.a1(self.c1(x)))  # (N, 6, 14, 14)
        x = self.s4(self.a3(self.c3(x)))  # (N, 16, 5, 5)
        x = self.a5(self.c5(x))  # (N, 120, 1, 1)
        x = self.a6(self.f6(self.flatten(x)))  # (N, 84)
        return self.output(x)


class ScaledTanh(nn.Module):
    """논문의 활성화 함수 f(a) = 1.7159 tanh(2a/3) (부록 A). f(1) = 1, f(-1) = -1이 되는 비율이다."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(2 / 3 * x)


class Subsampling(nn.Module):
    """S2, S4: 2x2의 네 값을 더하고, 특징 맵마다 하나인 계수를 곱하고, 하나인 편향을 더한다.

    입력 (N, channels, H, W), 출력 (N, channels, H/2, W/2). 매개변수는 channels x 2개다.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((channels, 1, 1), 0.25))  # 1/4이면 평균 풀링과 같다
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.coefficient * (4 * F.avg_pool2d(x, 2)) + self.bias


class SparseConv2d(nn.Module):
    """C3: 출력 특징 맵마다 정해진 입력 특징 맵만 보는 합성곱.

    connections: 출력마다 한 줄, 그 출력이 보는 입력 채널의 번호.
    연결 하나가 커널 하나다: 입력 채널을 연결 순서로 늘어놓고(index_select) 채널별로 합성곱한 뒤,
    같은 출력끼리 더한다(index_add).
    매개변수와 MAC 수가 표 I의 연결 수대로 나온다(꽉 찬 커널에 0을 섞으면 그렇지 않다).
    """

    sources: Tensor
    targets: Tensor

    def __init__(self, connections: tuple[tuple[int, ...], ...], kernel_size: int) -> None:
        super().__init__()
        pairs = [(source, target) for target, sources in enumerate(connections) for source in sources]
        self.register_buffer("sources", torch.tensor([source for source, _ in pairs]))
        self.register_buffer("targets", torch.tensor([target for _, target in pairs]))
        # 초깃값의 범위는 nn.Conv2d와 같다: 출력 하나에 들어오는 연결이 적을수록 넓다
        fan_in = kernel_size**2 * torch.tensor([float(len(sources)) for sources in connections])
        bound = fan_in.rsqrt().view(-1, 1, 1)
        self.kernels = nn.Parameter(torch.empty(len(pairs), 1, kernel_size, kernel_size).uniform_(-1, 1))
        self.kernels.data.mul_(bound[self.targets].unsqueeze(1))
        self.bias = nn.Parameter(torch.empty(len(connections), 1, 1).uniform_(-1, 1) * bound)

    def forward(self, x: Tensor) -> Tensor:
        x = x.index_select(1, self.sources)  # (N, 60, 14, 14): 연결 하나에 채널 하나
        x = F.conv2d(x, self.kernels, groups=len(self.kernels))  # (N, 60, 10, 10)
        maps = x.new_zeros(x.shape[0], len(self.bias), *x.shape[2:])
        return maps.index_add(1, self.targets, x) + self.bias  # (N, 16, 10, 10)


# 출력층의 목표 부호: 숫자마다 가로 7, 세로 12의 그림 한 장(F6의 84개와 짝을 이룬다).
# 논문 그림 3의 생각을 따라 새로 그렸다: 그림의 화소까지 같지는 않다.
DIGIT_GLYPHS = {
    0: "....... .#####. ##...## ##...## ##...## ##...## ##...## ##...## ##...## .#####. ....... .......",
    1: "....... ...##.. ..###.. .####.. ...##.. ...##.. ...##.. ...##.. ...##.. .###### ....... .......",
    2: "....... .#####. ##...## .....## ....##. ...##.. ..##... .##.... ##..... ####### ....... .......",
    3: "....... .#####. ##...## .....## .....## ..####. .....## .....## ##...## .#####. ....... .......",
    4: "....... ....##. ...###. ..####. .##.##. ##..##. ####### ....##. ....##. ....##. ....... .......",
    5: "....... ####### ##..... ##..... ######. .....## .....## .....## ##...## .#####. ....... .......",
    6: "....... ..####. .##.... ##..... ######. ##...## ##...## ##...## ##...## .#####. ....... .......",
    7: "....... ####### .....## ....##. ....##. ...##.. ...##.. ..##... ..##... ..##... ....... .......",
    8: "....... .#####. ##...## ##...## ##...## .#####. ##...## ##...## ##...## .#####. ....... .......",
    9: "....... .#####. ##...## ##...## ##...## .###### .....## .....## ....##. .####.. ....... .......",
}


class RBFOutput(nn.Module):
    """출력층: F6의 84개 값과 글자 그림 사이의 거리 제곱(식 (7)). 가장 가까운 글자가 답이다.

    입력 (N, 84), 출력 (N, 10). 거리에 음수를 붙여, 다른 신경망처럼 가장 큰 값이 답이 되게 한다.
    그림(부호)은 학습하지 않으므로 학습되는 매개변수에 들어가지 않는다.
    """

    codes: Tensor

    def __init__(self) -> None:
        super().__init__()
        rows = [[1.0 if dot == "#" else -1.0 for dot in glyph if dot != " "] for glyph in DIGIT_GLYPHS.values()]
        self.register_buffer("codes", torch.tensor(rows))  # (10, 84)

    def forward(self, x: Tensor) -> Tensor:
        return -(x.unsqueeze(1) - self.codes).square().sum(dim=2)


class LeNet5Of1998(nn.Module):
    """층의 구조와 매개변수 수(60,000)가 논문과 같은 LeNet-5: 성긴 C3, 학습되는 축소, RBF 출력.

    입력 (N, 1, 32, 32), 출력 (N, 10).
    논문과 다른 점: 글자 그림의 화소(DIGIT_GLYPHS), 초깃값(부록 A가 아니라 PyTorch의 것),
    출력의 부호(거리에 음수를 붙임).
    """

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.a1 = ScaledTanh()
        self.s2 = Subsampling(6)
        self.a2 = ScaledTanh()
        self.c3 = SparseConv2d(C3_CONNECTIONS, kernel_size=5)
        self.a3 = ScaledTanh()
        self.s4 = Subsampling(16)
        self.a4 = ScaledTanh()
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.a5 = ScaledTanh()
        self.flatten = nn.Flatten()
        self.f6 = nn.Linear(120, 84)
        self.a6 = ScaledTanh()
        self.output = RBFOutput()

    def forward(self, x: Tensor) -> Tensor:
        x = self.a2(self.s2(self.a1(self.c1(x))))  # (N, 6, 14, 14)
        x = self.a4(self.s4(self.a3(self.c3(x))))  # (N, 16, 5, 5)
        x = self.a5(self.c5(x))  # (N, 120, 1, 1)
        x = self.a6(self.f6(self.flatten(x)))  # (N, 84)
        return self.output(x)


def lenet5(num_classes: int = 10) -> LeNet5:
    """오늘날 흔히 LeNet-5라고 부르는 것: tanh, 평균 풀링, 꽉 찬 C3. 입력 1x32x32, 매개변수 61,706개."""
    return LeNet5(in_channels=1, num_classes=num_classes)


def lenet5_1998(num_classes: int = 10) -> LeNet5Of1998:
    """1998년 논문의 LeNet-5. 입력 1x32x32, 학습되는 매개변수 60,000개. 출력은 숫자 그림의 수인 10으로 정해져 있다."""
    if num_classes != len(DIGIT_GLYPHS):
        raise FixedClassesError(
            f"lenet5_1998의 출력층은 숫자 그림 10장과 비교하므로 num_classes는 10이어야 합니다. "
            f"받은 값: {num_classes}. "
            "클래스 수를 바꾸려면 lenet5나 lenet5_cifar를 쓰세요."
        )
    return LeNet5Of1998()


def lenet5_cifar(num_classes: int = 10) -> LeNet5:
    """CIFAR-10용 형제: 입력 3x32x32, ReLU와 최대 풀링."""
    return LeNet5(in_channels=3, num_classes=num_classes, activation=nn.ReLU, pooling=nn.MaxPool2d)
