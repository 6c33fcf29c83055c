"""신경망의 그림. 손으로 그리지 않고 실행 기록(trace)에서 그리므로 실제 신경망과 어긋나지 않는다.

여기서는 무엇을 그릴지 정하고(단계, 이름, 마우스를 올리면 보이는 글), 어떻게 그릴지는 svg.py가 정한다.
같은 신경망이면 글자 하나까지 같은 SVG가 나온다.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from cnnlab.analysis.errors import BranchError
from cnnlab.analysis.field import fields_of
from cnnlab.analysis.formulas import activation_kb
from cnnlab.analysis.graph import Layer, Node, Trace
from cnnlab.analysis.ops import Adaptive, Shape, Window
from cnnlab.analysis.svg import Stage, by, render
from cnnlab.analysis.tables import WHOLE, rf_cell
from cnnlab.analysis.trace import trace
from cnnlab.errors import LearnerError

# 그림에 적을 이름: 여기에 없으면 모듈의 클래스 이름이나 연산 이름을 그대로 쓴다
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
    "dropout": "드롭아웃",
    "dropout2d": "드롭아웃",
    "flatten": "펼치기",
    "view": "펼치기",
    "reshape": "펼치기",
    "pad": "패딩",
    "relu": "ReLU",
    "gelu": "GELU",
    "silu": "SiLU",
}


class SaveError(LearnerError, OSError):
    """그림을 저장할 수 없다."""


@dataclass(frozen=True, repr=False)
class NetworkDrawing:
    """그린 결과. 노트북에서는 그대로 그림으로 보인다. shapes: 상자마다의 형태, 입력부터."""

    title: str
    shapes: tuple[Shape, ...]
    svg: str

    def __repr__(self) -> str:
        return f"그림: {self.title}. " + " → ".join(by(shape) for shape in self.shapes)

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """SVG 파일로 저장하고 그 경로를 돌려준다. 오류: 쓸 수 없으면 SaveError."""
        target = Path(path)
        if target.suffix.lower() != ".svg":
            raise SaveError(f"이 그림은 SVG로 저장합니다. 파일 이름을 .svg로 끝내세요. 받은 이름: {target.name}")
        try:
            target.write_text(self.svg, encoding="utf-8")
        except OSError as error:
            raise SaveError(f"그림을 저장할 수 없습니다. 폴더가 있는지, 쓸 수 있는지 확인하세요: {target}") from error
        return target


def draw_network(model: nn.Module, input_size: tuple[int, ...] = (3, 32, 32), *, title: str = "") -> NetworkDrawing:
    """신경망을 왼쪽에서 오른쪽으로 그린다. 마우스를 올리면 매개변수, MAC, 수용 영역이 보인다.

    input_size: 배치를 뺀 입력 형태 (C, H, W), 화소. title: 왼쪽 위의 제목(생략하면 클래스 이름).
    활성화, 정규화, 드롭아웃, 펼치기는 앞 상자 아래에 작은 글자로 붙는다.
    오류: 가지가 있으면 BranchError. 나머지는 `trace`와 같다.
    """
    traced = trace(model, input_size)
    _refuse_branches(traced)
    stages = _stages(traced)
    heading = title or traced.model
    total = f"매개변수 {traced.params:,}개 · MAC {sum(layer.macs for layer in traced.layers):,}"
    return NetworkDrawing(heading, tuple(stage.shape for stage in stages), render(heading, total, stages))


def _refuse_branches(traced: Trace) -> None:
    """사슬이 아니면 BranchError."""
    later = "가지가 있는 신경망의 그림은 다음 판에서 다룹니다. 계층표(layer_table)와 수용 영역은 지금도 볼 수 있습니다."
    consumers = Counter(source for node in traced.nodes for source in node.inputs)
    for node in traced.nodes:
        if len(node.inputs) > 1:
            raise BranchError(f"{node.name}: 여러 갈래의 값이 여기에서 합쳐집니다({node.op}). {later}")
        if consumers[node.id] > 1 or node.id in traced.unused:
            raise BranchError(f"{node.name}: 이 계층의 출력이 여러 계층으로 갈라지거나 쓰이지 않습니다. {later}")


def _stages(traced: Trace) -> list[Stage]:
    sights = fields_of(traced)
    stages = [Stage("", "입력", (), traced.input_size, [f"입력 {by(traced.input_size)}"])]
    for layer in traced.layers:
        rf = rf_cell(sights.get(layer.nodes[-1].id), traced.input_size)
        hover = _hover(layer, rf)
        main = _main_node(layer)
        if main is None:
            stages[-1].notes.append(_note(layer))
            stages[-1].hover += ["", *hover]
        else:
            family, label = _label(main, layer)
            stages.append(Stage(layer.name, family, label, layer.output_shape, hover))
    return stages


def _main_node(layer: Layer) -> Node | None:
    """새 상자를 만들 만한 연산. 활성화처럼 앞 상자에 붙일 것이면 None."""
    for node in layer.nodes:
        changes_map = node.kind in ("window", "mix") and node.input_shape != node.output_shape and node.op != "pad"
        if changes_map or node.op in ("conv2d", "linear", "matmul", "mm"):
            return node
    return None


def _label(node: Node, layer: Layer) -> tuple[str, tuple[str, ...]]:
    """(종류, 화살표 위의 줄들)."""
    window = layer.window if isinstance(layer.window, Window) else node.window
    if node.op == "conv2d" and isinstance(window, Window):
        # 여러 연산을 묶은 계층(성긴 연결 따위)의 groups는 구현의 사정이므로 적지 않는다
        groups = node.groups if node.input_shape == layer.input_shape else 1
        depthwise = 1 < groups == node.input_shape[0]
        lines = ["깊이별" if depthwise else "", "합성곱", _window_text(window)]
        if groups > 1 and not depthwise:
            lines.append(f"그룹 {groups}")
        return "합성곱", tuple(line for line in lines if line)
    if isinstance(window, Window):
        return "풀링", (NAMES.get(node.op, node.op), _window_text(window))
    last_two = node.output_shape[-2:] if isinstance(node.window, Adaptive) else ()
    if node.op == "mean" or last_two == (1, 1):
        return "풀링", ("전역 최대" if "max" in node.op else "전역 평균", "풀링")
    if isinstance(node.window, Adaptive):
        return "풀링", (*NAMES.get(node.op, node.op).rsplit(" ", 1), f"→ {by(last_two)}")
    if node.op in ("linear", "matmul", "mm"):
        return "완전 연결", (NAMES[node.op],)
    return "기타", (layer.type,)


def _window_text(window: Window) -> str:
    """5×5, 3×3 /2(스트라이드), 3×3 팽창 2(dilation)."""
    text = by(window.kernel)
    if window.stride != (1, 1):
        text += f" /{window.stride[0]}" if window.stride[0] == window.stride[1] else f" /{by(window.stride)}"
    if window.dilation != (1, 1):
        text += f" 팽창 {window.dilation[0] if window.dilation[0] == window.dilation[1] else by(window.dilation)}"
    return text


def _note(layer: Layer) -> str:
    """활성화는 모듈의 이름(Tanh), 나머지는 한국어 이름."""
    known = NAMES.get(layer.nodes[0].op, layer.type) if len(layer.nodes) == 1 else layer.type
    return known if layer.nodes[0].op != "hardtanh" else layer.type


def _hover(layer: Layer, rf: object) -> list[str]:
    seen = "그림 전체" if rf == WHOLE else by(rf) if isinstance(rf, tuple) else f"{rf}×{rf}"
    costs = f"매개변수 {layer.params:,}개 · MAC {layer.macs:,}"
    memory = f"출력 {by(layer.output_shape)} · {activation_kb(layer.output_shape):,.1f} KB"
    return [f"{layer.name} ({layer.type})", costs, memory, f"수용 영역 {seen}"]
