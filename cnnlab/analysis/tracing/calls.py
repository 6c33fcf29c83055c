"""연산을 부른 그대로(Call)와, 거기서 읽은 것(Details)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cnnlab.analysis.formulas import Pair

Shape = tuple[int, ...]
Taps = tuple[tuple[int, ...], ...]  # 출력마다, 그 출력이 보는 입력의 번호들


@dataclass(frozen=True)
class Window:
    """창을 미는 방식. 모든 값은 (세로, 가로)이고 padding은 ((위, 아래), (왼쪽, 오른쪽))이다."""

    kernel: Pair
    stride: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    def along(self, axis: int) -> tuple[int, int, Pair, int]:
        """한 축(0 세로, 1 가로)의 (kernel, stride, padding, dilation)."""
        return self.kernel[axis], self.stride[axis], self.padding[axis], self.dilation[axis]


@dataclass(frozen=True)
class Adaptive:
    """적응 풀링: 입력 n개를 output개의 창으로 나눈다. i번째 창은 floor(i·n/o)에서 ceil((i+1)·n/o)까지다."""

    output: Pair


@dataclass(frozen=True)
class Pick:
    """결과의 축 하나, 또는 사라지는 축 하나. dim이 None이면 새로 생긴 크기 1의 축이다.

    indices: 고른 번호(None이면 모두, 빈 튜플이면 값을 알 수 없음). keep: 결과에 축이 남는가.
    """

    dim: int | None
    indices: range | tuple[int, ...] | None = None
    keep: bool = True


@dataclass(frozen=True)
class Details:
    """한 번의 호출에서 읽은 것. dims는 입력 텐서의 축 번호(음수 아님)다.

    picks: 결과의 축을 만드는 방법. taps: (세로, 가로) 출력마다 보는 자리. equation: 배치까지 적은 einsum의 식.
    kind: 같은 이름의 연산이 인자에 따라 다른 종류일 때(max(x, dim)과 max(x, y)).
    """

    window: Window | Adaptive | None = None
    groups: int = 1
    weight: Shape | None = None
    dims: tuple[int, ...] = ()
    macs: int = 0
    picks: tuple[Pick, ...] = ()
    taps: tuple[Taps, Taps] | None = None
    equation: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Call:
    """연산을 부른 그대로: x는 입력에서 나온 첫 텐서, out은 결과, graph는 입력에서 나온 텐서 모두."""

    x: Tensor
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    out: Tensor | None = None
    graph: tuple[Tensor, ...] = ()

    def get(self, position: int, name: str, default: Any = None) -> Any:
        if name in self.kwargs:
            return self.kwargs[name]
        return self.args[position] if position < len(self.args) else default

    def dims(self, value: Any) -> tuple[int, ...]:
        """dim 인자를 음수 없는 축 번호로. None이면 모든 축이다."""
        if value is None or value == ():
            return tuple(range(self.x.ndim))
        return tuple(sorted(d % self.x.ndim for d in ((value,) if isinstance(value, int) else value)))


def op_name(func: Callable[..., Any]) -> str:
    """torch 함수의 이름에서 밑줄을 뗀 것. x.T, x.data 같은 속성은 속성의 이름이다."""
    name = getattr(func, "__name__", type(func).__name__)
    if name == "__get__":
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    return name.strip("_")


def tensors_in(value: Any) -> Iterator[Tensor]:
    """튜플, 목록, 사전 안의 텐서를 차례로."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)


def names(text: str) -> frozenset[str]:
    """빈칸으로 나눈 이름들."""
    return frozenset(text.split())
