"""분석이 아는 연산의 표: 연산 이름 -> 어떤 종류인지, 인자에서 무엇을 읽는지.

새 연산은 OPS에 한 줄로 더한다. 표에 없는 연산은 0으로 치지 않고 UnknownOpError가 된다.
kind는 출력의 한 값이 입력의 어디를 보는지를 말한다.

window  주변을 창으로 본다: 합성곱, 풀링, 패딩
point   같은 자리만 본다: 활성화, 배치 정규화, 상수와의 사칙 연산
reshape 값은 그대로, 형태만 바뀐다
mix     dims 축을 통째로 섞는다: 완전 연결, 평균, softmax
order   축의 순서를 바꾼다: permute, transpose
pick    축에서 값을 고른다: x[:, :4], chunk, split, flip, roll, repeat
write   일부에 써넣는다: x[:, :4] = y
prefix  dims 축에서 그 앞의 것을 모두 본다: cumsum
move    dims 축에서 값을 알 수 없는 자리로 옮긴다: index_add
resize  출력마다 보는 자리의 목록(taps)이 따로 있다: 확대, 전치 합성곱
cat, stack  여러 갈래를 이어 붙인다
einsum  여러 갈래를 곱하고 더한다: 행렬 곱, attention

갈래가 여럿인 point(잔차 덧셈, 게이트 곱셈)는 같은 자리끼리 합쳐진다.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cnnlab.analysis.tracing import picks, products, windows
from cnnlab.analysis.tracing.calls import (
    Adaptive,
    Call,
    Details,
    Pick,
    Shape,
    Taps,
    Window,
    names,
    op_name,
    tensors_in,
)

__all__ = [
    "CONSTANT",
    "ESCAPES",
    "OPS",
    "PIECES",
    "SAME",
    "Adaptive",
    "Call",
    "Details",
    "Pick",
    "Shape",
    "Taps",
    "Window",
    "names",
    "op_name",
    "tensors_in",
]


@dataclass(frozen=True)
class Op:
    kind: str
    read: Callable[[Call], Details]


def _lines(kind: str, read: Callable[[Call], Details], names: str) -> dict[str, Op]:
    return {name: Op(kind, read) for name in names.split()}


# 상수의 형태에 맞추어 결과가 넓어질 수 있는 사칙 연산
BROADCASTING = names(
    "add sub mul div true_divide radd rsub rmul rdiv rtruediv pow rpow maximum minimum gt ge lt le eq ne"
)

# 이름은 앞뒤의 밑줄을 뗀 것이다: relu_, Tensor.relu, torch.relu, F.relu가 모두 "relu"다.
OPS: dict[str, Op] = {
    "conv2d": Op("window", windows.read_conv),
    "max_pool2d": Op("window", windows.read_max_pool),
    "max_pool2d_with_indices": Op("window", windows.read_max_pool),
    "avg_pool2d": Op("window", windows.read_avg_pool),
    "lp_pool2d": Op("window", windows.read_lp_pool),
    "adaptive_avg_pool2d": Op("window", windows.read_adaptive),
    "adaptive_max_pool2d": Op("window", windows.read_adaptive),
    "adaptive_max_pool2d_with_indices": Op("window", windows.read_adaptive),
    "pad": Op("window", windows.read_pad),
    "linear": Op("mix", products.read_linear),
    **_lines("mix", products.read_matmul, "matmul mm bmm rmatmul"),
    "einsum": Op("einsum", products.read_einsum),
    "multi_head_attention": Op("einsum", products.read_multi_head),
    "scaled_dot_product_attention": Op("einsum", products.read_attention),
    "conv_transpose2d": Op("resize", windows.read_conv_transpose),
    **_lines("resize", windows.read_interpolate, "interpolate upsample"),
    "pixel_shuffle": Op("resize", windows.read_pixel_shuffle),
    **_lines("cat", picks.read_cat, "cat concat concatenate"),
    "stack": Op("stack", picks.read_cat),
    **_lines("mix", picks.read_extreme, "max min"),
    **_lines("mix", picks.read_dim, "mean sum amax amin softmax log_softmax logsumexp var std argmax"),
    **_lines("mix", picks.read_image_norm, "group_norm instance_norm"),
    "normalize": Op("mix", picks.read_normalize),
    "layer_norm": Op("mix", picks.read_layer_norm),
    "index_add": Op("move", picks.read_move),
    "index_select": Op("pick", picks.read_index_select),
    "narrow": Op("pick", picks.read_narrow),
    "select": Op("pick", picks.read_one),
    "getitem": Op("pick", picks.read_index),
    "flip": Op("pick", picks.read_flip),
    "roll": Op("pick", picks.read_roll),
    **_lines("pick", picks.read_repeat, "repeat tile"),
    "repeat_interleave": Op("pick", picks.read_repeat_interleave),
    "setitem": Op("write", picks.read_write),
    **_lines("prefix", picks.read_dim, "cumsum cumprod"),
    **_lines("order", picks.read_order, "permute"),
    **_lines("order", picks.read_swap, "transpose swapaxes swapdims"),
    **_lines("order", picks.read_transposed, "mT t"),
    **_lines("reshape", picks.read_nothing, "flatten view view_as reshape reshape_as unflatten squeeze unsqueeze"),
    **_lines("point", picks.read_nothing, "expand expand_as where"),
    **_lines("point", picks.read_nothing, "batch_norm local_response_norm channel_shuffle prelu"),
    **_lines("point", picks.read_nothing, "dropout dropout1d dropout2d alpha_dropout feature_alpha_dropout"),
    **_lines("point", picks.read_nothing, "relu relu6 leaky_relu rrelu elu celu selu gelu silu mish softplus softsign"),
    **_lines(
        "point", picks.read_nothing, "tanh sigmoid hardtanh hardsigmoid hardswish hardshrink softshrink tanhshrink"
    ),
    **_lines("point", picks.read_nothing, "logsigmoid log_sigmoid threshold clamp clip"),
    **_lines("point", picks.read_nothing, "neg abs exp log log1p sqrt rsqrt square reciprocal sign sin cos erf"),
    **_lines("point", picks.read_nothing, " ".join(sorted(BROADCASTING))),
}

# 값을 보지 않거나(형태만 묻는다) 값이 그대로인 연산: 행이 되지 않는다.
SAME = names("clone contiguous detach data to type type_as float double half bfloat16 cpu cuda requires_grad")
# 입력에서는 형태만 가져오는 연산: 결과는 상수다.
CONSTANT = names(
    "new_zeros new_ones new_full new_empty new_tensor "
    "zeros_like ones_like full_like empty_like rand_like randn_like randint_like"
)
# 다른 텐서에서는 형태(나 자료형)만 가져오는 연산: 값은 첫 인자의 것이다
_LIKE = names("expand_as view_as reshape_as type_as to")
# 값을 torch 밖으로 내보내는 연산: 그 값이 되돌아오면 따라갈 수 없다.
ESCAPES = names("numpy array tolist")
# 결과가 여러 조각인 연산: 조각마다 노드가 하나씩이다.
PIECES = names("split chunk tensor_split unbind split_with_sizes")


def values_in(op: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """결과의 값을 정하는 텐서 인자들."""
    given = list(tensors_in((args, kwargs)))
    return given[:1] if op in _LIKE and args and isinstance(args[0], Tensor) else given
