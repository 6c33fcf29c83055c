"""분석이 아는 연산의 표: 연산 이름 -> 어떤 종류인지, 인자에서 무엇을 읽는지.

새 연산은 OPS에 한 줄로 더한다. 표에 없는 연산은 0으로 치지 않고 UnknownOpError가 된다.
kind는 출력의 한 값이 입력의 어디를 보는지를 말한다.

window  주변을 창으로 본다: 합성곱, 풀링, 패딩
point   같은 자리만 본다: 활성화, 배치 정규화, 상수와의 사칙 연산
reshape 값은 그대로, 형태만 바뀐다
mix     dims 축을 통째로 섞는다: 완전 연결, 평균, softmax
order   축의 순서를 바꾼다: permute, transpose
pick    축에서 값을 고른다: x[:, :4], chunk, split
move    dims 축에서 값을 알 수 없는 자리로 옮긴다: index_add
resize  출력마다 보는 자리의 목록(taps)이 따로 있다: 확대, 전치 합성곱
cat, stack  여러 갈래를 이어 붙인다
einsum  여러 갈래를 곱하고 더한다: 행렬 곱, attention

갈래가 여럿인 point(잔차 덧셈, 게이트 곱셈)는 같은 자리끼리 합쳐진다.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnnlab.analysis.formulas import Pair, conv_macs, linear_macs, pair

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
    """F.pad의 순서는 (왼쪽, 오른쪽, 위, 아래, 채널 앞, 채널 뒤)이다. 음수는 잘라 내는 것이다."""
    pads = list(call.get(1, "pad"))
    left, right, top, bottom = [*pads, 0, 0][:4]
    if any(pads[6:]) or min(pads[4:], default=0) < 0 or call.x.ndim != 4:
        raise NotImplementedError
    return Details(Window((1, 1), padding=((top, bottom), (left, right))))


def read_linear(call: Call) -> Details:
    weight = tuple(call.get(1, "weight").shape)
    out_in = (weight[0], weight[1]) if len(weight) == 2 else (1, weight[0])
    macs = 0 if call.out is None else linear_macs(out_in, tuple(call.out.shape[1:]))
    return Details(weight=weight, dims=(call.x.ndim - 1,), macs=macs)


def read_matmul(call: Call) -> Details:
    """x @ 상수는 마지막 축을 섞고, 갈래끼리의 곱(attention)과 상수 @ x는 einsum이다."""
    first, second = call.args[0], call.get(1, "other", call.kwargs.get("mat2"))
    if min(first.ndim, second.ndim) < 2 or call.out is None:
        raise NotImplementedError
    macs = math.prod(call.out.shape[1:]) * first.shape[-1]
    if first is call.x and len(call.graph) == 1:
        return Details(weight=tuple(second.shape), dims=(call.x.ndim - 1,), macs=macs)
    batch = "abcdefgh"[: call.out.ndim - 2]
    left, right = batch[len(batch) - first.ndim + 2 :] + "ik", batch[len(batch) - second.ndim + 2 :] + "kj"
    return Details(equation=f"{left},{right}->{batch}ij", macs=macs, kind="einsum")


def read_einsum(call: Call) -> Details:
    """곱은 둘까지만 센다: 셋 이상이면 어떤 순서로 곱하는지에 따라 비용이 다르다."""
    equation = call.args[0].replace(" ", "")
    given = list(tensors_in(call.args[1:]))
    if "->" not in equation or "." in equation or len(given) > 2:
        raise NotImplementedError
    letters = equation.split("->")[0].split(",")
    if any(len(set(term)) < len(term) for term in letters):
        raise NotImplementedError  # 대각선
    sizes = {
        name: size for term, t in zip(letters, given, strict=True) for name, size in zip(term, t.shape, strict=True)
    }
    sizes[equation.split("->")[1][:1]] = 1  # 배치
    return Details(equation=equation, macs=math.prod(sizes.values()) if len(given) == 2 else 0)


def read_attention(call: Call) -> Details:
    """scaled_dot_product_attention(q, k, v): 점수를 내는 곱과 값을 모으는 곱."""
    q, k, v = (call.get(at, name) for at, name in enumerate(("query", "key", "value")))
    batch = "abcdefgh"[: q.ndim - 2]
    head = math.prod(q.shape[1:-1]) * k.shape[-2]
    return Details(
        equation=f"{batch}ik,{batch}jk,{batch}jv->{batch}iv", macs=head * (q.shape[-1] + v.shape[-1]), kind="einsum"
    )


def read_conv_transpose(call: Call) -> Details:
    """출력 i는 i = t·stride - padding + k·dilation인 입력 t를 본다."""
    weight, out = tuple(call.get(1, "weight").shape), call.out
    assert out is not None
    stride, padding = _pair(call.get(3, "stride", 1)), _pair(call.get(4, "padding", 0))
    dilation = _pair(call.get(7, "dilation", 1))
    window = Window((weight[2], weight[3]), stride, _both(padding), dilation)
    taps = []
    for axis in range(2):
        kernel, step, (before, _), apart = window.along(axis)
        size = call.x.shape[2 + axis]
        reached = [[i + before - k * apart for k in range(kernel)] for i in range(out.shape[2 + axis])]
        taps.append(tuple(tuple(t // step for t in row if t % step == 0 and 0 <= t // step < size) for row in reached))
    macs = math.prod(weight) * math.prod(call.x.shape[2:])
    return Details(window, call.get(6, "groups", 1), weight, macs=macs, taps=(taps[0], taps[1]))


def read_interpolate(call: Call) -> Details:
    """확대와 축소: 어느 자리를 섞는지 torch의 연산 자신에게 한 축씩 물어본다."""
    if call.x.ndim != 4 or call.out is None:
        raise NotImplementedError
    names = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias")
    options = {name: value for at, name in enumerate(names) if (value := call.get(at + 1, name)) is not None}
    taps = []
    for axis in range(2):
        one = {
            name: (value[axis], 1) if isinstance(value, (tuple, list)) else (value, 1)
            for name, value in options.items()
            if name in ("size", "scale_factor")
        }
        basis = torch.eye(call.x.shape[2 + axis], device="cpu")[:, None, :, None]
        weights = torch.nn.functional.interpolate(basis, **{**options, **one})[:, 0, :, 0]
        taps.append(tuple(tuple(torch.nonzero(column.abs() > 1e-5).flatten().tolist()) for column in weights.T))
    return Details(taps=(taps[0], taps[1]))


def read_pixel_shuffle(call: Call) -> Details:
    """(C·r², H, W) -> (C, H·r, W·r): 출력 i는 입력 i // r에서 온다."""
    factor = call.get(1, "upscale_factor")
    y, x = (tuple((i // factor,) for i in range(size * factor)) for size in call.x.shape[-2:])
    return Details(taps=(y, x))


def read_extreme(call: Call) -> Details:
    """max(x, dim)은 축을 섞고 max(x, y)는 같은 자리끼리 견준다."""
    if isinstance(call.get(1, "other"), Tensor):
        return Details(kind="point")
    return read_dim(call)


def read_cat(call: Call) -> Details:
    out = call.out
    assert out is not None
    return Details(dims=(call.get(1, "dim", call.kwargs.get("axis", 0)) % out.ndim,))


def read_dim(call: Call) -> Details:
    """sum(x, dim), softmax(x, dim)..."""
    return Details(dims=call.dims(call.get(1, "dim")))


def read_normalize(call: Call) -> Details:
    """F.normalize(x, p, dim=1)."""
    return Details(dims=call.dims(call.get(2, "dim", 1)))


def read_move(call: Call) -> Details:
    """상수.index_add(dim, index, x)."""
    return Details(dims=call.dims(call.get(1, "dim")))


def read_index_select(call: Call) -> Details:
    (dim,) = call.dims(call.get(1, "dim"))
    return _pick(call.x.ndim, {dim: Pick(dim, _values(call.get(2, "index")))})


def read_narrow(call: Call) -> Details:
    """narrow(x, dim, start, length)."""
    (dim,) = call.dims(call.get(1, "dim"))
    start = int(call.get(2, "start")) % call.x.shape[dim]
    return _pick(call.x.ndim, {dim: Pick(dim, range(start, start + call.get(3, "length")))})


def read_one(call: Call) -> Details:
    """select(x, dim, index): 축 하나가 사라진다."""
    (dim,) = call.dims(call.get(1, "dim"))
    return _pick(call.x.ndim, {dim: Pick(dim, (call.get(2, "index") % call.x.shape[dim],), keep=False)})


def read_piece(call: Call, op: str, number: int, pieces: list[Tensor]) -> Details:
    """split, chunk, unbind의 number번째 조각."""
    (dim,) = call.dims(call.get(1 if op == "unbind" else 2, "dim", 0))
    if op == "unbind":
        return _pick(call.x.ndim, {dim: Pick(dim, (number,), keep=False)})
    start = sum(piece.shape[dim] for piece in pieces[:number])
    return _pick(call.x.ndim, {dim: Pick(dim, range(start, start + pieces[number].shape[dim]))})


def _pick(ndim: int, chosen: dict[int, Pick]) -> Details:
    return Details(dims=tuple(chosen), picks=tuple(chosen.get(dim, Pick(dim)) for dim in range(ndim)))


def _values(index: Any) -> tuple[int, ...]:
    """번호들. 값을 볼 수 없으면(meta) 빈 튜플이다."""
    if not isinstance(index, Tensor):
        return tuple(index)
    if index.is_meta:
        return ()
    return tuple((torch.nonzero(index) if index.dtype == torch.bool else index).flatten().tolist())


def read_layer_norm(call: Call) -> Details:
    """layer_norm은 normalized_shape만큼 뒤쪽 축들을 섞는다."""
    return Details(dims=tuple(range(call.x.ndim - len(call.get(1, "normalized_shape")), call.x.ndim)))


def read_image_norm(call: Call) -> Details:
    """group_norm, instance_norm은 그림 한 장을 통째로 섞는다. 저장된 통계를 쓰면 배치 정규화처럼 섞지 않는다."""
    return Details(dims=tuple(range(1, call.x.ndim)) if call.kwargs.get("use_input_stats", True) else ())


def read_order(call: Call) -> Details:
    """permute(x, *dims): 결과의 축마다 원래 축의 번호."""
    dims = call.kwargs.get("dims", call.args[1] if len(call.args) == 2 else call.args[1:])
    return Details(dims=tuple(dim % call.x.ndim for dim in dims))


def read_swap(call: Call) -> Details:
    return _swapped(call, call.get(1, "dim0"), call.get(2, "dim1"))


def read_transposed(call: Call) -> Details:
    """x.mT, x.t()."""
    return _swapped(call, -1, -2)


def _swapped(call: Call, first: int, second: int) -> Details:
    order = list(range(call.x.ndim))
    order[first], order[second] = order[second], order[first]
    return Details(dims=tuple(order))


def read_index(call: Call) -> Details:
    """x[:, idx]. 축이 여럿인 mask나 번호 목록을 두 축에 쓴 것은 모르는 연산이다."""
    given = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    if any(isinstance(item, bool) or (isinstance(item, Tensor) and item.ndim > 1) for item in given):
        raise NotImplementedError
    taken = sum(1 for item in given if item is not None and item is not Ellipsis)
    picks: list[Pick] = []
    dim = 0
    for item in [*given, *([] if Ellipsis in [i for i in given if not isinstance(i, Tensor)] else [Ellipsis])]:
        if item is None:
            picks.append(Pick(None))
            continue
        if item is Ellipsis:
            picks += [Pick(dim + more) for more in range(call.x.ndim - taken)]
            dim += call.x.ndim - taken
            continue
        size = call.x.shape[dim]
        if isinstance(item, slice):
            chosen = range(*item.indices(size))
            picks.append(Pick(dim) if len(chosen) == size and chosen.step == 1 else Pick(dim, chosen))
        elif isinstance(item, int):
            picks.append(Pick(dim, (item % size,), keep=False))
        else:
            picks.append(Pick(dim, _values(item)))
        dim += 1
    lists = [item for item in given if not (item is None or item is Ellipsis or isinstance(item, (slice, int)))]
    touched = [pick for pick in picks if pick.dim is not None and pick.indices is not None]
    if lists and len(touched) > 1:
        raise NotImplementedError
    return Details(dims=tuple(pick.dim for pick in touched if pick.dim is not None), picks=tuple(picks))


def read_nothing(call: Call) -> Details:
    return Details()


def names(text: str) -> frozenset[str]:
    """빈칸으로 나눈 이름들."""
    return frozenset(text.split())


def _lines(kind: str, read: Callable[[Call], Details], names: str) -> dict[str, Op]:
    return {name: Op(kind, read) for name in names.split()}


# 상수의 형태에 맞추어 결과가 넓어질 수 있는 사칙 연산
BROADCASTING = names(
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
    **_lines("mix", read_matmul, "matmul mm bmm rmatmul"),
    "einsum": Op("einsum", read_einsum),
    "scaled_dot_product_attention": Op("einsum", read_attention),
    "conv_transpose2d": Op("resize", read_conv_transpose),
    **_lines("resize", read_interpolate, "interpolate upsample"),
    "pixel_shuffle": Op("resize", read_pixel_shuffle),
    **_lines("cat", read_cat, "cat concat concatenate"),
    "stack": Op("stack", read_cat),
    **_lines("mix", read_extreme, "max min"),
    **_lines("mix", read_dim, "mean sum amax amin softmax log_softmax logsumexp var std argmax"),
    **_lines("mix", read_image_norm, "group_norm instance_norm"),
    "normalize": Op("mix", read_normalize),
    "layer_norm": Op("mix", read_layer_norm),
    "index_add": Op("move", read_move),
    "index_select": Op("pick", read_index_select),
    "narrow": Op("pick", read_narrow),
    "select": Op("pick", read_one),
    "getitem": Op("pick", read_index),
    **_lines("order", read_order, "permute"),
    **_lines("order", read_swap, "transpose swapaxes swapdims"),
    **_lines("order", read_transposed, "mT t"),
    **_lines("reshape", read_nothing, "flatten view reshape unflatten squeeze unsqueeze"),
    **_lines("point", read_nothing, "expand expand_as where"),
    **_lines("point", read_nothing, "batch_norm local_response_norm channel_shuffle prelu"),
    **_lines("point", read_nothing, "dropout dropout1d dropout2d alpha_dropout feature_alpha_dropout"),
    **_lines("point", read_nothing, "relu relu6 leaky_relu rrelu elu celu selu gelu silu mish softplus softsign"),
    **_lines("point", read_nothing, "tanh sigmoid hardtanh hardsigmoid hardswish hardshrink softshrink tanhshrink"),
    **_lines("point", read_nothing, "logsigmoid log_sigmoid threshold clamp clip"),
    **_lines("point", read_nothing, "neg abs exp log log1p sqrt rsqrt square reciprocal sign sin cos erf"),
    **_lines("point", read_nothing, " ".join(sorted(BROADCASTING))),
}

# 값을 보지 않거나(형태만 묻는다) 값이 그대로인 연산: 행이 되지 않는다.
SAME = names("clone contiguous detach data to type type_as float double half bfloat16 cpu cuda requires_grad")
# 입력에서는 형태만 가져오는 연산: 결과는 상수다.
CONSTANT = names(
    "new_zeros new_ones new_full new_empty new_tensor "
    "zeros_like ones_like full_like empty_like rand_like randn_like randint_like"
)
# 값을 torch 밖으로 내보내는 연산: 그 값이 되돌아오면 따라갈 수 없다.
ESCAPES = names("numpy array tolist")
# 결과가 여러 조각인 연산: 조각마다 노드가 하나씩이다.
PIECES = names("split chunk tensor_split unbind split_with_sizes")


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
