"""출력 하나가 어느 입력 화소와 이어져 있는지 기울기로 알아낸다.

사본에서 연산을 양수 가중치의 선형 연산으로 바꾸어 실행하고 미분한다. 바꾸는 규칙은 `_LINEAR` 표에 종류마다 하나씩 있다.
기울기는 계층마다 0과 1로 되돌린다: 깊어도 넘치거나 사라지지 않고, 값이 아니라 연결만 남는다.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab.analysis.errors import UnknownOpError
from cnnlab.analysis.fields.linear import LINEAR
from cnnlab.analysis.fields.sight import Sight
from cnnlab.analysis.formulas import Pair
from cnnlab.analysis.graph import Node, Trace
from cnnlab.analysis.tracing.names import Namer
from cnnlab.analysis.tracing.ops import CONSTANT, PIECES, SAME, op_name, tensors_in, values_in
from cnnlab.analysis.tracing.recorder import BATCH
from cnnlab.analysis.tracing.sandbox import copy_model, explain_failure, keep_random_state
from cnnlab.errors import LearnerError


class _Reached(Exception):
    """재려는 계층의 출력을 얻었다: 그 뒤는 실행하지 않는다."""

    def __init__(self, out: Tensor) -> None:
        super().__init__()
        self.out = out


def reach(model: nn.Module, traced: Trace, target: Node, sight: Sight, unit: Pair) -> Tensor:
    """target의 출력 하나에 영향을 주는 (첫) 입력의 화소 (H, W) bool."""
    cpu = torch.device("cpu")
    copied, _ = copy_model(model, _stand_in, training=traced.training)
    namer = Namer()
    namer.watch(copied)
    inputs = [torch.ones(BATCH, *shape) for shape in traced.inputs]
    inputs[0].requires_grad_()
    with keep_random_state(cpu), torch.enable_grad(), cpu:
        try:
            with _Linearized(inputs, traced, target):
                copied(*inputs)
        except _Reached as reached:
            out = reached.out
        except LearnerError:
            raise
        except Exception as error:
            explain_failure(error, namer.place(), model)
    if not out.requires_grad:
        return torch.zeros(traced.input_size[1:], dtype=torch.bool)
    (gradient,) = torch.autograd.grad(sight.units(out, unit).sum(), inputs[0])
    return gradient[0].amax(dim=0) > 0


def _stand_in(tensor: Tensor) -> Tensor:
    """같은 형태의 대역. 실수 텐서는 값 하나를 넓혀 쓰므로 메모리를 쓰지 않고, 정수(채널 번호)는 값이 필요하다."""
    if tensor.is_floating_point():
        return torch.zeros(()).expand(tensor.shape)
    return torch.zeros_like(tensor, device="cpu") if tensor.is_meta else tensor.cpu().clone()


def _connected(gradient: Tensor | None) -> Tensor | None:
    """기울기를 0과 1로. 쓰이지 않은 조각(chunk)의 기울기는 None으로 온다."""
    return None if gradient is None else (gradient > 0).to(gradient.dtype)


class _Linearized(TorchFunctionMode):
    """입력에서 나온 값에 대한 연산을 선형 연산으로 바꾸어 실행한다. 노드의 번호는 trace와 같은 순서로 센다.

    forward가 들고 있는 텐서와 그 값을 따로 둔다: 제자리 연산은 같은 텐서의 값만 바꾼다.
    """

    def __init__(self, inputs: list[Tensor], traced: Trace, target: Node) -> None:
        super().__init__()
        self._nodes = {node.id: node for node in traced.nodes}
        self._target = target
        self._count = len(inputs)
        self._value: dict[int, Tensor] = {}
        self._alive: list[Tensor] = []  # id()는 텐서가 살아 있는 동안만 유일하다
        for x in inputs:
            self._keep(x, x)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        op = op_name(func)
        given = values_in(op, args, kwargs)
        values = [self._value.get(id(t)) for t in given]
        sources = [value for value in values if value is not None]
        if not sources or op in CONSTANT:
            return func(*args, **kwargs)
        if op in SAME and len({id(source) for source in sources}) == 1:
            same = sources[0].contiguous().view_as(sources[0])
            return self._keep(same, same)

        def run() -> Any:
            return func(*self._values_in(args), **self._values_in(kwargs))

        if op in PIECES:
            pieces = run()
            for piece in pieces:
                self._finish(op, piece)
            return pieces
        node = self._nodes.get(self._count)
        if node is None or op != node.op:
            return self._look(op, node, args, run)
        made = LINEAR[node.kind](node, values, run)
        # 넓힌 값은 원래 연산의 결과와 메모리의 배치가 달라 forward의 view가 실패할 수 있다
        out = self._finish(op, made if node.kind in ("reshape", "order", "pick") else made.contiguous())
        if node.inplace:
            self._value[id(args[0])] = out
            self._alive.append(args[0])
            return args[0]
        if op == "multi_head_attention":
            return out, None
        if op.endswith("with_indices"):
            return out, out
        if op in ("max", "min") and node.kind == "mix":
            return getattr(torch.return_types, op)((out, out))
        return out

    def _finish(self, op: str, out: Tensor) -> Tensor:
        """노드 하나를 끝냈다."""
        node = self._nodes.get(self._count)
        self._count += 1
        if node is None:
            return self._keep(out, out)
        if op != node.op or tuple(out.shape[1:]) != node.output_shape:
            self._refuse()
        if out.requires_grad:
            out = out.view_as(out) if out.is_leaf else out
            out.register_hook(_connected)
        if node.id == self._target.id:
            raise _Reached(out)
        return self._keep(out, out)

    def _look(self, op: str, node: Node | None, args: Any, run: Callable[[], Any]) -> Any:
        """들여다보기만 하는 연산. 출력에 이르는 길의 모르는 연산은 trace가 이미 거절했다."""
        with torch.no_grad():
            out = run()
        results = [args[0]] if op == "setitem" else list(tensors_in(out))
        if results and node is not None:
            self._refuse()
        self._count += bool(results)
        for result in results:
            self._keep(result, result)
        return out

    def _refuse(self) -> None:
        raise UnknownOpError(
            f"{self._target.layer}: forward가 값에 따라 다른 길로 가서 수용 영역을 잴 수 없습니다. "
            "값에 따른 if를 없애 보세요."
        )

    def _keep(self, tensor: Tensor, value: Tensor) -> Tensor:
        self._value[id(tensor)] = value
        self._alive += [tensor, value]
        return tensor

    def _values_in(self, given: Any) -> Any:
        """인자 안의 텐서를 그 값으로 바꾼다."""
        if isinstance(given, Tensor):
            return self._value.get(id(given), given)
        if isinstance(given, dict):
            return {key: self._values_in(item) for key, item in given.items()}
        if isinstance(given, (tuple, list)) and any(True for _ in tensors_in(given)):
            return type(given)([self._values_in(item) for item in given])
        return given
