"""신경망을 한 번 흘려 보내며 어떤 연산이 어떤 순서로 일어났는지 그래프로 적는다.

실제로 실행되는 연산을 TorchFunctionMode로 보므로 함수형 연산(F.relu, x.mean)과 forward 안의 if도 그대로 따라간다.
흘려 보내는 것은 사본이다: 가중치는 형태만 있는 meta 텐서로 바꾸므로 메모리를 쓰지 않고, 원래 신경망은 그대로다.
공식은 모른다: 연산의 뜻은 ops.py, 기록은 recorder.py, 사본 만들기는 sandbox.py, 수용 영역은 field.py에 있다.
"""

from collections.abc import Sequence
from typing import Any

from torch import nn

from cnnlab.analysis.errors import ForwardError, InputTooSmall, ModelError, UnknownOpError, WrongShape
from cnnlab.analysis.graph import Node, Trace
from cnnlab.analysis.tracing.calls import Shape
from cnnlab.analysis.tracing.checks import times
from cnnlab.analysis.tracing.run import Run, run
from cnnlab.analysis.tracing.sandbox import check_input_sizes, check_model
from cnnlab.analysis.tracing.smallest import needed_size
from cnnlab.errors import LearnerError


def trace(model: nn.Module, input_size: Sequence[Any]) -> Trace:
    """신경망의 연산 그래프를 얻는다. eval 모드로, 기울기 없이, 사본에서 실행한다.

    input_size: 배치를 뺀 입력 형태 (C, H, W), 화소. 입력이 여럿이면 형태의 튜플 ((C, H, W), (D,), ...)을 주고,
    수용 영역은 첫 입력에서 잰다.
    원래 신경망의 가중치, 버퍼, 모드, 장치, hook, 난수 상태는 그대로다. meta 장치의 신경망도 된다.
    보조 출력: 신경망이 학습 모드이고, eval 형태에서 쓰이지 않는 매개변수가 있고, 학습 형태가 출력을 더 많이
    돌려주면(GoogLeNet의 보조 분류기) 그 형태를 적는다. 드롭아웃 같은 말단 모듈은 그때에도 eval이다.
    forward가 값을 꺼내 보면(.item(), 값에 따른 if) meta로는 실행할 수 없으므로, 원래 장치에서 0으로 채운 입력을 쓴다.
    그때 값이 텐서 밖으로 나갔다가 돌아오는 길은 따라가지 못한다.
    오류: ModelError, InputSizeError, InputTooSmall, WrongShape, ForwardError, UnknownOpError.
    """
    check_model(model)
    sizes = check_input_sizes(input_size)
    try:
        found = _graph(model, sizes[0], run(model, sizes))
    except InputTooSmall as error:
        raise InputTooSmall(f"{error} {needed_size(model, sizes)}") from None
    if model.training and found.params > sum(node.params for node in found.nodes):
        return _with_auxiliary(model, sizes, found)
    return found


def _with_auxiliary(model: nn.Module, sizes: tuple[Shape, ...], plain: Trace) -> Trace:
    """학습할 때에만 나오는 출력이 있으면 그것까지 든 그래프, 없으면 plain."""
    instead = "보조 출력 없이 보려면 model.eval()을 먼저 부르세요."
    try:
        full = _graph(model, sizes[0], run(model, sizes, training=True), training=True)
    except InputTooSmall as error:
        raise InputTooSmall(f"{error} {needed_size(model, sizes, training=True)} {instead}") from None
    except WrongShape as error:
        raise WrongShape(f"{error} {instead}") from None
    except LearnerError:
        return plain  # 정답까지 받아야 하는 forward 따위: 학습 형태를 혼자 실행할 수 없다
    return full if len(full.outputs) > len(plain.outputs) else plain


def _graph(model: nn.Module, size: Shape, done: Run, *, training: bool = False) -> Trace:
    recorder, outputs = done
    last = [*dict.fromkeys(recorder.node_of[id(out)] for out in outputs if id(out) in recorder.node_of)]
    if all(node.kind == "input" for node in recorder.nodes):
        raise ModelError(
            f"{type(model).__name__}에는 입력으로 무언가를 계산하는 계층이 없습니다. nn.Conv2d 같은 계층을 넣으세요."
        )
    if not any(recorder.nodes[number].kind != "input" for number in last):
        raise ForwardError(
            f"{type(model).__name__}의 출력이 입력에서 계산되지 않았습니다. forward가 입력 x를 쓰는지, "
            "x를 numpy 따위로 바꾸었다가 되돌리지 않는지 확인하세요."
        )
    used = _leading_to(set(last), recorder.nodes)
    costly = {node.id for node in recorder.nodes if node.params or node.macs}
    kept = _leading_to({*last, *costly}, recorder.nodes)
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
        outputs=tuple(last),
        unused=tuple(sorted(kept - used)),
        training=training,
    )


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
        if node.kind == "windows":
            raise UnknownOpError(
                f"{node.name}: 이 연산({node.op})에서 그림의 조각이 맨 앞의 배치 축에 합쳐집니다. "
                "특징 맵을 창(window)으로 나누어 attention을 하는 신경망(Swin)은 아직 분석하지 못합니다. "
                "그런 신경망이 아니라면 배치 축을 그대로 두세요: x.view(x.size(0), ...)."
            )
        if node.kind == "batch":
            raise UnknownOpError(
                f"{node.name}: 이 연산에서 맨 앞의 배치 축이 사라지거나 섞입니다. 배치 축은 그대로 두세요: "
                "x.flatten(1), x.view(x.size(0), -1), x.mean(dim=(2, 3))처럼 씁니다."
            )
