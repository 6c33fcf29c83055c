"""그림과 그 설명에 적을 말: 연산과 계층의 한국어 이름, 창의 크기, 마우스를 올리면 보이는 글."""

from cnnlab.analysis.drawing.canvas import by
from cnnlab.analysis.formulas import activation_kb
from cnnlab.analysis.graph import Layer, Node
from cnnlab.analysis.tables import WHOLE
from cnnlab.analysis.tracing.ops import Adaptive, Window

# 연산이나 클래스 -> 그림에 적을 이름: 여기에 없으면 그 이름을 그대로 쓴다
NAMES = {
    "max_pool2d": "최대 풀링",
    "max_pool2d_with_indices": "최대 풀링",
    "avg_pool2d": "평균 풀링",
    "lp_pool2d": "Lp 풀링",
    "adaptive_avg_pool2d": "적응 평균 풀링",
    "adaptive_max_pool2d": "적응 최대 풀링",
    "adaptive_max_pool2d_with_indices": "적응 최대 풀링",
    "linear": "완전 연결",
    "matmul": "행렬 곱",
    "mm": "행렬 곱",
    "batch_norm": "배치 정규화",
    "layer_norm": "계층 정규화",
    "group_norm": "그룹 정규화",
    "local_response_norm": "LRN",
    "LocalResponseNorm": "LRN",
    "dropout": "드롭아웃",
    "dropout2d": "드롭아웃",
    "flatten": "펼치기",
    "view": "모양 바꾸기",
    "reshape": "모양 바꾸기",
    "transpose": "축 바꾸기",
    "permute": "축 바꾸기",
    "chunk": "채널 나누기",
    "split": "채널 나누기",
    "conv_transpose2d": "전치 합성곱",
    "interpolate": "확대",
    "pad": "패딩",
    "relu": "ReLU",
    "relu_": "ReLU",
    "gelu": "GELU",
    "silu": "SiLU",
    "sigmoid": "시그모이드",
    "softmax": "소프트맥스",
    "mul": "상수 곱하기",
    "add": "상수 더하기",
}
# 두 갈래 이상을 합치는 연산 -> 그림의 기호
JOINS = {"add": "+", "iadd": "+", "add_": "+", "mul": "×", "imul": "×", "mul_": "×", "sub": "−", "cat": "이어 붙이기"}


def main_node(layer: Layer) -> Node | None:
    """새 상자를 만들 만한 연산: 가중치가 있거나, 풀링이거나, 특징 맵의 크기를 바꾼다.

    앞 상자에 붙일 활성화 따위면 None.
    """
    for node in layer.nodes:
        if node.op == "pad" or node.kind in ("order", "reshape", "pick"):
            continue
        if node.weight is not None or "pool" in node.op or node.op in ("matmul", "mm"):
            return node
        if node.kind in ("window", "mix") and node.input_shape != node.output_shape:
            return node
        maps = len(node.input_shape) == len(node.output_shape) == 3
        if maps and len(node.inputs) == 1 and node.input_shape[1:] != node.output_shape[1:]:
            return node
    return None


def label(node: Node, layer: Layer) -> tuple[str, tuple[str, ...]]:
    """상자의 (종류, 적을 줄들)."""
    window = layer.window if isinstance(layer.window, Window) else node.window
    if node.op in ("conv2d", "conv_transpose2d") and isinstance(window, Window):
        # 여러 연산을 묶은 계층(성긴 연결 따위)의 groups는 구현의 사정이므로 적지 않는다
        groups = node.groups if node.input_shape == layer.input_shape else 1
        depthwise = 1 < groups == node.input_shape[0]
        lines = ["깊이별" if depthwise else "", NAMES.get(node.op, "합성곱"), window_text(window)]
        if groups > 1 and not depthwise:
            lines.append(f"그룹 {groups}")
        return "합성곱", tuple(line for line in lines if line)
    if isinstance(window, Window):
        return "풀링", (NAMES.get(node.op, node.op), window_text(window))
    last_two = node.output_shape[-2:] if isinstance(node.window, Adaptive) else ()
    if node.op == "mean" or last_two == (1, 1):
        return "풀링", ("전역 최대" if "max" in node.op else "전역 평균", "풀링")
    if isinstance(node.window, Adaptive):
        return "풀링", (*NAMES.get(node.op, node.op).rsplit(" ", 1), f"→ {by(last_two)}")
    if node.op in ("linear", "matmul", "mm"):
        return "완전 연결", (NAMES[node.op],)
    return "기타", (NAMES.get(node.op, layer.type),)


def window_text(window: Window) -> str:
    """5×5, 3×3 /2(스트라이드), 3×3 팽창 2(dilation)."""
    text = by(window.kernel)
    if window.stride != (1, 1):
        text += f" /{window.stride[0]}" if window.stride[0] == window.stride[1] else f" /{by(window.stride)}"
    if window.dilation != (1, 1):
        text += f" 팽창 {window.dilation[0] if window.dilation[0] == window.dilation[1] else by(window.dilation)}"
    return text


def note(layer: Layer) -> str:
    """앞 상자에 붙는 작은 글: 활성화는 모듈의 이름(Tanh), 나머지는 한국어 이름. 적을 것이 없으면 빈 글."""
    first = layer.nodes[0]
    if first.kind == "cat" or first.op == "getitem":
        return ""  # 하나뿐인 것을 이어 붙였거나, 축을 늘리거나 일부를 골랐을 뿐이다
    if len(layer.nodes) > 1 or first.op == "hardtanh":
        return NAMES.get(layer.type, layer.type)
    if first.op in ("view", "reshape") and len(first.output_shape) == 1:
        return NAMES["flatten"]
    return NAMES.get(first.op, layer.type)


def hover(layer: Layer, rf: object) -> tuple[str, ...]:
    costs = f"매개변수 {layer.params:,}개 · MAC {layer.macs:,}"
    memory = f"출력 {by(layer.output_shape)} · {activation_kb(layer.output_shape):,.1f} KB"
    return f"{layer.name} ({layer.type})", costs, memory, *sight_text(rf)


def sight_text(rf: object) -> tuple[str, ...]:
    """수용 영역 한 줄. 첫 입력을 보지 않으면 없다."""
    if rf == "":
        return ()
    return (f"수용 영역 {'그림 전체' if rf == WHOLE else by(rf) if isinstance(rf, tuple) else f'{rf}×{rf}'}",)
