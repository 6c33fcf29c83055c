"""신경망을 한 번 흘려 보내며 어떤 연산이 어떤 순서로 일어났는지 그래프로 적는다.

실제로 실행되는 연산을 TorchFunctionMode로 보므로 함수형 연산(F.relu, x.mean)과 forward 안의 if도 그대로 따라간다.
흘려 보내는 것은 사본이다: 가중치는 형태만 있는 meta 텐서로 바꾸므로 메모리를 쓰지 않고, 원래 신경망은 그대로다.
공식은 모른다: 연산의 뜻은 ops.py, 크기 검사는 checks.py, 사본 만들기는 sandbox.py, 수용 영역은 field.py에 있다.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab.analysis.checks import check_call, times
from cnnlab.analysis.errors import ForwardError, InputTooSmall, ModelError, UnknownOpError
from cnnlab.analysis.graph import Node, Trace
from cnnlab.analysis.names import Namer
from cnnlab.analysis.ops import (
    CONSTANT,
    ESCAPES,
    OPS,
    PIECES,
    SAME,
    Call,
    Details,
    Shape,
    op_name,
    read_piece,
    tensors_in,
)
from cnnlab.analysis.sandbox import (
    check_input_sizes,
    check_model,
    copy_model,
    duplicate,
    explain_failure,
    keep_random_state,
    to_meta,
)
from cnnlab.errors import LearnerError

BATCH = 2  # 배치가 1이면 배치 축을 없애거나 섞는 실수(x.view(1, -1), x.squeeze(0))가 드러나지 않는다
_LARGEST_SEARCHED = 512  # 필요한 최소 입력을 찾을 때 여기까지만 키워 본다, 화소


def trace(model: nn.Module, input_size: Sequence[Any]) -> Trace:
    """신경망의 연산 그래프를 얻는다. eval 모드로, 기울기 없이, 사본에서 실행한다.

    input_size: 배치를 뺀 입력 형태 (C, H, W), 화소. 입력이 여럿이면 형태의 튜플 ((C, H, W), (D,), ...)을 주고,
    수용 영역은 첫 입력에서 잰다.
    원래 신경망의 가중치, 버퍼, 모드, 장치, hook, 난수 상태는 그대로다. meta 장치의 신경망도 된다.
    forward가 값을 꺼내 보면(.item(), 값에 따른 if) meta로는 실행할 수 없으므로, 원래 장치에서 0으로 채운 입력을 쓴다.
    그때 값이 텐서 밖으로 나갔다가 돌아오는 길은 따라가지 못한다.
    오류: ModelError, InputSizeError, InputTooSmall, WrongShape, ForwardError, UnknownOpError, BranchError.
    """
    check_model(model)
    sizes = check_input_sizes(input_size)
    try:
        recorder, outputs = _run(model, sizes)
    except InputTooSmall as error:
        raise InputTooSmall(f"{error} {_needed_size(model, sizes)}") from None
    return _finish(model, sizes[0], recorder, outputs)


def _finish(model: nn.Module, size: Shape, recorder: "Recorder", outputs: list[Tensor]) -> Trace:
    last = {recorder.node_of[id(out)] for out in outputs if id(out) in recorder.node_of}
    if all(node.kind == "input" for node in recorder.nodes):
        raise ModelError(
            f"{type(model).__name__}에는 입력으로 무언가를 계산하는 계층이 없습니다. nn.Conv2d 같은 계층을 넣으세요."
        )
    if not any(recorder.nodes[number].kind != "input" for number in last):
        raise ForwardError(
            f"{type(model).__name__}의 출력이 입력에서 계산되지 않았습니다. forward가 입력 x를 쓰는지, "
            "x를 numpy 따위로 바꾸었다가 되돌리지 않는지 확인하세요."
        )
    used = _leading_to(last, recorder.nodes)
    costly = {node.id for node in recorder.nodes if node.params or node.macs}
    kept = _leading_to(last | costly, recorder.nodes)
    nodes = tuple(node for node in recorder.nodes if node.id in kept or node.kind == "input")
    _refuse_unknown(nodes)
    parameters = list(model.parameters())
    return Trace(
        model=type(model).__name__,
        input_size=size,
        nodes=nodes,
        params=sum(p.numel() for p in parameters),
        trainable_params=sum(p.numel() for p in parameters if p.requires_grad),
        inputs=tuple(node.output_shape for node in nodes if node.kind == "input"),
        outputs=tuple(sorted(last)),
        unused=tuple(sorted(kept - used)),
    )


# --- 실행


def _run(model: nn.Module, sizes: tuple[Shape, ...]) -> tuple["Recorder", list[Tensor]]:
    """meta에서 먼저, 안 되면 원래 장치에서 실행한다."""
    home = next((t.device for t in [*model.parameters(), *model.buffers()]), torch.device("cpu"))
    try:
        return _record(model, sizes, torch.device("meta"), to_meta)
    except LearnerError as error:
        # 크기나 구조의 문제는 장치를 바꾸어도 같다. forward 안의 오류만 진짜 장치에서 다시 해 본다
        if not isinstance(error, ForwardError) or home.type == "meta":
            raise
    return _record(model, sizes, home, duplicate)


def _record(
    model: nn.Module, sizes: tuple[Shape, ...], device: torch.device, replace: Callable[[Tensor], Tensor]
) -> tuple["Recorder", list[Tensor]]:
    twin, pairs = copy_model(model, replace)
    recorder = Recorder(pairs)
    recorder.watch(twin)
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    with keep_random_state(device), torch.no_grad(), device:
        inputs = [torch.zeros(BATCH, *size, dtype=dtype) for size in sizes]
        recorder.start(inputs)
        try:
            with recorder:
                result = twin(*inputs)
        except LearnerError:
            raise
        except Exception as error:
            explain_failure(error, recorder.place(), model, recorder.so_far())
    if result is None:
        raise ForwardError(f"{type(model).__name__}의 forward가 값을 돌려주지 않았습니다. 마지막 줄에 return을 쓰세요.")
    return recorder, list(tensors_in(result))


# --- 기록


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
        given = list(tensors_in((args, kwargs)))
        sources = [t for t in given if id(t) in self.node_of]
        op = op_name(func)
        if not sources or op in CONSTANT:
            out = func(*args, **kwargs)
            self._remember_constant(out, [] if op in CONSTANT else given)
            return out
        where = self._namer.where(op)
        self._refuse_overwritten(sources, where)
        if op in ESCAPES:
            raise UnknownOpError(
                f"{where}: 값을 torch 밖으로 꺼내는 연산({op})이 있어 계산을 따라갈 수 없습니다. "
                "torch 연산으로 바꾸세요."
            )
        inputs = tuple(dict.fromkeys(self.node_of[id(t)] for t in sources))
        call = Call(sources[0], args, kwargs)
        check_call(op, call, where)
        # meta에서 배치 정규화는 파이썬으로 풀려 느리다. 형태가 그대로이므로 실행할 것이 없다
        skips = op == "batch_norm" and call.x.is_meta
        out = torch.empty_like(call.x) if skips else func(*args, **kwargs)
        results = [args[0]] if op == "setitem" else list(tensors_in(out))
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
                kind=kind if all(result.shape[:1] == (BATCH,) for result in results) else "batch",
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

    def _refuse_overwritten(self, sources: list[Tensor], where: str) -> None:
        """제자리 연산이 같은 메모리를 보는 다른 텐서를 바꾸었으면 그래프가 틀린다: _version으로 알아챈다."""
        if any(t._version != self._version[id(t)] for t in sources):
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


def _is_view_target(op: str, call: Call, out: Tensor) -> bool:
    """상수의 한 조각(view)에 값을 써넣는 제자리 연산: 나머지 조각이 바뀐 것을 알 수 없다."""
    target = call.args[0] if call.args else None
    return out is target and isinstance(target, Tensor) and target._is_view()


# --- 그래프


def _leading_to(last: set[int], nodes: list[Node]) -> set[int]:
    """last에 이르는 노드의 id. 들여다보기만 한 연산(print, if)은 빠진다."""
    needed = set(last)
    for node in reversed(nodes):
        if node.id in needed:
            needed.update(node.inputs)
    return needed


def _refuse_unknown(nodes: tuple[Node, ...]) -> None:
    for node in nodes:
        if node.kind == "unknown":
            raise UnknownOpError(
                f"{node.name}: 분석이 아직 모르는 연산이 있어, 틀린 값을 내지 않으려고 멈췄습니다. "
                f"연산: {node.op}, 들어온 모양: {times(node.input_shape)}. 다른 연산으로 바꿔 쓸 수 있는지 보세요."
            )
        if node.kind == "batch":
            raise UnknownOpError(
                f"{node.name}: 이 연산에서 맨 앞의 배치 축이 사라지거나 섞입니다. 배치 축은 그대로 두세요: "
                "x.flatten(1), x.view(x.size(0), -1), x.mean(dim=(2, 3))처럼 씁니다."
            )


# --- 필요한 입력 크기


def _needed_size(model: nn.Module, sizes: tuple[Shape, ...]) -> str:
    """신경망이 요구하는 가장 작은 높이와 너비를 찾아 문장으로. 실제로 흘려 보며 찾는다."""
    size = sizes[0]

    def fits(height: int, width: int) -> bool:
        try:
            _run(model, ((size[0], height, width), *sizes[1:]))
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
