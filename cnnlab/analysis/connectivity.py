"""출력 하나가 어느 입력 화소와 이어져 있는지 기울기로 알아낸다.

사본에서 연산을 양수 가중치의 선형 연산으로 바꾸어 실행하고 미분한다. 바꾸는 규칙은 `_LINEAR` 표에 종류마다 하나씩 있다.
기울기는 계층마다 0과 1로 되돌린다: 깊어도 넘치거나 사라지지 않고, 값이 아니라 연결만 남는다.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab.analysis.errors import UnknownOpError
from cnnlab.analysis.field import Sight
from cnnlab.analysis.formulas import Pair, conv_output_size
from cnnlab.analysis.graph import Node, Trace
from cnnlab.analysis.names import Namer
from cnnlab.analysis.ops import BROADCASTING, CONSTANT, OPS, SAME, Call, Window, op_name, tensors_in
from cnnlab.analysis.sandbox import copy_model, explain_failure, keep_random_state
from cnnlab.analysis.trace import BATCH
from cnnlab.errors import LearnerError


class _Reached(Exception):
    """재려는 계층의 출력을 얻었다: 그 뒤는 실행하지 않는다."""

    def __init__(self, out: Tensor) -> None:
        super().__init__()
        self.out = out


def reach(model: nn.Module, traced: Trace, target: Node, sight: Sight, unit: Pair) -> Tensor:
    """target의 출력 하나에 영향을 주는 입력 화소 (H, W) bool."""
    cpu = torch.device("cpu")
    copied, _ = copy_model(model, _stand_in)
    namer = Namer()
    namer.watch(copied)
    x = torch.ones(BATCH, *traced.input_size, requires_grad=True)
    with keep_random_state(cpu), torch.enable_grad(), cpu:
        try:
            with _Linearized(x, target):
                copied(x)
        except _Reached as reached:
            out = reached.out
        except LearnerError:
            raise
        except Exception as error:
            explain_failure(error, namer.place(), model)
    height, width = sight.size
    if sight.flat and not sight.merged:
        out = out.reshape(BATCH, -1, height, width)  # 펼친 것을 되접어 그 자리의 값을 고른다
    chosen = out[..., unit[0], unit[1]] if out.ndim > 3 or not sight.merged else out
    (gradient,) = torch.autograd.grad(chosen.sum(), x)
    return gradient[0].amax(dim=0) > 0


def _stand_in(tensor: Tensor) -> Tensor:
    """같은 형태의 대역. 실수 텐서는 값 하나를 넓혀 쓰므로 메모리를 쓰지 않고, 정수(채널 번호)는 값이 필요하다."""
    if tensor.is_floating_point():
        return torch.zeros(()).expand(tensor.shape)
    return torch.zeros_like(tensor, device="cpu") if tensor.is_meta else tensor.cpu().clone()


def _linear_window(op: str, call: Call, func: Any) -> Tensor:
    x, details = call.x, OPS[op].read(call)
    if op == "pad":
        return func(*call.args, **call.kwargs)
    if not isinstance(details.window, Window):
        return F.adaptive_avg_pool2d(x, details.window.output if details.window else 1)
    # 합성곱도 풀링도 모든 가중치가 1인 합성곱이다. 풀링은 채널끼리 섞지 않는다
    window, channels = details.window, x.shape[1]
    weight = x.new_ones(details.weight or (channels, 1, *window.kernel))
    sides = []
    for at, size in enumerate(x.shape[-2:]):
        kernel, stride, padding, dilation = window.along(at)
        windows = conv_output_size(size, kernel, stride, padding, dilation, window.ceil_mode)
        needed = (windows - 1) * stride + dilation * (kernel - 1) + 1  # ceil_mode의 마지막 창까지 덮는 크기
        sides.append((padding[0], needed - size - padding[0]))
    (top, bottom), (left, right) = sides
    padded = F.pad(x, (left, right, top, bottom))
    groups = details.groups if details.weight else channels
    return F.conv2d(padded, weight, stride=window.stride, dilation=window.dilation, groups=groups)


def _linear_point(op: str, call: Call, func: Any) -> Tensor:
    if op not in BROADCASTING:
        return call.x
    return call.x.expand(torch.broadcast_shapes(*(t.shape for t in tensors_in((call.args, call.kwargs)))))


def _linear_mix(op: str, call: Call, func: Any) -> Tensor:
    x = call.x
    if op == "linear":
        return x.mean(-1, keepdim=True).expand(*x.shape[:-1], call.get(1, "weight").shape[0])
    with torch.no_grad():
        out = func(*call.args, **call.kwargs)
    mean = x.mean(OPS[op].read(Call(x, call.args, call.kwargs, out)).dims, keepdim=True)
    if out.shape == x.shape:
        return x + mean
    return mean.expand(out.shape) if mean.ndim == out.ndim else mean.reshape(out.shape)


def _as_is(op: str, call: Call, func: Any) -> Tensor:
    return func(*call.args, **call.kwargs)


_LINEAR: dict[str, Callable[[str, Call, Any], Tensor]] = {
    "window": _linear_window,
    "point": _linear_point,
    "mix": _linear_mix,
    "reshape": _as_is,
    "move": _as_is,
}


class _Linearized(TorchFunctionMode):
    """입력에서 나온 값에 대한 연산을 선형 연산으로 바꾸어 실행한다. 노드의 번호는 trace와 같은 순서로 센다."""

    def __init__(self, x: Tensor, target: Node) -> None:
        super().__init__()
        self.target = target
        self.count = 0
        self._from_input = {id(x)}
        self._alive: list[Tensor] = [x]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        op = op_name(func)
        sources = [t for t in tensors_in((args, kwargs)) if id(t) in self._from_input]
        if not sources or op in CONSTANT:
            return func(*args, **kwargs)
        call = Call(sources[0], args, kwargs)
        if op in SAME:
            return self._keep(call.x)
        if op not in OPS:
            # 출력에 이르는 길의 모르는 연산은 trace가 이미 거절했다: 여기에 오는 것은 들여다보는 연산뿐이다
            with torch.no_grad():
                out = func(*args, **kwargs)
            results = [call.x] if op == "setitem" else list(tensors_in(out))
            self.count += bool(results)
            for result in results:
                self._keep(result)
            return out
        out = _LINEAR[OPS[op].kind](op, call, func)
        if out.requires_grad:
            out.register_hook(lambda gradient: (gradient > 0).to(gradient.dtype))
        self.count += 1
        if self.count == self.target.id:
            if op != self.target.op or tuple(out.shape[1:]) != self.target.output_shape:
                raise UnknownOpError(
                    f"{self.target.layer}: forward가 값에 따라 다른 길로 가서 수용 영역을 잴 수 없습니다. "
                    "값에 따른 if를 없애 보세요."
                )
            raise _Reached(out)
        self._keep(out)
        return (out, out) if op.endswith("with_indices") else out

    def _keep(self, tensor: Tensor) -> Tensor:
        self._from_input.add(id(tensor))
        self._alive.append(tensor)
        return tensor
