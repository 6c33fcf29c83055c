"""신경망이 받을 수 있는 가장 작은 입력을 실제로 흘려 보며 찾는다."""

from collections.abc import Callable

from torch import nn

from cnnlab.analysis.errors import InputTooSmall
from cnnlab.analysis.tracing.calls import Shape
from cnnlab.analysis.tracing.checks import times
from cnnlab.analysis.tracing.run import run
from cnnlab.errors import LearnerError

_LARGEST_SEARCHED = 512  # 여기까지만 키워 본다, 화소


def needed_size(model: nn.Module, sizes: tuple[Shape, ...], *, training: bool = False) -> str:
    """필요한 높이와 너비를 말하는 문장. 못 찾으면 무엇을 바꿀지를 말한다."""
    size = sizes[0]

    def fits(height: int, width: int) -> bool:
        try:
            run(model, ((size[0], height, width), *sizes[1:]), training=training)
        except InputTooSmall:
            return False
        except LearnerError:
            pass  # 커널은 놓였다. 완전 연결의 길이 따위는 크기를 고친 뒤의 일이다
        return True

    given = f"받은 입력: {times(size[1:])}."
    large = 2 * max(size[1:])
    while large <= _LARGEST_SEARCHED and not fits(large, large):
        large *= 2
    if large > _LARGEST_SEARCHED:
        return f"{given} 입력을 키우거나 계층을 줄이세요."
    height = _smallest(lambda value: fits(value, large), large)
    width = _smallest(lambda value: fits(large, value), large)
    return f"{given} 이 신경망에 필요한 입력의 크기: 적어도 {times((height, width))}."


def _smallest(works: Callable[[int], bool], upper: int) -> int:
    """works(upper)가 참일 때, 참이 되는 가장 작은 값(이분 탐색)."""
    lower = 0
    while upper - lower > 1:
        middle = (lower + upper) // 2
        lower, upper = (lower, middle) if works(middle) else (middle, upper)
    return upper
