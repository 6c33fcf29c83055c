"""신경망 하나의 수용 영역을 자리마다: 식의 값과 기울기로 잰 값을 나란히. 잰 것은 기억해 둔다."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from cnnlab.analysis.effective import effective_receptive_field
from cnnlab.analysis.fields.axis import Interval
from cnnlab.analysis.fields.connectivity import reach
from cnnlab.analysis.fields.field import Fields, Sight, fields_of
from cnnlab.analysis.formulas import Pair
from cnnlab.analysis.graph import Layer, Trace
from cnnlab.analysis.receptive_field import central_unit, find_layer, sight_of
from cnnlab.analysis.trace import trace

Box = tuple[Interval, Interval]  # (세로, 가로) 구간. 양 끝을 포함하고, 입력 밖이면 패딩이다


@dataclass(frozen=True)
class UnitField:
    """계층 하나의 출력 하나가 보는 곳. 단위는 입력 화소, 쌍은 (세로, 가로)다.

    count: 출력의 수. jump: 이웃한 출력이 보는 곳 사이의 거리(뜻이 없으면 None).
    whole: 모든 출력이 같은 곳(그림 전체)을 보는가. theory: 식의 구간. seen: 그 가운데 그림 안(없으면 None).
    ungated: 그림 전체를 보는 갈래(SE 게이트)를 뺀 구간. 그런 갈래가 없으면 None.
    """

    layer: str
    unit: Pair
    count: Pair
    size: Pair
    jump: Pair | None
    whole: bool
    theory: Box
    seen: Box | None
    ungated: Box | None


class FieldProbe:
    """신경망과 입력 크기 하나. 실행 기록과 잰 값을 (계층, 자리)마다 기억한다.

    기억하는 것은 구조가 정하는 값뿐이다: 학습으로 가중치가 바뀌어도 그대로 맞다.
    """

    def __init__(self, model: nn.Module, input_size: tuple[int, ...]) -> None:
        self.model = model
        self.input_size = tuple(input_size)
        self._measured: dict[tuple[str, Pair], Tensor] = {}

    @cached_property
    def traced(self) -> Trace:
        return trace(self.model, self.input_size)

    @property
    def picture_size(self) -> tuple[int, ...]:
        """(첫) 입력의 형태 (C, H, W)."""
        return self.traced.input_size

    @cached_property
    def fields(self) -> Fields:
        return fields_of(self.traced)

    @cached_property
    def _without_gates(self) -> Fields | None:
        return fields_of(self.traced, gates=False) if self.fields.gated else None

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """보는 곳이 바뀌는 계층의 이름: 활성화처럼 앞의 계층과 같은 곳을 보는 것은 뺀다."""
        names: list[str] = []
        seen: set[object] = set()
        for layer in self.traced.layers:
            number = layer.nodes[-1].id
            sight = self.fields.get(number)
            if sight is None:
                continue
            if self._without_gates:
                sight = self._without_gates.get(number) or sight
            kind = "전체" if sight.merged else tuple((part.size, part.field, part.count) for part in sight.axes)
            if kind not in seen:
                names.append(layer.name)
            seen.add(kind)
        return tuple(names)

    def size(self, layer: str) -> Pair:
        """계층의 (세로, 가로) 출력의 수."""
        return self._find(layer)[1].size

    def centre(self, layer: str) -> Pair:
        """한가운데에서 가장 가까우면서 수용 영역이 그림 안에 있는 출력. 없으면 한가운데."""
        _, sight = self._find(layer)
        y, x = (central_unit(axis, size) for axis, size in zip(sight.axes, self.traced.input_size[1:], strict=True))
        return y, x

    def overhang(self, layer: str) -> int:
        """모든 출력을 통틀어 수용 영역이 그림 밖으로 나가는 가장 긴 길이, 화소. 게이트는 뺀다."""
        chosen, sight = self._find(layer)
        if self._without_gates:
            sight = self._without_gates.get(chosen.nodes[-1].id) or sight
        most = 0
        if sight.merged:
            return most
        for axis, pixels in zip(sight.axes, self.traced.input_size[1:], strict=True):
            ends = [axis.unit(0), axis.unit(axis.count - 1)]
            most = max(most, *(-first for first, _ in ends), *(last - pixels + 1 for _, last in ends))
        return most

    def at(self, layer: str, unit: Pair) -> UnitField:
        """계층 layer의 출력 unit이 보는 곳(식). 오류: 그런 계층이 없으면 LayerNameError."""
        chosen, sight = self._find(layer)
        y, x = (axis.unit(index) for axis, index in zip(sight.axes, unit, strict=True))
        top, left = (axis.seen_by(index) for axis, index in zip(sight.axes, unit, strict=True))
        steps = [axis.field.jump if axis.field else None for axis in sight.axes]
        ungated = None
        if self._without_gates and (bare := self._without_gates.get(chosen.nodes[-1].id)):
            a, b = (axis.unit(min(index, axis.count - 1)) for axis, index in zip(bare.axes, unit, strict=True))
            ungated = None if (a, b) == (y, x) else (a, b)
        return UnitField(
            layer=chosen.name,
            unit=unit,
            count=sight.size,
            size=(y[1] - y[0] + 1, x[1] - x[0] + 1),
            jump=None if sight.merged or None in steps else (steps[0] or 0, steps[1] or 0),
            whole=sight.merged,
            theory=(y, x),
            seen=None if top is None or left is None else (top, left),
            ungated=ungated,
        )

    def measure(self, layer: str, unit: Pair) -> Tensor:
        """기울기로 잰, 그 출력에 영향을 주는 화소 (H, W) bool."""
        if (layer, unit) not in self._measured:
            chosen, sight = self._find(layer)
            self._measured[layer, unit] = reach(self.model, self.traced, chosen.nodes[-1], sight, unit)
        return self._measured[layer, unit]

    def effective(self, layer: str, images: Tensor | None = None) -> Tensor:
        """한가운데 출력의 유효 수용 영역 (H, W), 0..1. 지금의 가중치로 잴 때마다 새로 잰다."""
        return torch.from_numpy(effective_receptive_field(self.model, self.input_size, layer, images, n=8))

    def _find(self, name: str) -> tuple[Layer, Sight]:
        chosen = find_layer(self.traced, name)
        return chosen, sight_of(self.fields, chosen)


def box_of(mask: Tensor) -> Box | None:
    """칠해진 화소를 모두 담는 가장 작은 구간. 하나도 없으면 None."""
    rows, columns = (torch.nonzero(mask.any(dim=dim)).flatten().tolist() for dim in (1, 0))
    return ((rows[0], rows[-1]), (columns[0], columns[-1])) if rows else None
