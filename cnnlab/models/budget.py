"""같은 예산의 형제들: CIFAR-10용 신경망의 채널을 한꺼번에 늘이거나 줄여 매개변수를 27만 개쯤으로 맞춘다.

구조만 견주려면 크기가 같아야 한다. ResNet-20의 269,722개를 기준으로 삼는다(He et al. 2016, 표 6의 0.27M).
"""

from collections.abc import Callable

import torch
from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.models.alexnet import alexnet_cifar
from cnnlab.models.densenet import densenet40_cifar
from cnnlab.models.googlenet import googlenet_cifar
from cnnlab.models.inception_v4 import inception_v4_cifar
from cnnlab.models.lenet import lenet5_cifar
from cnnlab.models.mobilenet import mobilenet_v1_cifar
from cnnlab.models.preact_resnet import preact_resnet20_cifar
from cnnlab.models.resnet import plain20_cifar, resnet20_cifar
from cnnlab.models.resnext import resnext29_cifar
from cnnlab.models.senet import se_resnet20_cifar
from cnnlab.models.vgg import vgg16_cifar
from cnnlab.models.zfnet import zfnet_cifar

# 만드는 함수 -> (채널에 곱하는 수, 채널이 나누어떨어질 수). 너비가 1인 것은 처음부터 0.27M이다
WIDTHS: dict[Callable[..., nn.Module], tuple[float, int]] = {
    lenet5_cifar: (2.096, 1),
    alexnet_cifar: (0.984, 2),  # 두 탑
    zfnet_cifar: (0.854, 1),
    vgg16_cifar: (0.134, 1),
    googlenet_cifar: (1.535, 1),
    inception_v4_cifar: (1.728, 1),
    plain20_cifar: (1, 1),
    resnet20_cifar: (1, 1),
    preact_resnet20_cifar: (1, 1),
    resnext29_cifar: (0.087, 8),  # 그룹 8개
    se_resnet20_cifar: (1, 1),
    densenet40_cifar: (0.523, 1),
    mobilenet_v1_cifar: (0.281, 1),
}
BUDGET: dict[str, tuple[Callable[..., nn.Module], float, int]] = {
    builder.__name__: (builder, width, step) for builder, (width, step) in WIDTHS.items()
}


class NoBudgetError(LearnerError, ValueError):
    """예산에 맞춘 형제가 없는 이름이다."""


def at_budget(name: str = "vgg16_cifar") -> nn.Module:
    """이름의 신경망을 매개변수 27만 개쯤(5% 안)으로 맞추어 만든다. 입력 (N, 3, 32, 32), 출력 (N, 10) 로짓.

    초깃값은 모두 같은 방법이다: 합성곱과 완전 연결은 He et al. 2015의 정규 분포, 마지막 층은 N(0, 0.01), 편향은 0.
    오류: 표(WIDTHS)에 없는 이름이면 NoBudgetError.
    """
    if name not in BUDGET:
        raise NoBudgetError(f"예산에 맞춘 {name!r}은 없습니다. 쓸 수 있는 이름: {', '.join(BUDGET)}")
    builder, width, step = BUDGET[name]
    return widened(builder(), width, step)


def widened(model: nn.Module, width: float, step: int = 1) -> nn.Module:
    """모든 층의 출력 채널에 width를 곱한 신경망. 입력 채널은 그림 한 장을 흘려 정한다(Lazy 계층). model을 고친다.

    step: 채널을 이 수의 배수로 반올림한다(그룹 합성곱은 그룹의 수로 나누어떨어져야 한다).
    채널의 수를 스스로 적어 두는 모듈(ZeroPadding)이 있으면 width는 1이어야 한다.
    """

    def wide(channels: int) -> int:
        return max(step, round(channels * width / step) * step)

    last = [layer for layer in model.modules() if isinstance(layer, nn.Linear)][-1]
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Conv2d):
                groups = wide(layer.groups) if layer.groups == layer.in_channels else layer.groups
                setattr(
                    parent,
                    name,
                    nn.LazyConv2d(
                        wide(layer.out_channels),
                        layer.kernel_size,  # type: ignore[arg-type]
                        layer.stride,  # type: ignore[arg-type]
                        layer.padding,  # type: ignore[arg-type]
                        groups=groups,
                        bias=layer.bias is not None,
                    ),
                )
            elif isinstance(layer, nn.BatchNorm2d):
                setattr(parent, name, nn.LazyBatchNorm2d())
            elif isinstance(layer, nn.Linear):
                outputs = layer.out_features if layer is last else wide(layer.out_features)
                setattr(parent, name, nn.LazyLinear(outputs))
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, 32, 32))
    initialise(model)
    return model.train()


def initialise(model: nn.Module) -> None:
    """모든 신경망에 같은 초깃값을 준다(at_budget의 설명)."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    nn.init.normal_(layers[-1].weight, 0, 0.01)
