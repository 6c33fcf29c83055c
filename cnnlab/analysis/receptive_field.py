"""계층마다의 수용 영역: 식으로 구한 이론값과, 입력 기울기로 잰 값."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from cnnlab.analysis.errors import LayerNameError, UnknownOpError
from cnnlab.analysis.fields.axis import Axis, Interval
from cnnlab.analysis.fields.connectivity import reach
from cnnlab.analysis.fields.field import Fields, Sight, fields_of
from cnnlab.analysis.formulas import Pair
from cnnlab.analysis.graph import Layer, Trace
from cnnlab.analysis.tables import jump_cell, rf_cell, square
from cnnlab.analysis.trace import trace

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COLUMNS = ["name", "type", "output", "rf", "jump", "start", "first", "last"]


def receptive_field(model: nn.Module, input_size: tuple[int, ...] = (3, 32, 32)) -> "pd.DataFrame":
    """각 계층이 입력의 어디까지 보는지 계산한다(이론값).

    input_size: 배치를 뺀 입력 형태 (C, H, W), 화소.
    반환: 계층마다 한 행. 값은 입력 화소 단위이고, 세로와 가로가 같으면 정수, 다르면 (세로, 가로)다.
      rf: 출력 하나가 보는 크기. jump: 이웃한 출력이 보는 곳 사이의 거리. 둘의 뜻은 `layer_table`과 같다.
      start: 왼쪽 위 첫 출력이 보는 첫 화소.
      first, last: 특징 맵의 한가운데 출력(H//2, W//2)이 보는 첫 화소와 마지막 화소.
      음수이거나 그림 끝을 넘으면 그 부분은 패딩이다.
      rf_without_gate: 그림 전체를 보는 갈래(SE 게이트, 전역 풀링 갈래)가 그렇지 않은 갈래와 합쳐지는 신경망에만 있는
      열. 그런 갈래를 뺀 크기다.
    합쳐지는 곳에서는 갈래들의 합집합을 덮는 구간이다. 확대(interpolate)처럼 간격이 고르지 않으면 가장 넓은 것을 적는다.
    입력이 여럿이면 첫 입력의 화소로 세고, 그것을 보지 않는 행은 빈칸이다.
    오류: 이해하지 못하는 연산이 있으면 UnknownOpError(연산 이름과 위치); 틀린 값을 내지 않는다.
      나머지는 `trace`와 같다.
    출처: Araujo et al. 2019, 식 (2)-(5).
    """
    import pandas as pd

    traced = trace(model, input_size)
    sights = fields_of(traced)
    ungated = fields_of(traced, gates=False) if sights.gated else None
    rows: list[list[Any]] = []
    without = []
    for layer in traced.layers:
        sight = sights.get(layer.nodes[-1].id)
        if ungated:
            without.append(rf_cell(ungated.get(layer.nodes[-1].id), traced.input_size))
        if sight is None or sight.vague:
            rows.append([layer.name, layer.type, layer.output_shape, *[""] * 5])
            continue
        first, last = _at(sight.axes, (sight.size[0] // 2, sight.size[1] // 2))
        start, _ = _at(sight.axes, (0, 0))
        cells = [rf_cell(sight, traced.input_size), jump_cell(sight), square(start), square(first), square(last)]
        rows.append([layer.name, layer.type, layer.output_shape, *cells])
    table = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    if ungated:
        table.insert(4, "rf_without_gate", pd.Series(without, dtype=object))
    return table


def _at(axes: tuple[Axis, Axis], unit: Pair) -> tuple[Pair, Pair]:
    """출력 하나가 보는 ((위, 왼쪽), (아래, 오른쪽)) 화소."""
    (top, bottom), (left, right) = (axis.unit(index) for axis, index in zip(axes, unit, strict=True))
    return (top, left), (bottom, right)


@dataclass(frozen=True)
class MeasuredField:
    """기울기로 잰 수용 영역과 그 곁의 이론값. 쌍은 모두 (세로, 가로), 단위는 입력 화소다.

    unit: 재어 본 출력의 자리. size, first, last: 기울기가 0이 아닌 화소들의 크기와 양 끝(패딩은 잴 수 없다).
    theory: 식으로 구한 크기(그림 전체를 보는 계층이면 그림의 크기).
    theory_first, theory_last: 식으로 구한 구간에서 그림 안에 있는 부분.
    mask: (H, W) bool, 그 출력에 영향을 주는 화소. dilation이나 건너뛰는 stride가 있으면 속이 비어 있을 수 있다.
    """

    layer: str
    unit: Pair
    size: int | Pair
    first: Pair
    last: Pair
    theory: int | Pair
    theory_first: Pair
    theory_last: Pair
    mask: "np.ndarray[Any, Any]" = field(repr=False, compare=False)

    @property
    def inside(self) -> bool:
        """이론의 수용 영역이 모두 그림 안에 있는가. 그러면 size와 theory가 같아야 한다."""
        return self.theory == square(_extent(self.theory_first, self.theory_last))

    @property
    def agrees(self) -> bool:
        """잰 구간과 이론의 구간이 같은가."""
        return (self.first, self.last) == (self.theory_first, self.theory_last)


def measure_receptive_field(
    model: nn.Module, input_size: tuple[int, ...] = (3, 32, 32), layer: str | None = None
) -> MeasuredField:
    """출력 하나를 입력으로 미분하여, 기울기가 0이 아닌 화소를 센다(측정값).

    layer: `layer_table`의 name. 생략하면 마지막 계층.
    수용 영역이 그림 안에 다 들어오는 출력 가운데 특징 맵의 한가운데에서 가장 가까운 것을 잰다. 없으면 한가운데를 잰다.

    연결되어 있는데도 기울기가 0이 되는 우연을 없애려고, 사본에서 연산을 양수 가중치의 선형 연산으로 바꾸어 잰다.
      - 합성곱과 완전 연결: 모든 가중치 1, 편향 없음 (음의 가중치끼리 상쇄되지 않는다)
      - 최대 풀링: 같은 창의 합 (최댓값이 아닌 화소도 남는다). ceil_mode로 잘린 창도 같다
      - 활성화, 드롭아웃, 배치 정규화, 상수와의 사칙 연산: 항등 (죽은 ReLU나 0인 계수가 가리지 않는다)
      - layer_norm, softmax처럼 축을 섞는 것: 자신에 그 축의 평균을 더한 것
    역전파에서는 계층마다 기울기를 0과 1로 되돌려, 깊은 신경망에서도 넘치거나 사라지지 않는다.
    따라서 이 값은 훈련된 가중치가 아니라 구조가 정하는 연결을 잰다. 식과는 따로, 실제 연산을 미분해서 얻는다.
    오류: 그런 계층이 없으면 LayerNameError; 나머지는 `trace`와 같다.
    """
    traced = trace(model, input_size)
    chosen = find_layer(traced, layer)
    sight = sight_of(fields_of(traced), chosen)
    y, x = (central_unit(axis, size) for axis, size in zip(sight.axes, traced.input_size[1:], strict=True))
    mask = reach(model, traced, chosen.nodes[-1], sight, (y, x))
    rows, columns = (torch.nonzero(mask.any(dim=dim)).flatten().tolist() for dim in (1, 0))
    first, last = ((rows[0], columns[0]), (rows[-1], columns[-1])) if rows else ((0, 0), (-1, -1))
    seen: list[Interval] = [axis.seen_by(unit) or (0, -1) for axis, unit in zip(sight.axes, (y, x), strict=True)]
    if (0, -1) in seen:
        seen = [(0, -1), (0, -1)]  # 한 축이라도 패딩만 보면 보이는 화소가 없다
    ends = (seen[0][0], seen[1][0]), (seen[0][1], seen[1][1])
    return MeasuredField(
        layer=chosen.name,
        unit=(y, x),
        size=square(_extent(first, last)),
        first=first,
        last=last,
        theory=square(_extent(*ends) if sight.merged else (sight.axes[0].size, sight.axes[1].size)),
        theory_first=ends[0],
        theory_last=ends[1],
        mask=mask.numpy(),
    )


def _extent(first: Pair, last: Pair) -> Pair:
    return last[0] - first[0] + 1, last[1] - first[1] + 1


def sight_of(fields: Fields, layer: Layer) -> Sight:
    """그 계층의 출력이 입력을 보는 모습. 첫 입력을 보지 않으면 LayerNameError."""
    sight = fields.get(layer.nodes[-1].id)
    if sight is None:
        raise LayerNameError(f"이 계층은 첫 입력을 보지 않으므로 잴 수용 영역이 없습니다: {layer.name}")
    if sight.vague:
        raise UnknownOpError(
            f"{layer.name}: 토큰을 이어 붙인 뒤라 출력 하나가 어느 자리를 보는지 말할 수 없습니다. "
            "그보다 앞의 계층이나 첫 attention 뒤의 계층을 고르세요."
        )
    return sight


def find_layer(traced: Trace, name: str | None) -> Layer:
    """이름이 name인 행. 생략하면 마지막 행. 없으면 LayerNameError."""
    layers = {layer.name: layer for layer in traced.layers}
    if name is None:
        return traced.layers[-1]
    if name not in layers:
        raise LayerNameError(
            f"{traced.model}에 그런 이름의 계층이 없습니다. 받은 이름: {name!r}. 쓸 수 있는 이름: {', '.join(layers)}"
        )
    return layers[name]


def central_unit(axis: Axis, pixels: int) -> int:
    """한가운데에서 가장 가까우면서 수용 영역이 그림 안에 있는 출력. 없으면 한가운데."""
    middle = axis.count // 2

    def inside(unit: int) -> bool:
        first, last = axis.unit(unit)
        return axis.seen_by(unit) is not None and first >= 0 and last < pixels

    return min(filter(inside, range(axis.count)), key=lambda unit: abs(unit - middle), default=middle)
