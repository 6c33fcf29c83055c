"""분석이 아는 연산의 표: 연산 이름 -> 어떤 종류인지, 인자에서 무엇을 읽는지.

새 연산은 OPS에 한 줄로 더한다. 표에 없는 연산은 0으로 치지 않고 UnknownOpError가 된다.
kind는 출력의 한 값이 입력의 어디를 보는지를 말한다.

window  주변을 창으로 본다: 합성곱, 풀링, 패딩
point   같은 자리만 본다: 활성화, 배치 정규화, 상수와의 사칙 연산
reshape 값은 그대로, 형태만 바뀐다
mix     dims 축을 통째로 섞는다: 완전 연결, 평균, softmax
move    dims 축에서 값을 고르거나 옮긴다: 채널 고르기, 축 바꾸기
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnnlab.analysis.formulas import Pair, conv_macs, linear_macs, pair

Shape = tuple[int, ...]


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
class Details:
    """한 번의 호출에서 읽은 것. dims는 입력 텐서의 축 번호(음수 아님)다."""

    window: Window | Adaptive | None = None
    groups: int = 1
    weight: Shape | None = None
    dims: tuple[int, ...] = ()
    macs: int = 0


@dataclass(frozen=True)
class Call:
    """연산을 부른 그대로: x는 입력에서 나온 텐서, out은 결과."""

    x: Tensor
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    out: Tensor | None = None

    def get(self, position: int, name: str, default: Any = None) -> Any:
        if name in self.kwargs:
            return self.kwargs[name]
        return self.args[position] if position < len(self.args) else default

    def dims(self, value: Any) -> tuple[int, ...]:
        """dim 인자를 음수 없는 축 번호로. None이면 모든 축이다."""
        if value is None or value == ():
            return tuple(range(self.x.ndim))
        return tuple(sorted(d % self.x.ndim for d in ((value,) if isinstance(value, int) else value)))


@dataclass(frozen=True)
class Op:
    kind: str
    read: Callable[[Call], Details]


def _pair(value: Any) -> Pair:
    """torch는 3, (3,), [3, 3]을 모두 받는다."""
    values = [value] if isinstance(value, int) else list(value)
    return pair(values[0] if len(values) == 1 else (values[0], values[1]))


def _both(padding: Pair) -> tuple[Pair, Pair]:
    return (padding[0], padding[0]), (padding[1], padding[1])


def _same_padding(kernel: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    """padding='same': 홀수가 남으면 뒤쪽(아래, 오른쪽)에 하나 더 붙인다."""
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    top_bottom, left_right = ((total // 2, total - total // 2) for total in totals)
    return top_bottom, left_right


def read_conv(call: Call) -> Details:
    weight = tuple(call.get(1, "weight").shape)
    kernel = (weight[2], weight[3])
    padding, dilation = call.get(4, "padding", 0), _pair(call.get(5, "dilation", 1))
    numbers = 0 if padding == "valid" else padding
    sides = _same_padding(kernel, dilation) if padding == "same" else _both(_pair(numbers))
    window = Window(kernel, _pair(call.get(3, "stride", 1)), sides, dilation)
    macs = 0 if call.out is None else conv_macs(weight, tuple(call.out.shape[1:]))
    return Details(window, call.get(6, "groups", 1), weight, macs=macs)


def _pool_window(call: Call, padding: Any, dilation: Any, ceil_mode: bool, first: int = 1) -> Window:
    kernel = _pair(call.get(first, "kernel_size"))
    stride = call.get(first + 1, "stride")
    stride = kernel if stride is None or stride == [] else _pair(stride)  # 생략하면 커널과 같다
    return Window(kernel, stride, _both(_pair(padding)), _pair(dilation), bool(ceil_mode))


def read_max_pool(call: Call) -> Details:
    return Details(
        _pool_window(call, call.get(3, "padding", 0), call.get(4, "dilation", 1), call.get(5, "ceil_mode", False))
    )


def read_avg_pool(call: Call) -> Details:
    return Details(_pool_window(call, call.get(3, "padding", 0), 1, call.get(4, "ceil_mode", False)))


def read_lp_pool(call: Call) -> Details:
    return Details(_pool_window(call, 0, 1, call.get(4, "ceil_mode", False), first=2))


def read_adaptive(call: Call) -> Details:
    size = call.get(1, "output_size")
    height, width = (size, size) if size is None or isinstance(size, int) else tuple(size) * (2 // len(size))
    h, w = call.x.shape[-2:]
    return Details(Adaptive((h if height is None else height, w if width is None else width)))


def read_pad(call: Call) -> Details:
    """F.pad의 순서는 (왼쪽, 오른쪽, 위, 아래, ...)이다. 채널에 붙이거나 잘라 내는 것(음수)은 모르는 연산이다."""
    pads = list(call.get(1, "pad"))
    left, right, top, bottom = [*pads, 0, 0][:4]
    if any(pads[4:]) or min(pads, default=0) < 0:
        raise NotImplementedError
    return Details(Window((1, 1), padding=((top, bottom), (left, right))))


def read_linear(call: Call) -> Details:
    weight = tuple(call.get(1, "weight").shape)
    out_in = (weight[0], weight[1]) if len(weight) == 2 else (1, weight[0])
    macs = 0 if call.out is None else linear_macs(out_in, tuple(call.out.shape[1:]))
    return Details(weight=weight, dims=(call.x.ndim - 1,), macs=macs)


def read_matmul(call: Call) -> Details:
    """x @ 상수. 상수 @ x는 다른 축을 섞으므로 모르는 연산으로 둔다."""
    if call.args[0] is not call.x or call.x.ndim < 2 or call.out is None:
        raise NotImplementedError
    constant = call.get(1, "other", call.kwargs.get("mat2"))
    macs = math.prod(call.out.shape[1:]) * call.x.shape[-1]
    return Details(weight=tuple(constant.shape), dims=(call.x.ndim - 1,), macs=macs)


def read_dim(call: Call) -> Details:
    """sum(x, dim), softmax(x, dim)..."""
    return Details(dims=call.dims(call.get(1, "dim")))


def read_normalize(call: Call) -> Details:
    """F.normalize(x, p, dim=1)."""
    return Details(dims=call.dims(call.get(2, "dim", 1)))


def read_select(call: Call) -> Details:
    """index_select(x, dim, index), index_add(상수, dim, index, x)."""
    return Details(dims=call.dims(call.get(1, "dim")))


def read_layer_norm(call: Call) -> Details:
    """layer_norm은 normalized_shape만큼 뒤쪽 축들을 섞는다."""
    return Details(dims=tuple(range(call.x.ndim - len(call.get(1, "normalized_shape")), call.x.ndim)))


def read_image_norm(call: Call) -> Details:
    """group_norm, instance_norm은 그림 한 장을 통째로 섞는다. 저장된 통계를 쓰면 배치 정규화처럼 섞지 않는다."""
    return Details(dims=tuple(range(1, call.x.ndim)) if call.kwargs.get("use_input_stats", True) else ())


def read_order(call: Call) -> Details:
    """permute(x, *dims): 자리를 옮긴 축."""
    dims = call.kwargs.get("dims", call.args[1] if len(call.args) == 2 else call.args[1:])
    return Details(dims=tuple(at for at, dim in enumerate(dims) if dim % call.x.ndim != at))


def read_swap(call: Call) -> Details:
    first, second = call.get(1, "dim0"), call.get(2, "dim1")
    return Details(dims=call.dims((first, second)))


def read_index(call: Call) -> Details:
    """x[:, idx]: 통째로(:) 두지 않은 축. 축이 여럿인 mask나 번호 목록을 두 축에 쓴 것은 모르는 연산이다."""
    index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    if any(isinstance(item, bool) or (_is_mask(item) and item.ndim > 1) for item in index):
        raise NotImplementedError
    taken = sum(1 for item in index if item is not None and item is not Ellipsis)
    touched, lists, axis = [], 0, 0
    for item in index:
        if item is Ellipsis:
            axis += call.x.ndim - taken
        elif item is not None:
            if not (isinstance(item, slice) and item == slice(None)):
                touched.append(axis)
                lists += not isinstance(item, (slice, int))
            axis += 1
    if lists and len(touched) > 1:
        raise NotImplementedError
    return Details(dims=tuple(touched))


def _is_mask(item: Any) -> bool:
    return isinstance(item, Tensor) and item.dtype == torch.bool


def read_nothing(call: Call) -> Details:
    return Details()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _lines(kind: str, read: Callable[[Call], Details], names: str) -> dict[str, Op]:
    return {name: Op(kind, read) for name in names.split()}


# 상수의 형태에 맞추어 결과가 넓어질 수 있는 사칙 연산
BROADCASTING = _names(
    "add sub mul div true_divide radd rsub rmul rdiv rtruediv pow rpow maximum minimum gt ge lt le eq ne"
)

# 이름은 앞뒤의 밑줄을 뗀 것이다: relu_, Tensor.relu, torch.relu, F.relu가 모두 "relu"다.
OPS: dict[str, Op] = {
    "conv2d": Op("window", read_conv),
    "max_pool2d": Op("window", read_max_pool),
    "max_pool2d_with_indices": Op("window", read_max_pool),
    "avg_pool2d": Op("window", read_avg_pool),
    "lp_pool2d": Op("window", read_lp_pool),
    "adaptive_avg_pool2d": Op("window", read_adaptive),
    "adaptive_max_pool2d": Op("window", read_adaptive),
    "adaptive_max_pool2d_with_indices": Op("window", read_adaptive),
    "pad": Op("window", read_pad),
    "linear": Op("mix", read_linear),
    **_lines("mix", read_matmul, "matmul mm"),
    **_lines("mix", read_dim, "mean sum amax amin softmax log_softmax logsumexp var std argmax"),
    **_lines("mix", read_image_norm, "group_norm instance_norm"),
    "normalize": Op("mix", read_normalize),
    "layer_norm": Op("mix", read_layer_norm),
    **_lines("move", read_select, "index_select index_add"),
    **_lines("move", read_order, "permute"),
    **_lines("move", read_swap, "transpose swapaxes"),
    **_lines("move", read_index, "getitem"),
    **_lines("reshape", read_nothing, "flatten view reshape unflatten squeeze unsqueeze"),
    **_lines("point", read_nothing, "batch_norm local_response_norm channel_shuffle prelu"),
    **_lines("point", read_nothing, "dropout dropout1d dropout2d alpha_dropout feature_alpha_dropout"),
    **_lines("point", read_nothing, "relu relu6 leaky_relu rrelu elu celu selu gelu silu mish softplus softsign"),
    **_lines("point", read_nothing, "tanh sigmoid hardtanh hardsigmoid hardswish hardshrink softshrink tanhshrink"),
    **_lines("point", read_nothing, "logsigmoid log_sigmoid threshold clamp clip"),
    **_lines("point", read_nothing, "neg abs exp log log1p sqrt rsqrt square reciprocal sign sin cos erf"),
    **_lines("point", read_nothing, " ".join(sorted(BROADCASTING))),
}

# 값을 보지 않거나(형태만 묻는다) 값이 그대로인 연산: 행이 되지 않는다.
SAME = _names("clone contiguous detach data to type type_as float double half bfloat16 cpu cuda requires_grad")
# 입력에서는 형태만 가져오는 연산: 결과는 상수다.
CONSTANT = _names(
    "new_zeros new_ones new_full new_empty new_tensor "
    "zeros_like ones_like full_like empty_like rand_like randn_like randint_like"
)
# 값을 torch 밖으로 내보내는 연산: 그 값이 되돌아오면 따라갈 수 없다.
ESCAPES = _names("numpy array tolist")
# 여러 갈래를 하나로 모으는 연산: 다음 판에서 규칙이 생긴다.
JOINS = _names("cat concat concatenate stack hstack vstack dstack")


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
