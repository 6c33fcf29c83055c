"""논문의 신경망과 CIFAR-10용 형제. 구조마다 파일 하나."""

import difflib
from collections.abc import Callable

from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.models.lenet import lenet5, lenet5_1998, lenet5_cifar
from cnnlab.models.speedrun import speedrun_cifar

BUILDERS: dict[str, Callable[..., nn.Module]] = {
    builder.__name__: builder for builder in (lenet5, lenet5_1998, lenet5_cifar, speedrun_cifar)
}


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


__all__ = ["UnknownModelError", "build", "lenet5", "lenet5_1998", "lenet5_cifar", "names", "speedrun_cifar"]
