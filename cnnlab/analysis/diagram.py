"""신경망의 그림. 손으로 그리지 않고 실행 기록(trace)에서 그리므로 실제 신경망과 어긋나지 않는다.

전체는 draw_network가 왼쪽에서 오른쪽으로(단계마다 상자), 블록 속은 draw_block이 위에서 아래로(계층마다 상자) 그린다.
무엇을 그릴지는 units.py와 overview.py, 어디에 놓을지는 branches.py와 layout.py, 어떻게 그릴지는 svg.py와 graph_svg.py가
정한다. 같은 신경망이면 글자 하나까지 같은 SVG가 나온다.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from cnnlab.analysis.drawing.boxes import render_graph, unit_size
from cnnlab.analysis.drawing.branches import split
from cnnlab.analysis.drawing.canvas import by
from cnnlab.analysis.drawing.geometry import Size
from cnnlab.analysis.drawing.layout import arrange
from cnnlab.analysis.drawing.overview import blocks_of, main_line, side_notes, stages_of
from cnnlab.analysis.drawing.solids import render
from cnnlab.analysis.drawing.units import Unit, units_of, within
from cnnlab.analysis.errors import LayerNameError
from cnnlab.analysis.graph import Trace
from cnnlab.analysis.trace import trace
from cnnlab.analysis.tracing.ops import Shape
from cnnlab.errors import LearnerError

_TANGLED = 0.5  # 상자의 이만큼이 한 갈래 속에 있으면(U-Net) 단계로 나눌 수 없으므로 계층을 모두 그린다


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


def draw_network(model: nn.Module, input_size: Sequence[int] = (3, 32, 32), *, title: str = "") -> NetworkDrawing:
    """신경망을 왼쪽에서 오른쪽으로 그린다. 마우스를 올리면 매개변수, MAC, 수용 영역이 보인다.

    input_size: 배치를 뺀 입력 형태 (C, H, W), 화소. 입력이 여럿이면 형태의 튜플.
    title: 왼쪽 위의 제목(생략하면 클래스 이름).
    활성화, 정규화, 드롭아웃, 펼치기는 앞 상자 아래에 작은 글자로 붙는다.
    갈라졌다가 합쳐지는 블록(잔차, Inception, 밀집, SE)은 상자 하나이고, 속의 갈래를 그 아래에 적는다.
    이어지는 같은 블록은 ×3처럼 묶는다. 속은 `draw_block`으로 본다.
    입력이 여럿이거나 거의 전체가 한 블록(U-Net)이면 계층을 모두 그린다.
    오류: `trace`와 같다.
    """
    return drawing_of(trace(model, input_size), model, title)


def drawing_of(traced: Trace, model: nn.Module, title: str = "") -> NetworkDrawing:
    """이미 있는 실행 기록의 `draw_network`. model: 기록한 신경망(모듈의 이름을 본다)."""
    units = units_of(traced)
    outputs = _output_units(traced, units)
    heading = title or traced.model
    main, rest = main_line(units, outputs)
    if sum(unit.family == "입력" for unit in main) != 1:
        return _draw_graph(heading, units, outputs, "")
    blocks = blocks_of(main, model)
    if any(block.forks == 1 and len(block.units) > _TANGLED * len(main) for block in blocks):
        return _draw_graph(heading, units, outputs, "")
    stages = stages_of(blocks, main[0], side_notes(main, rest, outputs))
    svg = render(heading, _total(traced.params, units), stages)
    return NetworkDrawing(heading, tuple(stage.shape for stage in stages), svg)


def draw_block(
    model: nn.Module, input_size: Sequence[int] = (3, 32, 32), block: str = "", *, title: str = ""
) -> NetworkDrawing:
    """블록 하나의 속을 위에서 아래로 그린다: 계층마다 상자, 갈라지고 합쳐지는 선이 그대로 보인다.

    block: 모듈의 이름(`model.named_modules()`의 이름, 예를 들어 "layer1.0"). 빈 글이면 신경망 전체.
    input_size와 title은 `draw_network`와 같다.
    지름길과 갈래는 옆으로 놓인다. 이어 붙이기를 거듭하는 밀집 블록은 한 번에 하나씩 이어 붙이는 같은 계산으로 그린다.
    오류: 그런 모듈이 없거나 forward가 쓰지 않으면 LayerNameError, 나머지는 `trace`와 같다.
    """
    traced = trace(model, input_size)
    units = units_of(traced, block)
    outputs = _output_units(traced, units)
    heading = title or (f"{traced.model}: {block}" if block else traced.model)
    return _draw_graph(heading, units, outputs, block)


def _total(params: int, units: Sequence[Unit]) -> str:
    return f"매개변수 {params:,}개 · MAC {sum(unit.macs for unit in units):,}"


def _output_units(traced: Trace, units: Sequence[Unit]) -> list[int]:
    """forward가 돌려준 값의 상자, 돌려준 순서로. 첫째가 주된 출력이고 나머지는 보조 출력이다."""
    home = {node.id: unit.id for unit in units for layer in unit.layers for node in layer.nodes}
    return list(dict.fromkeys(home[node] for node in traced.outputs if node in home))


def _draw_graph(heading: str, units: Sequence[Unit], outputs: Sequence[int], block: str) -> NetworkDrawing:
    chosen = [unit for unit in units if unit.layers and within(unit.name, block)]
    if not chosen:
        modules = sorted({unit.name.rpartition(".")[0].split(":")[0] for unit in units if "." in unit.name})
        raise LayerNameError(
            f"그릴 모듈이 없습니다. 받은 이름: {block!r}. 쓸 수 있는 이름: "
            f"{', '.join(modules) or '없음(모듈이 하나입니다)'}"
        )
    inside = {unit.id for unit in chosen}
    given = dict.fromkeys(giver for unit in chosen for giver in unit.inputs if giver not in inside)
    entries = [
        replace(units[giver], family="입력", label=("입력",), inputs=(), layers=(), notes=(), join="")
        for giver in given
    ]
    taken = {giver for unit in units if unit.id not in inside for giver in unit.inputs} | set(outputs)
    exits = [unit.id for unit in chosen if unit.id in taken] or [chosen[-1].id]
    members = [*entries, *chosen]
    source, sink = -1, -2  # 여러 입력과 여러 출력을 묶는, 그리지 않는 두 끝
    inputs: dict[int, tuple[int, ...]] = {unit.id: unit.inputs or (source,) for unit in members}
    inputs[sink] = tuple(exits)
    used = _leading_to(members, set(exits))
    inputs[sink] = (*exits, *_dead_ends(members, used))
    tree = split([unit.id for unit in members], inputs, source, sink)
    sizes: dict[int, Size] = {unit.id: unit_size(unit, block) for unit in members}
    placed = arrange(tree, sizes, inputs, source, sink)
    svg = render_graph(heading, _total(sum(unit.params for unit in chosen), chosen), members, placed, block)
    return NetworkDrawing(heading, tuple(unit.shape for unit in members), svg)


def _leading_to(units: Sequence[Unit], last: set[int]) -> set[int]:
    needed = set(last)
    for unit in reversed(units):
        if unit.id in needed:
            needed.update(unit.inputs)
    return needed


def _dead_ends(units: Sequence[Unit], used: set[int]) -> list[int]:
    """어디에도 쓰이지 않는 계산의 끝."""
    given = {giver for unit in units for giver in unit.inputs}
    return [unit.id for unit in units if unit.id not in used and unit.id not in given]
