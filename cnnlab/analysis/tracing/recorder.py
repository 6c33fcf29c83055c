"""실행되는 연산을 하나씩 보며 노드를 쌓는다."""

from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab.analysis.errors import UnknownOpError
from cnnlab.analysis.graph import Node
from cnnlab.analysis.tracing.calls import Call, Details, op_name, tensors_in
from cnnlab.analysis.tracing.checks import check_call, times
from cnnlab.analysis.tracing.names import Namer
from cnnlab.analysis.tracing.ops import CONSTANT, ESCAPES, OPS, PIECES, SAME, values_in
from cnnlab.analysis.tracing.picks import read_piece

BATCH = 2  # 배치가 1이면 배치 축을 없애거나 섞는 실수(x.view(1, -1), x.squeeze(0))가 드러나지 않는다


class Recorder(TorchFunctionMode):
    """텐서마다 어느 노드의 결과인지 기억하며 노드를 쌓는다."""

    def __init__(self, pairs: list[tuple[nn.Parameter, nn.Parameter]]) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.node_of: dict[int, int] = {}
        self._version: dict[int, int] = {}
        self._alive: list[Any] = []  # id()는 텐서가 살아 있는 동안만 유일하다
        self._namer = Namer()
        self._parameters = [twin for _, twin in pairs]
        # 상수 텐서 -> 그 값이 나온 매개변수의 번호. 원래 매개변수를 직접 가리키는 forward(lambda 따위)도 있다
        self._made_of = {id(p): frozenset([i]) for i, both in enumerate(pairs) for p in both}
        self._owned: set[int] = set()
        self._opaque: set[int] = set()  # 자리를 따라가지 않는 결과(attention 가중치)
        self._written: set[int] = set()  # 입력에서 나온 값을 써넣은 상수의 메모리

    def watch(self, model: nn.Module) -> None:
        self._namer.watch(model)

    def place(self) -> str:
        return self._namer.place()

    def so_far(self) -> list[str]:
        """마지막으로 계산한 몇 행: 이름과 출력의 형태."""
        rows = {node.layer: node.output_shape for node in self.nodes if node.kind != "input"}
        return [f"{name} {times(shape)}" for name, shape in [*rows.items()][-3:]]

    def start(self, inputs: list[Tensor]) -> None:
        for number, x in enumerate(inputs):
            shape = tuple(x.shape[1:])
            name = "input" if number == 0 else f"input:{number + 1}"
            self.nodes.append(Node(number, name, "input", "input", name, "input", (), shape, shape))
            self._remember(x, number)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        op = op_name(func)
        given = values_in(op, args, kwargs)
        sources = [t for t in given if id(t) in self.node_of]
        if self._written:
            self._refuse_stale(given, op)
        if not sources or op in CONSTANT:
            out = func(*args, **kwargs)
            self._remember_constant(out, [] if op in CONSTANT else given)
            return out
        if "dropout" in op and "training" in kwargs:
            kwargs = {**kwargs, "training": False}  # 학습 형태를 볼 때에도 드롭아웃은 아무것도 버리지 않는다
        where = self._namer.where(op)
        self._refuse_overwritten(sources, where)
        if any(id(t) in self._opaque for t in sources):
            raise UnknownOpError(
                f"{where}: nn.MultiheadAttention이 돌려준 attention 가중치로 계산하는 것은 따라갈 수 없습니다."
            )
        if op in ESCAPES:
            raise UnknownOpError(
                f"{where}: 값을 torch 밖으로 꺼내는 연산({op})이 있어 계산을 따라갈 수 없습니다. "
                "torch 연산으로 바꾸세요."
            )
        inputs = tuple(dict.fromkeys(self.node_of[id(t)] for t in sources))
        call = Call(sources[0], args, kwargs)
        check_call(op, call, where)
        # meta에는 값이 없으므로 형태가 그대로인 둘은 실행하지 않는다: 배치 정규화는 파이썬으로 풀려 느리고 ReLU는 많다.
        # 제자리로 고쳐 쓰는 것(x.relu_(), inplace=True)은 실행해야 다른 이름이 바뀐 것을 안다
        inplace = func.__name__.endswith("_") or call.get(1, "inplace", False)
        skips = call.x.is_meta and (op == "batch_norm" or (op == "relu" and not inplace))
        out = torch.empty_like(call.x) if skips else func(*args, **kwargs)
        results = [args[0]] if op == "setitem" else list(tensors_in(out))
        if results and args and results[0] is args[0] and id(args[0]) not in self.node_of:
            self._written.add(args[0].untyped_storage()._cdata)
        if not results:
            return out  # 형태를 묻거나 값을 들여다보았을 뿐이다
        if op in SAME and len(inputs) == 1:
            for result in results:
                self._remember(result, inputs[0])
            return out
        call = Call(call.x, args, kwargs, results[0], tuple(sources))
        if op in PIECES:
            for at, piece in enumerate(results):
                details = read_piece(call, op, at, results)
                self._remember(piece, self._add(op, "pick", details, call, given, [piece]))
            return out
        kind, details = _read(op, call)
        number = self._add(op, kind, details, call, given, results)
        if op == "multi_head_attention":
            self._opaque.update(id(result) for result in results[1:])
        for result in results:
            self._remember(result, number)
        return out

    def _add(self, op: str, kind: str, details: Details, call: Call, given: list[Tensor], results: list[Tensor]) -> int:
        out, number = results[0], len(self.nodes)
        if id(call.x) != id(out) and _is_view_target(op, call, out):
            kind = "unknown"
        row, row_type = self._namer.row(op)
        used = frozenset().union(*(self._made_of.get(id(t), frozenset()) for t in given)) - self._owned
        self._owned |= used
        mine = [self._parameters[index] for index in sorted(used)]
        self.nodes.append(
            Node(
                id=number,
                name=self._namer.where(op),
                op=op,
                kind=_batch_kind(results) or kind,
                layer=row,
                layer_type=row_type,
                inputs=tuple(dict.fromkeys(self.node_of[id(t)] for t in call.graph)),
                input_shape=tuple(call.x.shape[1:]),
                output_shape=tuple(out.shape[1:]),
                window=details.window,
                groups=details.groups,
                weight=details.weight,
                dims=details.dims,
                macs=details.macs,
                params=sum(p.numel() for p in mine),
                trainable_params=sum(p.numel() for p in mine if p.requires_grad),
                operands=tuple(self.node_of.get(id(t), -1) for t in given),
                inplace=bool(call.args) and out is call.args[0],
                sizes=tuple(t.shape[details.dims[0]] for t in given) if kind == "cat" else (1,) * len(given),
                picks=details.picks,
                taps=details.taps,
                equation=details.equation,
            )
        )
        return number

    def _remember(self, tensor: Tensor, number: int) -> None:
        self.node_of[id(tensor)] = number
        self._version[id(tensor)] = tensor._version
        self._alive.append(tensor)

    def _remember_constant(self, out: Any, given: list[Tensor]) -> None:
        made_of: frozenset[int] = frozenset().union(*(self._made_of.get(id(t), frozenset()) for t in given))
        for tensor in tensors_in(out):
            self._made_of[id(tensor)] = self._made_of.get(id(tensor), frozenset()) | made_of
            self._alive.append(tensor)

    def _refuse_stale(self, given: list[Tensor], op: str) -> None:
        """상수를 나누어 보던 텐서: 상수에 값을 써넣은 뒤에는 그 텐서도 상수가 아니다."""
        if any(id(t) not in self.node_of and t.untyped_storage()._cdata in self._written for t in given):
            self._refuse_alias(self._namer.where(op))

    def _refuse_overwritten(self, sources: list[Tensor], where: str) -> None:
        """제자리 연산이 같은 메모리를 보는 다른 텐서를 바꾸었으면 그래프가 틀린다: _version으로 알아챈다."""
        if any(t._version != self._version[id(t)] for t in sources):
            self._refuse_alias(where)

    def _refuse_alias(self, where: str) -> NoReturn:
        raise UnknownOpError(
            f"{where}: 앞에서 제자리(in-place) 연산으로 바꾼 값을 다른 이름으로 다시 쓰고 있습니다. "
            "inplace=True나 x += ... 대신 x = x + ... 처럼 새 값을 만드세요."
        )


def _read(op: str, call: Call) -> tuple[str, Details]:
    if op not in OPS:
        return "unknown", Details()
    try:
        details = OPS[op].read(call)
        return details.kind or OPS[op].kind, details
    except NotImplementedError:
        return "unknown", Details()


def _batch_kind(results: list[Tensor]) -> str:
    """배치 축이 맨 앞에 그대로 있으면 빈 문자열. 조각이 배치 축에 합쳐졌으면 "windows", 그 밖에는 "batch"."""
    if all(result.shape[:1] == (BATCH,) for result in results):
        return ""
    merged = all(result.ndim > 2 and result.shape[0] > BATCH and result.shape[0] % BATCH == 0 for result in results)
    return "windows" if merged else "batch"


def _is_view_target(op: str, call: Call, out: Tensor) -> bool:
    """상수의 한 조각(view)에 값을 써넣는 제자리 연산: 나머지 조각이 바뀐 것을 알 수 없다."""
    target = call.args[0] if call.args else None
    return out is target and isinstance(target, Tensor) and target._is_view()
