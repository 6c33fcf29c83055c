"""논문의 신경망과 CIFAR-10용 형제. 구조마다 파일 하나."""

import difflib
from collections.abc import Callable

from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.models.alexnet import alexnet, alexnet_cifar, alexnet_one_tower
from cnnlab.models.densenet import (
    densenet40_cifar,
    densenet121,
    densenet161,
    densenet169,
    densenet201,
    densenet_bc100_cifar,
)
from cnnlab.models.googlenet import googlenet, googlenet_cifar
from cnnlab.models.inception_v4 import (
    inception_resnet_cifar,
    inception_resnet_v2,
    inception_v4,
    inception_v4_cifar,
)
from cnnlab.models.lenet import lenet5, lenet5_1998, lenet5_cifar
from cnnlab.models.mobilenet import mobilenet_v1, mobilenet_v1_cifar, mobilenet_v2
from cnnlab.models.preact_resnet import (
    preact_resnet18,
    preact_resnet20_cifar,
    preact_resnet50,
    preact_resnet56_cifar,
    preact_resnet110_cifar,
    preact_resnet164_cifar,
)
from cnnlab.models.resnet import (
    plain20_cifar,
    plain56_cifar,
    resnet18,
    resnet20_cifar,
    resnet32_cifar,
    resnet34,
    resnet44_cifar,
    resnet50,
    resnet50_v1_5,
    resnet56_cifar,
    resnet101,
    resnet110_cifar,
    resnet152,
    resnet1202_cifar,
)
from cnnlab.models.resnext import resnext29_cifar, resnext50_32x4d
from cnnlab.models.senet import se_resnet20_cifar, se_resnet50
from cnnlab.models.speedrun import speedrun_cifar
from cnnlab.models.vgg import (
    vgg11,
    vgg11_bn,
    vgg11_cifar,
    vgg11_lrn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg16_c,
    vgg16_cifar,
    vgg19,
    vgg19_bn,
)
from cnnlab.models.zfnet import zfnet, zfnet_b, zfnet_cifar

# 나온 순서대로: 논문의 것 다음에 CIFAR-10용
_FAMILIES: tuple[tuple[Callable[..., nn.Module], ...], ...] = (
    (lenet5, lenet5_1998, lenet5_cifar),
    (alexnet, alexnet_one_tower, alexnet_cifar),
    (zfnet, zfnet_b, zfnet_cifar),
    (vgg11, vgg11_lrn, vgg13, vgg16_c, vgg16, vgg19, vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn, vgg11_cifar, vgg16_cifar),
    (googlenet, googlenet_cifar),
    (inception_v4, inception_resnet_v2, inception_v4_cifar, inception_resnet_cifar),
    (resnet18, resnet34, resnet50, resnet101, resnet152, resnet50_v1_5),
    (resnet20_cifar, resnet32_cifar, resnet44_cifar, resnet56_cifar, resnet110_cifar, resnet1202_cifar),
    (plain20_cifar, plain56_cifar),
    (preact_resnet18, preact_resnet50),
    (preact_resnet20_cifar, preact_resnet56_cifar, preact_resnet110_cifar, preact_resnet164_cifar),
    (resnext50_32x4d, resnext29_cifar),
    (se_resnet50, se_resnet20_cifar),
    (densenet121, densenet161, densenet169, densenet201, densenet40_cifar, densenet_bc100_cifar),
    (mobilenet_v1, mobilenet_v2, mobilenet_v1_cifar),
    (speedrun_cifar,),
)
BUILDERS: dict[str, Callable[..., nn.Module]] = {one.__name__: one for family in _FAMILIES for one in family}


class UnknownModelError(LearnerError, ValueError):
    """그런 이름의 신경망이 없다."""


def names() -> list[str]:
    """build()가 아는 이름들."""
    return list(BUILDERS)


def build(name: str, num_classes: int | None = None) -> nn.Module:
    """이름으로 신경망을 만든다.

    num_classes: 출력 수. 적지 않으면 논문의 값(형제는 CIFAR-10의 10)이다.
    오류: 모르는 이름이면 UnknownModelError(비슷한 이름을 알려 준다).
    """
    if name not in BUILDERS:
        close = difflib.get_close_matches(str(name), BUILDERS, n=3)
        hint = f" 혹시 {', '.join(close)} 가운데 하나인가요?" if close else ""
        raise UnknownModelError(f"이름이 {name!r}인 신경망은 없습니다.{hint} 쓸 수 있는 이름: {', '.join(BUILDERS)}")
    return BUILDERS[name]() if num_classes is None else BUILDERS[name](num_classes=num_classes)


def __getattr__(name: str) -> Callable[..., nn.Module]:
    """cnnlab.models.resnet50처럼 이름으로 바로 부를 때, 없는 이름이면 비슷한 이름을 알려 준다."""
    raise AttributeError(f"cnnlab.models에 {name!r}이라는 신경망이 없습니다. 이름은 cnnlab.models.names()에 있습니다.")


__all__ = ["BUILDERS", "UnknownModelError", "build", "names", *BUILDERS]
