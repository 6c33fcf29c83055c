"""검산이 재는 양 가운데 신경망끼리 견준 것: 수업의 신경망들 속에서 몇 등인가, 다른 것의 몇 배인가."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch

# 13의 표에 나오는 논문의 신경망과 그 입력
LINEUP = {
    **{"lenet5": (1, 32, 32), "alexnet": (3, 227, 227), "zfnet": (3, 224, 224), "vgg16": (3, 224, 224)},
    **{"googlenet": (3, 224, 224), "inception_v4": (3, 299, 299), "resnet18": (3, 224, 224)},
    **{"resnet50": (3, 224, 224), "resnet152": (3, 224, 224), "preact_resnet50": (3, 224, 224)},
    **{"resnext50_32x4d": (3, 224, 224), "se_resnet50": (3, 224, 224), "densenet121": (3, 224, 224)},
    **{"mobilenet_v1": (3, 224, 224), "mobilenet_v2": (3, 224, 224)},
}


@lru_cache
def _attrs(name: str) -> dict[str, Any]:
    """LINEUP의 신경망 하나의 합계(layer_table의 attrs)."""
    from cnnlab import models
    from cnnlab.analysis.tables import layer_table

    with torch.device("meta"):
        model = models.build(name)
    return {str(key): value for key, value in layer_table(model, LINEUP[name]).attrs.items()}


def rank(subject: Any, column: str) -> int:
    """LINEUP에서 column(params, macs, forward_kb, training_kb, depth)이 큰 순서로 몇째인가."""
    own = subject.table.attrs[column]
    return 1 + sum(_attrs(name)[column] > own for name in LINEUP)


def times(subject: Any, column: str, other: str) -> float:
    """column이 other의 몇 배인가."""
    return float(subject.table.attrs[column] / _attrs(other)[column])


def uses_per_parameter(subject: Any) -> float:
    """매개변수 하나가 사진 한 장에서 곱해지는 횟수의 평균: MAC / 매개변수."""
    return float(subject.table.attrs["macs"] / subject.table.attrs["params"])


BY_MODEL: dict[str, Callable[..., int | float | str]] = {
    function.__name__: function for function in (rank, times, uses_per_parameter)
}
