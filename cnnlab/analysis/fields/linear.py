"""종류마다의 선형 연산: 연결만 남기려고 원래 연산을 대신한다.

(노드, 인자마다의 값, 원래 연산) -> 결과. 원래 연산은 값을 옮기기만 하는 종류에서 쓴다.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab.analysis.formulas import conv_output_size
from cnnlab.analysis.graph import Node
from cnnlab.analysis.tracing.calls import Taps, Window
from cnnlab.analysis.tracing.recorder import BATCH

Values = list[Tensor | None]  # 인자로 받은 텐서마다: 입력에서 나온 값, 상수면 None


def _linear_window(node: Node, values: Values, run: Callable[[], Any]) -> Tensor:
    (x,) = [value for value in values if value is not None]
    if node.op == "pad":
        return run()
    if not isinstance(node.window, Window):
        return F.adaptive_avg_pool2d(x, node.window.output if node.window else 1)
    # 합성곱도 풀링도 모든 가중치가 1인 합성곱이다. 풀링은 채널끼리 섞지 않는다
    window, channels = node.window, x.shape[1]
    weight = x.new_ones(node.weight or (channels, 1, *window.kernel))
    sides = []
    for at, size in enumerate(x.shape[-2:]):
        kernel, stride, padding, dilation = window.along(at)
        windows = conv_output_size(size, kernel, stride, padding, dilation, window.ceil_mode)
        needed = (windows - 1) * stride + dilation * (kernel - 1) + 1  # ceil_mode의 마지막 창까지 덮는 크기
        sides.append((padding[0], needed - size - padding[0]))
    (top, bottom), (left, right) = sides
    padded = F.pad(x, (left, right, top, bottom))
    groups = node.groups if node.weight else channels
    return F.conv2d(padded, weight, stride=window.stride, dilation=window.dilation, groups=groups)


def _linear_resize(node: Node, values: Values, run: Callable[[], Any]) -> Tensor:
    (x,) = [value for value in values if value is not None]
    if node.op == "pixel_shuffle":
        return run()
    assert node.taps is not None
    # 축마다 0과 1의 행렬을 곱한다
    y, x_taps = (_matrix(taps, size) for taps, size in zip(node.taps, x.shape[-2:], strict=True))
    out = y @ x @ x_taps.T
    if node.weight is None:
        return out
    grouped = out.unflatten(1, (node.groups, -1)).sum(2, keepdim=True)
    return grouped.expand(-1, -1, node.weight[1], -1, -1).flatten(1, 2)


def _matrix(taps: Taps, size: int) -> Tensor:
    matrix = torch.zeros(len(taps), size)
    for row, columns in enumerate(taps):
        matrix[row, list(columns)] = 1
    return matrix


def _linear_point(node: Node, values: Values, run: Callable[[], Any]) -> Tensor:
    """갈래들의 합. 넓혀지면(broadcasting) 넓힌다."""
    shape = (BATCH, *node.output_shape)
    branches = [value.expand(shape) for value in values if value is not None]
    total = branches[0].view_as(branches[0])
    for branch in branches[1:]:
        total = total + branch
    if node.op == "local_response_norm":
        return total + total.mean(1, keepdim=True)
    return run() if node.op == "channel_shuffle" else total


def _linear_mix(node: Node, values: Values, run: Callable[[], Any]) -> Tensor:
    (x,) = [value for value in values if value is not None]
    if node.weight is not None:
        return x.mean(-1, keepdim=True).expand(BATCH, *node.output_shape)
    mean = x.mean(node.dims, keepdim=True)
    if node.output_shape == node.input_shape:
        return x + mean
    return mean.reshape(BATCH, *node.output_shape)


def _linear_einsum(node: Node, values: Values, run: Callable[[], Any]) -> Tensor:
    """곱의 합을 합의 합으로: 사라지는 글자로 평균을 내어 더한다."""
    terms, result = node.equation.split("->")
    total = torch.zeros(BATCH, *node.output_shape)
    for term, value in zip(terms.split(","), values, strict=False):
        if value is None:
            continue
        mean = torch.einsum(f"{term}->{''.join(letter for letter in result if letter in term)}", value)
        ordered = [value.shape[term.index(letter)] if letter in term else 1 for letter in result]
        total = total + mean.reshape(ordered)
    return total


def _linear_prefix(node: Node, values: Values, run: Callable[[], Any]) -> Tensor:
    (x,) = [value for value in values if value is not None]
    return x.cumsum(node.dims[0])


def _linear_write(node: Node, values: Values, run: Callable[[], Any]) -> Tensor:
    """상수에 써넣으면 나머지는 0, 상수를 써넣으면 그 자리가 0이다."""
    target, piece = values[0], values[1] if len(values) > 1 else None
    out = torch.zeros(BATCH, *node.output_shape) if target is None else target.clone()
    places: list[Any] = []
    for pick in node.picks:
        chosen = slice(None) if pick.indices is None else list(pick.indices)
        places.append(chosen[0] if isinstance(chosen, list) and not pick.keep else chosen)
        if isinstance(chosen, list) and pick.keep and isinstance(pick.indices, range):
            places[-1] = slice(pick.indices.start, pick.indices.stop, pick.indices.step)
    out[tuple(places)] = 0 if piece is None else piece
    return out


def _as_is(node: Node, values: Values, run: Callable[[], Any]) -> Tensor:
    return run()


LINEAR: dict[str, Callable[[Node, Values, Callable[[], Any]], Tensor]] = {
    "window": _linear_window,
    "resize": _linear_resize,
    "point": _linear_point,
    "mix": _linear_mix,
    "einsum": _linear_einsum,
    "reshape": _as_is,
    "order": _as_is,
    "pick": _as_is,
    "prefix": _linear_prefix,
    "write": _linear_write,
    "move": _as_is,
    "cat": _as_is,
    "stack": _as_is,
}
