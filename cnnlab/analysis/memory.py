"""특징 맵이 차지하는 메모리: 추론하는 동안의 최대, 학습이 역전파까지 들고 있는 것.

그림 한 장, float32로 센다. 매개변수, 기울기, 최적화기의 상태와 합성곱의 작업 공간은 들지 않는다.
"""

import math

from cnnlab.analysis.graph import Node, Trace
from cnnlab.analysis.tracing.ops import names

# 역전파에 쓰려고 남기는 것: 입력, 출력, 인자로 받은 갈래 모두, 없음.
# 최대 풀링은 자리(int64)도, 드롭아웃은 마스크도 남긴다
_INPUT = names(
    "conv2d conv_transpose2d linear batch_norm layer_norm group_norm instance_norm local_response_norm avg_pool2d "
    "adaptive_avg_pool2d silu hardswish hardsigmoid hardtanh relu6 gelu leaky_relu mish softplus abs pow "
    "square log prelu"
)
# 제자리에서 바꾸어도 역전파에 바꾸기 전의 값이 필요해 사본을 남기는 것(relu_와 leaky_relu_는 바꾼 뒤의 값만 쓴다)
_COPIES = names("silu hardswish hardsigmoid mish relu6 hardtanh")
_OUTPUT = names("relu sigmoid tanh softmax log_softmax exp sqrt")
_OPERANDS = names("mul matmul bmm mm einsum")
_INDICES = names("max_pool2d max_pool2d_with_indices adaptive_max_pool2d")
_NOTHING = names(
    "add sub radd rsub cat concat stack pad interpolate mean sum neg channel_shuffle pixel_shuffle expand "
    "flip roll repeat tile repeat_interleave cumsum setitem"
)
_VIEWS = names("reshape order pick")  # 종류의 이름: 새 메모리를 쓰지 않는다


def forward_kb(traced: Trace) -> float:
    """추론하는 동안 한꺼번에 살아 있는 특징 맵의 최대 크기(KiB): 다음에 쓰일 것만 남긴다."""
    home = _homes(traced)
    size = dict.fromkeys(home.values(), 0)
    last = dict.fromkeys(size, 0)
    for step, node in enumerate(traced.nodes):
        size[home[node.id]] = max(size[home[node.id]], math.prod(node.output_shape))
        for number in (node.id, *node.inputs):
            last[home[number]] = step
    for number in traced.outputs:
        last[home[number]] = len(traced.nodes)
    alive: set[int] = set()
    peak = 0
    for step, node in enumerate(traced.nodes):
        alive.add(home[node.id])
        peak = max(peak, sum(size[number] for number in alive))
        alive = {number for number in alive if last[number] > step}
    return peak * 4 / 1024


def training_kb(traced: Trace) -> float | None:
    """학습할 때 역전파를 위해 남기는 값의 크기(KiB). 무엇을 남기는지 모르는 연산이 있으면 None."""
    home = _homes(traced, training=True)
    shapes = {node.id: node.output_shape for node in traced.nodes}
    kept: set[int] = set()
    extra = 0
    for node in traced.nodes:
        if node.kind == "input" or node.kind in _VIEWS or node.op in _NOTHING or _is_global_mean(node):
            continue
        if node.op in _INDICES:
            kept.add(home[node.inputs[0]])
            extra += 2 * math.prod(node.output_shape)
        elif node.op.startswith("dropout"):
            extra += math.prod(node.output_shape)
        elif node.op in _INPUT:
            kept.add(home[node.inputs[0]])
        elif node.op in _OUTPUT:
            kept.add(home[node.id])
        elif node.op in _OPERANDS:
            if len(node.inputs) > 1 or node.params or node.weight:
                kept.update(home[number] for number in node.inputs)
        else:
            return None
    return (sum(math.prod(shapes[number]) for number in kept) + extra) * 4 / 1024


def _is_global_mean(node: Node) -> bool:
    """1x1로 줄이는 적응 평균 풀링을 torch는 mean으로 바꾸어 계산하고, mean은 아무것도 남기지 않는다."""
    return node.op == "adaptive_avg_pool2d" and tuple(node.output_shape[-2:]) == (1, 1)


def _homes(traced: Trace, *, training: bool = False) -> dict[int, int]:
    """노드마다 그 값이 사는 메모리의 주인(노드의 id). 형태만 바꾼 것은 원래 값과 메모리를 나눈다.

    드롭아웃은 추론에서 아무 일도 하지 않지만 학습에서는 새 값을 만든다.
    silu_처럼 바꾸기 전의 값을 따로 남기는 것도 그렇다.
    """
    home: dict[int, int] = {}
    for node in traced.nodes:
        home[node.id] = home[node.inputs[0]] if _shares(node, training) else node.id
    return home


def _shares(node: Node, training: bool) -> bool:
    constant = node.operands[:1] == (-1,)  # 상수에 써넣으면 그 상수의 메모리가 값의 집이 된다
    renewed = training and (node.op.startswith("dropout") or node.op in _COPIES)
    return node.kind in _VIEWS or (node.inplace and not constant and not renewed)
