"""실행 기록을 그림의 상자로 묶는다: 합성곱 하나와 그 뒤의 정규화와 활성화가 상자 하나다."""

from collections import Counter
from dataclasses import dataclass, replace

from cnnlab.analysis.drawing.canvas import by
from cnnlab.analysis.drawing.wording import JOINS, hover, label, main_node, note
from cnnlab.analysis.fields.field import fields_of
from cnnlab.analysis.graph import Layer, Trace
from cnnlab.analysis.tables import rf_cell
from cnnlab.analysis.tracing.ops import Shape


@dataclass(frozen=True)
class Unit:
    """그림의 상자 하나. inputs는 값을 주는 상자의 id, id는 실행 순서다.

    layers: 이 상자에 든 행(Layer). 첫째가 상자의 이름이고, 나머지는 notes에 적힌 것이다.
    join: 두 갈래 이상을 합치면 그 기호("+", "×", "이어 붙이기"), 아니면 빈 글.
    """

    id: int
    family: str
    label: tuple[str, ...]
    shape: Shape
    inputs: tuple[int, ...]
    layers: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()
    hover: tuple[str, ...] = ()
    rf: object = ""
    join: str = ""

    @property
    def name(self) -> str:
        return self.layers[0].name if self.layers else ""

    @property
    def params(self) -> int:
        return sum(layer.params for layer in self.layers)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)


def within(name: str, block: str) -> bool:
    """이름이 name인 행이 모듈 block에 드는가. 빈 글은 신경망 전체다."""
    return not block or name.split(":")[0] == block or name.startswith(f"{block}.")


def units_of(traced: Trace, block: str = "") -> tuple[Unit, ...]:
    """상자들, 실행 순서로. 앞의 몇 개는 입력이다.

    활성화, 정규화, 드롭아웃, 펼치기는 그 값을 혼자 받아 쓰는 앞 상자에 붙는다. 갈라지는 곳 뒤라면 제 상자를 만든다.
    block: 속을 그릴 모듈. 그 안의 행은 밖의 상자에 붙지 않는다.
    """
    sights = fields_of(traced)
    sources = _sources(traced)
    readers = {(source, node.layer) for node in traced.nodes for source in sources[node.id]}
    uses = Counter(source for source, _ in readers)
    uses.update(traced.outputs)
    units: list[Unit] = []
    home: dict[int, int] = {}  # 노드 -> 상자
    for node in traced.nodes:
        if node.kind == "input":
            home[node.id] = len(units)
            text = "입력" if node.name == "input" else node.name.replace("input:", "입력 ")
            shape = node.output_shape
            units.append(Unit(len(units), "입력", (), shape, (), hover=(f"{text} {by(shape)}",)))
    for layer in traced.layers:
        members = {node.id for node in layer.nodes}
        outside = [source for node in layer.nodes for source in sources[node.id] if source not in members]
        inputs = tuple(dict.fromkeys(home[source] for source in outside))
        rf = rf_cell(sights.get(layer.nodes[-1].id), traced.input_size)
        main, said = main_node(layer), hover(layer, rf)
        alone = main is None and len(inputs) == 1 and uses[outside[0]] == 1 and _is_last(units[inputs[0]], outside[0])
        if alone and (not block or within(units[inputs[0]].name or "-", block) == within(layer.name, block)):
            number = inputs[0]
            units[number] = _with_note(units[number], layer, said, rf)
        else:
            number = len(units)
            units.append(_unit(number, layer, inputs, said, rf))
        for member in members:
            home[member] = number
    return tuple(units)


def _unit(number: int, layer: Layer, inputs: tuple[int, ...], said: tuple[str, ...], rf: object) -> Unit:
    main = main_node(layer)
    op = layer.nodes[-1].op
    if main is not None:
        family, lines = label(main, layer)
        join = ""
    elif len(inputs) > 1:
        family, join = "합치기", JOINS.get(op, layer.type)
        lines = (join,)
    else:
        family, lines, join = "기타", tuple(word for word in (note(layer),) if word), ""
    return Unit(number, family, lines, layer.output_shape, inputs, (layer,), hover=said, rf=rf, join=join)


def _with_note(unit: Unit, layer: Layer, said: tuple[str, ...], rf: object) -> Unit:
    text = note(layer)
    if text and unit.family == "기타" and not unit.label:
        unit, text = replace(unit, label=(text,)), ""  # 이름이 없던 상자(하나를 이어 붙인 것)는 뒤의 것으로 부른다
    return Unit(
        unit.id,
        unit.family,
        unit.label,
        unit.shape if unit.family in ("입력", "합성곱", "풀링", "완전 연결") else layer.output_shape,
        unit.inputs,
        (*unit.layers, layer),
        (*unit.notes, text) if text else unit.notes,
        (*unit.hover, "", *said),
        rf if rf != "" else unit.rf,
        unit.join,
    )


def _is_last(unit: Unit, source: int) -> bool:
    """source가 그 상자의 마지막 값인가: 상자 안의 중간 값에는 붙일 수 없다."""
    return not unit.layers or unit.layers[-1].nodes[-1].id == source


def _sources(traced: Trace) -> dict[int, tuple[int, ...]]:
    """노드마다 값을 주는 노드들.

    이어 붙이기는 차례로 한 것과 같다: cat(a, b, c) = cat(cat(a, b), c). 앞에서 이미 이어 붙인 것(밀집 블록)이 있으면
    그것에서 받는 것으로 적어, 선이 서로 엇갈리지 않게 한다.
    """
    sources: dict[int, tuple[int, ...]] = {}
    joined: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    for node in traced.nodes:
        inputs = node.inputs
        if node.kind == "cat":
            operands = node.operands
            for count in range(len(operands) - 1, 1, -1):
                known = joined.get((node.dims, operands[:count]))
                if known is not None:
                    inputs = tuple(dict.fromkeys((known, *(item for item in operands[count:] if item >= 0))))
                    break
            joined.setdefault((node.dims, operands), node.id)
        sources[node.id] = inputs
    return sources
