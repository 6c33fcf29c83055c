"""VGG: 3x3 합성곱만 쌓은 신경망 여섯 가지(A, A-LRN, B, C, D, E)와 CIFAR-10용 형제.

Simonyan, Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 표 1과 2.1절.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from cnnlab.layers import LocalResponseNorm

# 표 1의 열. 한 줄이 한 단계이고 단계마다 2x2 최대 풀링으로 끝난다.
# 숫자는 3x3 합성곱의 출력 채널, (1, 256)은 1x1 합성곱, "LRN"은 국소 반응 정규화
CONFIGS: dict[str, tuple[tuple[int | tuple[int, int] | str, ...], ...]] = {
    "A": ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    "A-LRN": ((64, "LRN"), (128,), (256, 256), (512, 512), (512, 512)),
    "B": ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512)),
    "C": ((64, 64), (128, 128), (256, 256, (1, 256)), (512, 512, (1, 512)), (512, 512, (1, 512))),
    "D": ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
    "E": ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512), (512, 512, 512, 512)),
}


class VGG(nn.Module):
    """합성곱 다섯 단계와 완전 연결 셋. 크기는 풀링만 줄이고, 채널은 512까지 두 배씩 늘어난다.

    입력 (N, 3, 224, 224), 출력 (N, num_classes) 로짓.
    논문과 다른 점: 초깃값은 He et al. 2015의 것이다(논문은 얕은 A에서 시작해 깊은 것을 채웠다, 3.1절).
    batch_norm은 논문에 없다(2015년에 나왔다): 합성곱마다 뒤에 넣으면 초깃값에 덜 민감하다.
    """

    def __init__(self, config: str, num_classes: int = 1000, batch_norm: bool = False) -> None:
        super().__init__()
        self.features = nn.Sequential(*convolutions(CONFIGS[config], batch_norm))
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(
            *(nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(0.5)),
            *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
            nn.Linear(4096, num_classes),
        )
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, 512, 7, 7)
        return self.classifier(self.flatten(x))


class CifarVGG(nn.Module):
    """32x32용: 합성곱 다섯 단계를 그대로 쓰면 특징 맵이 1x1이 되므로 완전 연결은 하나면 된다.

    입력 (N, 3, 32, 32), 출력 (N, num_classes) 로짓.
    width: 채널에 곱하는 값. 1이면 논문의 채널이다(2코어 CPU에서 1분 동안 배우려면 1/4쯤이 알맞다).
    batch_norm: 논문에 없지만 기본으로 넣는다. 빼면 깊은 것이 배우지 못하는 것을 볼 수 있다.
    """

    def __init__(self, config: str, num_classes: int = 10, batch_norm: bool = True, width: float = 1.0) -> None:
        super().__init__()
        stages = [[scaled(layer, width) for layer in stage] for stage in CONFIGS[config]]
        self.features = nn.Sequential(*convolutions(stages, batch_norm))
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(int(512 * width), num_classes)  # 논문은 완전 연결 셋: 1억 2천만 개가 거기에 있다
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, 512 width, 1, 1)
        return self.classifier(self.flatten(x))


def convolutions(
    stages: Sequence[Sequence[int | tuple[int, int] | str]], batch_norm: bool = False, c_in: int = 3
) -> list[nn.Module]:
    """단계들 -> 계층의 목록. 패딩이 kernel // 2라서 합성곱은 크기를 바꾸지 않는다(2.1절)."""
    layers: list[nn.Module] = []
    for stage in stages:
        for layer in stage:
            if layer == "LRN":
                layers.append(LocalResponseNorm())
                continue
            kernel, c_out = layer if isinstance(layer, tuple) else (3, int(layer))
            layers.append(nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2))
            layers += [nn.BatchNorm2d(c_out), nn.ReLU()] if batch_norm else [nn.ReLU()]
            c_in = c_out
        layers.append(nn.MaxPool2d(2))
    return layers


def scaled(layer: int | tuple[int, int] | str, width: float) -> int | tuple[int, int] | str:
    """채널에 width를 곱한다."""
    if isinstance(layer, str):
        return layer
    return (layer[0], int(layer[1] * width)) if isinstance(layer, tuple) else int(layer * width)


def initialise(model: nn.Module) -> None:
    """합성곱은 He et al. 2015의 정규 분포, 완전 연결은 논문의 N(0, 0.01), 편향은 0(3.1절)."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)


def vgg11(num_classes: int = 1000) -> VGG:
    """표 1의 A. 입력 3x224x224, 매개변수 132,863,336개."""
    return VGG("A", num_classes)


def vgg11_lrn(num_classes: int = 1000) -> VGG:
    """표 1의 A-LRN. 입력 3x224x224, LRN에는 매개변수가 없어 A와 같은 132,863,336개."""
    return VGG("A-LRN", num_classes)


def vgg13(num_classes: int = 1000) -> VGG:
    """표 1의 B. 입력 3x224x224, 매개변수 133,047,848개."""
    return VGG("B", num_classes)


def vgg16_c(num_classes: int = 1000) -> VGG:
    """표 1의 C: 단계의 셋째 합성곱이 1x1이다. 입력 3x224x224, 매개변수 133,638,952개."""
    return VGG("C", num_classes)


def vgg16(num_classes: int = 1000) -> VGG:
    """표 1의 D. 입력 3x224x224, 매개변수 138,357,544개."""
    return VGG("D", num_classes)


def vgg19(num_classes: int = 1000) -> VGG:
    """표 1의 E. 입력 3x224x224, 매개변수 143,667,240개."""
    return VGG("E", num_classes)


def vgg11_bn(num_classes: int = 1000) -> VGG:
    """A에 배치 정규화를 넣은 것. 입력 3x224x224, 매개변수 132,868,840개."""
    return VGG("A", num_classes, batch_norm=True)


def vgg13_bn(num_classes: int = 1000) -> VGG:
    """B에 배치 정규화를 넣은 것. 입력 3x224x224, 매개변수 133,053,736개."""
    return VGG("B", num_classes, batch_norm=True)


def vgg16_bn(num_classes: int = 1000) -> VGG:
    """D에 배치 정규화를 넣은 것. 입력 3x224x224, 매개변수 138,365,992개."""
    return VGG("D", num_classes, batch_norm=True)


def vgg19_bn(num_classes: int = 1000) -> VGG:
    """E에 배치 정규화를 넣은 것. 입력 3x224x224, 매개변수 143,678,248개."""
    return VGG("E", num_classes, batch_norm=True)


def vgg11_cifar(num_classes: int = 10, width: float = 1.0) -> CifarVGG:
    """CIFAR-10용 A: 입력 3x32x32, 배치 정규화. 매개변수 9,231,114개."""
    return CifarVGG("A", num_classes, width=width)


def vgg16_cifar(num_classes: int = 10, width: float = 1.0) -> CifarVGG:
    """CIFAR-10용 D: 입력 3x32x32, 배치 정규화. 매개변수 14,728,266개."""
    return CifarVGG("D", num_classes, width=width)
