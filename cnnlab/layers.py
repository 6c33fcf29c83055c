"""두 구조 이상이 함께 쓰는 조각: 편향 없는 합성곱, 합성곱-배치 정규화, 첫 부분(stem), 국소 반응 정규화, 초깃값."""

from torch import nn


def conv(c_in: int, c_out: int, kernel_size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """편향 없는 합성곱. 패딩이 kernel_size // 2라서, 커널이 홀수이고 stride가 1이면 크기가 그대로다.

    앞이나 뒤에 배치 정규화가 있다: 그것의 이동(beta)이 편향을 대신한다.
    """
    return nn.Conv2d(c_in, c_out, kernel_size, stride, padding=kernel_size // 2, groups=groups, bias=False)


def conv_bn(c_in: int, c_out: int, kernel_size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """합성곱과 그 뒤의 배치 정규화. (N, c_in, H, W) -> (N, c_out, H/stride, W/stride)."""
    return nn.Sequential(conv(c_in, c_out, kernel_size, stride, groups), nn.BatchNorm2d(c_out))


def imagenet_stem(c_out: int) -> nn.Sequential:
    """ImageNet용 첫 부분: 7x7 합성곱과 3x3 최대 풀링, stride는 둘 다 2. (N, 3, 224, 224) -> (N, c_out, 56, 56).

    출처: He et al. 2016, 표 1의 conv1과 conv2_x의 풀링. DenseNet(표 1)도 같은 것을 쓴다.
    """
    return nn.Sequential(*conv_bn(3, c_out, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1))


def cifar_stem(c_out: int) -> nn.Sequential:
    """32x32용 첫 부분: 3x3 합성곱. (N, 3, 32, 32) -> (N, c_out, 32, 32). 출처: He et al. 2016, 4.2절."""
    return nn.Sequential(*conv_bn(3, c_out, 3), nn.ReLU())


def local_response_norm() -> nn.LocalResponseNorm:
    """AlexNet의 국소 반응 정규화: b = a / (2 + 1e-4 · 이웃한 채널 5개의 a² 합)^0.75.

    nn.LocalResponseNorm은 alpha를 채널 수 5로 나누므로 다섯 배를 준다.
    출처: Krizhevsky et al. 2012, 3.3절(k = 2, n = 5, α = 1e-4, β = 0.75).
    """
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


def he_init(model: nn.Module) -> None:
    """합성곱의 초깃값을 분산이 2 / (출력 하나가 보는 입력 수)인 정규 분포로 다시 뽑는다.

    ReLU가 절반을 0으로 만들어도 신호의 크기가 깊이에 따라 줄거나 커지지 않는다. 배치 정규화와 완전 연결은 그대로 둔다.
    출처: He et al. 2015, "Delving Deep into Rectifiers", 식 (10).
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
