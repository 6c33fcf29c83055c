"""학습 설정(Recipe)과 학습률의 오르내림."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from cnnlab.errors import LearnerError
from cnnlab.training.precision import AUTO, MEASURE, PLAIN, parse


class RecipeError(LearnerError, ValueError):
    """학습 설정으로 쓸 수 없는 값을 받았다."""


@dataclass(frozen=True)
class Recipe:
    """학습 한 번의 설정. minutes와 epochs 가운데 하나만 정한다.

    minutes: 준비와 마지막 평가까지 넣은 시간(분). epochs: 학습 그림을 몇 번 볼지(0.5도 된다).
    오류: 쓸 수 없는 값이면 RecipeError.
    """

    minutes: float | None = None
    epochs: float | None = None
    batch_size: int = 128
    lr: float = 0.05  # 가장 높은 때의 학습률
    momentum: float = 0.9  # Nesterov 1983의 방식
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    augment: bool = True  # 좌우 뒤집기와 조금 어긋나게 자르기
    cutout: int = 0  # 그림마다 이 길이(화소)의 정사각형을 지운다. 0이면 지우지 않는다
    ema: float = 0.0  # 가중치의 지수 이동 평균을 결과로 삼는다(0.99이면 최근 100걸음쯤). 0이면 쓰지 않는다
    seed: int = 0  # 섞기, 증강, 드롭아웃. 가중치의 초깃값은 모델을 만들 때 정해진다
    precision: str = AUTO  # 학습 걸음의 셈법: cnnlab.training.precision

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.epochs is None):
            raise RecipeError(
                "minutes(시간)와 epochs(횟수) 가운데 하나만 정하세요. 예: fit(model, data, minutes=1). "
                f"받은 값: minutes={self.minutes!r}, epochs={self.epochs!r}"
            )
        for name, (valid, expected) in _RULES.items():
            value = getattr(self, name)
            unset = value is None and name in ("minutes", "epochs")
            if not unset and not valid(value):
                raise RecipeError(f"{name} 자리에는 {expected} 필요합니다. 받은 값: {value!r}")


def one_cycle(fraction: float, warmup: float = 0.2) -> float:
    """학습이 fraction(0..1)만큼 지났을 때, 가장 높은 학습률에 곱할 값: 곧게 올랐다가 곧게 0으로 내려간다.

    출처: Smith, Topin 2018, "Super-Convergence"의 1cycle을 직선 둘로 줄인 것.
    """
    if fraction < warmup:
        return 0.05 + 0.95 * fraction / warmup  # 0에서 출발하면 첫걸음이 헛걸음이다
    return max(0.0, (1 - fraction) / (1 - warmup))


def _number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _positive(value: Any) -> bool:
    return _number(value) and value > 0


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value < 1


def _integer(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Integral) and not isinstance(value, bool) and least <= int(value) < 2**63


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "minutes": (_positive, "0보다 큰 수(분)가"),
    "epochs": (_positive, "0보다 큰 수가"),
    "batch_size": (_integer(1), "1 이상의 정수가"),
    "lr": (_positive, "0보다 큰 수가"),
    "momentum": (_share, "0 이상 1 미만의 수가"),
    "weight_decay": (lambda value: _number(value) and value >= 0, "0 이상의 수가"),
    "label_smoothing": (_share, "0 이상 1 미만의 수가"),
    "augment": (lambda value: isinstance(value, bool), "True나 False가"),
    "cutout": (_integer(0), "0 이상의 정수(화소)가"),
    "ema": (_share, "0 이상 1 미만의 수가"),
    "precision": (
        lambda value: value in (AUTO, MEASURE) or parse(value) is not None,
        f'"{AUTO}", "{MEASURE}", "{PLAIN}", "bfloat16 channels_last" 같은 문자열이',
    ),
    "seed": (_integer(0), "0 이상의 정수가"),
}
