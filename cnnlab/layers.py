"""두 구조 이상이 함께 쓰는 조각: 편향 없는 합성곱, 합성곱-배치 정규화, 앞부분(stem), 국소 반응 정규화, 초깃값."""

import torch.nn.functional as F
from torch import Tensor, nn


def conv(c_in: int, c_out: int, kernel_size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """편향 없는 합성곱. 패딩이 kernel_size // 2라서, 커널이 홀수이고 stride가 1이면 크기가 그대로다.

    앞이나 뒤에 배치 정규화가 있다: 그것의 이동(beta)이 편향을 대신한다.
    """
    return nn.Conv2d(c_in, c_out, kernel_size, stride, padding=kernel_size // 2, groups=groups, bias=False)


def conv_bn(c_in: int, c_out: int, kernel_size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """합성곱과 그 뒤의 배치 정규화. (N, c_in, H, W) -> (N, c_out, H/stride, W/stride)."""
    return nn.Sequential(conv(c_in, c_out, kernel_size, stride, groups), nn.BatchNorm2d(c_out))


def imagenet_stem(c_out: int) -> nn.Sequential:
    """ImageNet용 앞부분: 7x7 합성곱과 3x3 최대 풀링, stride는 둘 다 2. (N, 3, 224, 224) -> (N, c_out, 56, 56).

    출처: He et al. 2016, 표 1의 conv1과 conv2_x의 풀링. DenseNet(표 1)도 같은 것을 쓴다.
    """
    return nn.Sequential(*conv_bn(3, c_out, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1))


def cifar_stem(c_out: int) -> nn.Sequential:
    """32x32용 앞부분: 3x3 합성곱. (N, 3, 32, 32) -> (N, c_out, 32, 32). 출처: He et al. 2016, 4.2절."""
    return nn.Sequential(*conv_bn(3, c_out, 3), nn.ReLU())


def local_response_norm(x: Tensor, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75) -> Tensor:
    """같은 자리의 이웃한 채널 n개의 제곱합이 클수록 값을 줄인다. (N, C, H, W) -> (N, C, H, W)

    b[i] = a[i] / (k + alpha * (a[i-n//2]^2 + ... + a[i+n//2]^2))^beta, 끝을 넘는 채널은 0으로 친다.
    n: 홀수. 출처: Krizhevsky et al. 2012, 3.3절(기본값은 논문의 것).
    nn.LocalResponseNorm은 제곱합이 아니라 제곱의 평균을 쓴다: alpha를 n으로 나누는 셈이다.
    그래서 이 식과 같으려면 nn.LocalResponseNorm(n, alpha * n, beta, k)라고 써야 한다.
    """
    channels = x.shape[1]
    squares = F.pad(x.square(), (0, 0, 0, 0, n // 2, n // 2))  # (N, C+n-1, H, W): 마지막 축부터 앞뒤 한 쌍씩
    total = squares[:, :channels]
    for shift in range(1, n):
        total = total + squares[:, shift : shift + channels]  # (N, C, H, W)
    return x * (k + alpha * total).pow(-beta)


class LocalResponseNorm(nn.LocalResponseNorm):
    """local_response_norm을 계층으로. 값은 nn.LocalResponseNorm(n, alpha * n, beta, k)와 같다. 매개변수가 없다.

    nn.LocalResponseNorm은 채널 방향의 3차원 평균 풀링으로 셈하여 CPU에서 느리다: 이 식이 6배 빠르다.
    """

    def __init__(self, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75) -> None:
        super().__init__(n, alpha * n, beta, k)

    def forward(self, x: Tensor) -> Tensor:
        return local_response_norm(x, self.size, self.k, self.alpha / self.size, self.beta)


def he_init(model: nn.Module) -> None:
    """합성곱의 초깃값을 분산이 2 / (출력 하나가 보는 입력 수)인 정규 분포로 다시 뽑는다.

    ReLU가 절반을 0으로 만들어도 신호의 크기가 깊이에 따라 줄거나 커지지 않는다. 배치 정규화와 완전 연결은 그대로 둔다.
    출처: He et al. 2015, "Delving Deep into Rectifiers", 식 (10).
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")


def he_init_everywhere(model: nn.Module) -> None:
    """가중치를 He et al. 2015의 정규 분포로, 편향을 0으로. 배치 정규화가 없는 형제를 위한 것이다.

    완전 연결도 바꾼다: PyTorch의 초깃값은 He의 1/6인 분산이라, 층을 지날 때마다 신호가 줄어 처음에 배우지 못한다.
    마지막 층은 논문의 N(0, 0.01)이다: 첫 로짓이 작아야 첫 손실이 log(클래스 수)에서 시작한다.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    nn.init.normal_(layers[-1].weight, 0, 0.01)
