"""계층마다 한 행인 표: 형태, 커널, 매개변수, MAC, 메모리, 수용 영역."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torch import nn

from cnnlab.analysis.fields.field import Sight, fields_of
from cnnlab.analysis.formulas import Pair, activation_kb, pair
from cnnlab.analysis.graph import Layer, Trace
from cnnlab.analysis.memory import forward_kb, training_kb
from cnnlab.analysis.trace import trace
from cnnlab.analysis.tracing.ops import Shape, Window

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    *("name", "type", "input", "output", "kernel", "stride", "padding"),
    *("params", "macs", "activation_kb", "rf", "jump"),
]
WHOLE = "전체"


def layer_table(model: nn.Module, input_size: tuple[int, ...] = (3, 32, 32)) -> "pd.DataFrame":
    """신경망의 계층을 실행 순서대로 한 행씩 적은 표.

    input_size: 배치를 뺀 입력 형태 (C, H, W), 화소.
    name: 점으로 이은 모듈 경로(함수형 연산은 그 모듈 아래 연산 이름). 다시 쓰이면 `relu:2`처럼 번호가 붙는다.
    type: 모듈의 클래스 이름이나 연산 이름. 말단 모듈은 forward 안의 연산이 여럿이어도 한 행이다.
    input, output: 배치를 뺀 형태. kernel, stride, padding: 정사각이면 정수, 아니면 (세로, 가로), 없으면 빈칸("").
    padding이 앞뒤로 다르면 ((위, 아래), (왼쪽, 오른쪽)). 적응 풀링은 창이 입력에 따라 정해지므로 빈칸이다.
    params: 그 행에서 처음 쓰인 매개변수의 수(함께 쓰는 가중치는 한 번만).
    macs: 그림 한 장마다 합성곱과 완전 연결의 곱셈-덧셈(편향 제외). activation_kb: 출력의 float32 메모리(KiB).
    rf: 출력 하나가 보는 입력 화소. 완전 연결이나 전역 풀링을 지나 그림 전체를 보면 "전체".
    jump: 이웃한 출력이 보는 곳 사이의 거리(화소). 모두 같은 곳을 보거나 간격이 고르지 않으면 빈칸.
    첫 입력을 보지 않는 행(둘째 입력만 쓰는 계층)과, 어느 자리인지 말할 수 없는 행(ViT에서 분류 토큰을 이어 붙인 뒤
    첫 attention까지)은 rf와 jump가 빈칸이다.
    학습 모드에서만 나오는 보조 출력의 행은 신경망이 학습 모드일 때 있다(`trace`).
    attrs: 합계 model, input_size, params, trainable_params, unused_params, macs, activation_kb, 그리고
      forward_kb: 추론하는 동안 한꺼번에 살아 있는 특징 맵의 최대, training_kb: 학습이 역전파까지 남기는 값
      (무엇을 남기는지 모르는 연산이 있으면 None; 둘 다 KiB, 그림 한 장, float32),
      depth: 가장 긴 길에 있는 합성곱과 완전 연결의 수, rf: 그림 전체를 보기 전까지 가장 큰 수용 영역.
    unused_params는 신경망에 있지만 forward가 쓰지 않은 매개변수다(params에는 들어 있고 행에는 없다).
    오류: `trace`와 같다.
    """
    return table_of(trace(model, input_size))


def table_of(traced: Trace) -> "pd.DataFrame":
    """이미 있는 실행 기록의 `layer_table`."""
    import pandas as pd

    sights = fields_of(traced)
    layers = traced.layers
    rows = [_row(layer, sights.get(layer.nodes[-1].id), traced.input_size) for layer in layers]
    # 수와 빈칸이 섞인 열이 있으므로 pandas가 형을 짐작하게 두지 않는다
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    table = table.astype({"params": "int64", "macs": "int64", "activation_kb": "float64"})
    table.attrs = {
        "model": traced.model,
        "input_size": traced.input_size,
        "params": traced.params,
        "trainable_params": traced.trainable_params,
        "unused_params": traced.params - sum(layer.params for layer in layers),
        "macs": sum(layer.macs for layer in layers),
        "activation_kb": sum(activation_kb(layer.output_shape) for layer in layers),
        "forward_kb": forward_kb(traced),
        "training_kb": training_kb(traced),
        "depth": depth_of(traced),
        "rf": largest_field(table.rf),
    }
    return table


def depth_of(traced: Trace) -> int:
    """입력에서 출력까지 가장 긴 길에 있는 합성곱과 완전 연결의 수: ResNet-50이면 50이다."""
    depth: dict[int, int] = {}
    for node in traced.nodes:
        before = max((depth[source] for source in node.inputs), default=0)
        depth[node.id] = before + (node.weight is not None)
    return max(depth[number] for number in traced.outputs)


def largest_field(fields: Iterable[Any]) -> int | Pair | str:
    """수로 적힌 수용 영역 가운데 가장 큰 것. 없으면 "전체"."""
    known = [field for field in fields if field != WHOLE and field != ""]
    return max(known, key=lambda field: math.prod(pair(field)), default=WHOLE)


def _row(layer: Layer, sight: Sight | None, input_size: Shape) -> list[Any]:
    return [
        layer.name,
        layer.type,
        layer.input_shape,
        layer.output_shape,
        *_window_cells(layer),
        layer.params,
        layer.macs,
        activation_kb(layer.output_shape),
        rf_cell(sight, input_size),
        jump_cell(sight),
    ]


def _window_cells(layer: Layer) -> list[Any]:
    window = layer.window
    if not isinstance(window, Window):
        return ["", "", ""]
    (top, bottom), (left, right) = window.padding
    padding = square((top, left)) if (top, left) == (bottom, right) else window.padding
    if layer.nodes[-1].op == "pad":
        return ["", "", padding]
    return [square(window.kernel), square(window.stride), padding]


def square(value: Pair) -> int | Pair:
    """(3, 3) -> 3; (3, 5)는 그대로."""
    return value[0] if value[0] == value[1] else value


def rf_cell(sight: Sight | None, input_size: Shape) -> int | Pair | str:
    """수용 영역의 크기. 모든 출력이 그림 전체를 보면 "전체", 입력을 보지 않거나 자리를 말할 수 없으면 빈칸."""
    if sight is None or sight.vague:
        return ""
    y, x = sight.axes
    if sight.merged and (y.visible, x.visible) == ((0, input_size[1] - 1), (0, input_size[2] - 1)):
        return WHOLE
    return square((y.size, x.size))


def jump_cell(sight: Sight | None) -> int | Pair | str:
    """이웃한 출력 사이의 거리. 뜻이 없으면 빈칸."""
    if sight is None or sight.vague:
        return ""
    y, x = (axis.field for axis in sight.axes)
    return "" if y is None or x is None or sight.merged else square((y.jump, x.jump))
