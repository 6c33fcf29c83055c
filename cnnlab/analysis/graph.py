"""실행 기록의 모양: 연산(Node), 표의 한 줄(Layer), 전체(Trace)."""

from dataclasses import dataclass

from cnnlab.analysis.tracing.ops import Adaptive, Pick, Shape, Taps, Window


@dataclass(frozen=True)
class Node:
    """연산 하나. 형태에는 배치가 없다.

    id는 실행 순서, inputs는 이 연산이 값을 받은 노드의 id다(id 0은 입력 그림).
    operands는 인자로 받은 텐서를 차례대로 노드의 id로 적은 것(상수는 -1), inplace는 첫 인자를 고쳐 쓰는 연산인지다.
    sizes는 이어 붙이는 연산에서 인자마다의 길이다.
    layer는 이 연산이 속한 행(표의 한 줄)의 이름, kind는 ops.py의 종류다(모르는 연산은 "unknown").
    """

    id: int
    name: str
    op: str
    kind: str
    layer: str
    layer_type: str
    inputs: tuple[int, ...]
    input_shape: Shape
    output_shape: Shape
    window: Window | Adaptive | None = None
    groups: int = 1
    weight: Shape | None = None
    dims: tuple[int, ...] = ()
    macs: int = 0
    params: int = 0
    trainable_params: int = 0
    operands: tuple[int, ...] = ()
    inplace: bool = False
    sizes: tuple[int, ...] = ()
    picks: tuple[Pick, ...] = ()
    taps: tuple[Taps, Taps] | None = None
    equation: str = ""


@dataclass(frozen=True)
class Layer:
    """표의 한 줄: 말단 모듈을 부른 한 번, 또는 함수형 연산 하나."""

    name: str
    type: str
    nodes: tuple[Node, ...]

    @property
    def input_shape(self) -> Shape:
        return self.nodes[0].input_shape

    @property
    def output_shape(self) -> Shape:
        return self.nodes[-1].output_shape

    @property
    def params(self) -> int:
        return sum(node.params for node in self.nodes)

    @property
    def macs(self) -> int:
        return sum(node.macs for node in self.nodes)

    @property
    def window(self) -> Window | Adaptive | None:
        """이 계층의 창. 창이 둘 이상이면 한 쌍의 수로 말할 수 없으므로 None이다.

        합성곱 앞의 패딩 연산(padding_mode="reflect" 따위)은 그 합성곱의 패딩으로 친다.
        """
        windows = [node.window for node in self.nodes if node.window is not None]
        if len(windows) == 2 and self.nodes[0].op == "pad":
            pad, main = windows
            if isinstance(pad, Window) and isinstance(main, Window):
                sides = zip(pad.padding, main.padding, strict=True)
                (top, bottom), (left, right) = ((a[0] + b[0], a[1] + b[1]) for a, b in sides)
                return Window(main.kernel, main.stride, ((top, bottom), (left, right)), main.dilation, main.ceil_mode)
        return windows[0] if len(windows) == 1 else None


@dataclass(frozen=True)
class Trace:
    """한 번 흘려 본 결과. nodes[0]은 입력 그림이고, 나머지는 실행 순서로 있다.

    들여다보기만 한 연산(print, if)은 빠진다. 출력에 쓰이지 않는 계산(버린 갈래)은 남고, unused에 그 id가 있다.
    outputs는 forward가 돌려준 노드의 id(돌려준 순서; 보조 출력도 든다)다. training은 보조 출력이 나오는 학습 형태로
    흘려 보았는지다. inputs는 입력마다의 형태, input_size는 그 첫째다.
    """

    model: str
    input_size: Shape
    nodes: tuple[Node, ...]
    params: int
    trainable_params: int
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[int, ...] = ()
    unused: tuple[int, ...] = ()
    training: bool = False

    @property
    def layers(self) -> tuple[Layer, ...]:
        grouped: dict[str, list[Node]] = {}
        for node in self.nodes:
            if node.kind == "input":
                continue
            grouped.setdefault(node.layer, []).append(node)
        return tuple(Layer(name, nodes[0].layer_type, tuple(nodes)) for name, nodes in grouped.items())
