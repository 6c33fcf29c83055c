"""답을 채점하는 법: 수와 형태(코드는 `code_answers.py`).

기대하는 값은 저장하지 않고 물을 때 계산한다. `check(answer)`는 맞으면 그냥 돌아오고, 틀리면 `Wrong`,
아직 풀지 않았으면 `NotYet`을 던진다. 진단 문장은 답을 알려 주지 않는다.
"""

import math
import numbers
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

Shape = tuple[int, ...]


class Wrong(Exception):
    """틀린 답. 인자는 학생에게 보일 문장."""


class NotYet(Exception):
    """아직 풀지 않은 답(`None`, `...`, 빈 함수)."""


class Answer(Protocol):
    @property
    def kind(self) -> str: ...

    def check(self, answer: Any) -> None: ...


@dataclass(frozen=True)
class Mistake:
    """흔한 실수 하나: 그 실수가 내는 것(물을 때 만든다)과 학생에게 할 말."""

    made: Callable[..., Any]
    advice: str


NO_MATCH = "아직 맞지 않습니다. `hint()`를 실행하면 힌트를 하나씩 볼 수 있습니다."


def describe(value: Any) -> str:
    """받은 값을 한 줄로. 메모리 주소처럼 실행마다 달라지는 것은 넣지 않는다."""
    if isinstance(value, (str, bool, numbers.Number, list, tuple, dict, set)) and "0x" not in repr(value):
        text = " ".join(repr(value).split())
        return text if len(text) <= 40 else text[:37] + "..."
    if isinstance(value, torch.Tensor):
        return f"torch.Tensor, 형태 {tuple(value.shape)}"
    return f"{type(value).__name__} 객체"


# ---- 수 ------------------------------------------------------------------------------------------------------------


def parse_number(answer: Any) -> float:
    """int, float, "1,216", numpy·torch 스칼라 -> 수. 그 밖의 것은 Wrong."""
    value = answer
    if isinstance(value, str):
        try:
            value = float(re.sub(r"[,_\s]", "", value))
        except ValueError:
            raise Wrong(f"숫자를 적어 주세요. 받은 값: {describe(answer)}") from None
    elif isinstance(value, torch.Tensor) or type(value).__module__ == "numpy":
        if getattr(value, "ndim", 1) != 0:
            raise Wrong(f"숫자 하나를 적어 주세요. 받은 값: {describe(answer)}")
        value = value.item()
    if isinstance(value, (list, tuple, set, dict)):
        raise Wrong(f"숫자 하나를 적어 주세요. 받은 값: {describe(answer)}")
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise Wrong(f"숫자를 적어 주세요. 받은 값: {describe(answer)}")
    return float(value)


@dataclass(frozen=True)
class NumberAnswer:
    """수 하나. 64비트 실수가 정확히 나타내는 정수만 다룬다."""

    expected: Callable[[], float]
    mistakes: tuple[Mistake, ...]
    kind: str = field(default="number", init=False)

    def check(self, answer: Any) -> None:
        number = parse_number(answer)
        if number == self.expected():
            return
        for mistake in self.mistakes:
            if number == mistake.made():
                raise Wrong(mistake.advice)
        if number != int(number):
            raise Wrong(
                f"답은 정수입니다. 나누어떨어지지 않는 곳이 있다면 어떻게 할지 생각해 보세요. 받은 값: {number:g}"
            )
        raise Wrong(NO_MATCH)


# ---- 형태 ----------------------------------------------------------------------------------------------------------


def parse_shape(answer: Any) -> Shape:
    """tuple, list, torch.Size, 1차원 배열, "16x5x5" -> 정수 tuple. 그 밖의 것은 Wrong."""
    value = answer
    if isinstance(value, str):
        if not re.fullmatch(r"[\s\d,x×()\[\]]*\d[\s\d,x×()\[\]]*", value):
            raise Wrong(f"형태를 (채널, 세로, 가로)처럼 적어 주세요. 받은 값: {describe(answer)}")
        value = re.findall(r"\d+", value)
    elif isinstance(value, torch.Tensor) or type(value).__module__ == "numpy":
        value = value.tolist()
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        value = (value,)
    if not isinstance(value, (tuple, list)):
        raise Wrong(f"형태를 (채널, 세로, 가로)처럼 적어 주세요. 받은 값: {describe(answer)}")
    sizes = tuple(parse_number(item) for item in value)
    if any(size != int(size) or size < 1 for size in sizes):
        raise Wrong(f"형태에는 1 이상의 정수만 들어갑니다. 받은 값: {describe(answer)}")
    return tuple(int(size) for size in sizes)


@dataclass(frozen=True)
class ShapeAnswer:
    """배치를 뺀 형태 (채널, 세로, 가로)."""

    expected: Callable[[], Shape]
    mistakes: tuple[Mistake, ...]
    kind: str = field(default="shape", init=False)

    def check(self, answer: Any) -> None:
        shape, expected = parse_shape(answer), self.expected()
        if shape == expected:
            return
        for mistake in self.mistakes:
            if shape == mistake.made():
                raise Wrong(mistake.advice)
        if shape[1:] == expected:
            raise Wrong("배치 차원은 빼고 (채널, 세로, 가로)만 적으세요.")
        if shape == (*expected[1:], expected[0]):
            raise Wrong("순서를 보세요. PyTorch는 채널을 맨 앞에 둡니다: (채널, 세로, 가로).")
        if len(shape) != len(expected):
            raise Wrong(f"(채널, 세로, 가로)로 수 {len(expected)}개를 적으세요. 받은 값: {shape}")
        raise Wrong(NO_MATCH)
