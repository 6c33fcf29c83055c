"""신경망 전체를 단계의 목록으로: 갈래가 있는 블록은 상자 하나로 접고, 되풀이되는 블록은 ×3처럼 묶는다."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from cnnlab.analysis.drawing.branches import Chain, Fork, Part, Tangle, split
from cnnlab.analysis.drawing.canvas import by
from cnnlab.analysis.drawing.paths import describe
from cnnlab.analysis.drawing.solids import Stage
from cnnlab.analysis.drawing.units import Unit
from cnnlab.analysis.drawing.wording import sight_text
from cnnlab.analysis.formulas import activation_kb

_MANY = 24  # 상자가 이보다 많으면 이어지는 똑같은 상자도 ×3처럼 묶는다


@dataclass(frozen=True)
class Block:
    """갈래가 있는 블록 하나, 또는 상자 하나. module은 블록을 이루는 모듈의 이름(없으면 빈 글)이다."""

    units: tuple[Unit, ...]
    module: str
    type: str
    family: str
    paths: tuple[str, ...]
    forks: int = 0  # 갈라졌다가 합쳐지기를 몇 번 하는가

    @property
    def last(self) -> Unit:
        return self.units[-1]


def main_line(units: Sequence[Unit], outputs: Sequence[int]) -> tuple[list[Unit], list[Unit]]:
    """(입력에서 첫 출력까지 가는 길에 있는 상자, 나머지). 나머지는 보조 출력과 쓰이지 않은 계산이다."""
    needed = {outputs[0]}
    for unit in reversed(units):
        if unit.id in needed:
            needed.update(unit.inputs)
    return [unit for unit in units if unit.id in needed], [unit for unit in units if unit.id not in needed]


def blocks_of(units: Sequence[Unit], model: nn.Module) -> list[Block]:
    """units: 첫째가 입력, 마지막이 출력이고 모두 그 사이의 길에 있다. 차례로 늘어놓은 블록."""
    known = {unit.id: unit for unit in units}
    inputs = {unit.id: unit.inputs for unit in units}
    order = [unit.id for unit in units]
    chain = split(order[1:-1], inputs, order[0], order[-1])
    types = _types(model)
    parts: list[Part] = [*chain.parts, order[-1]]
    regions: list[tuple[list[Unit], Fork | Tangle | None]] = []
    for number, part in enumerate(parts):
        if isinstance(part, Fork | Tangle):
            continue
        before = parts[number - 1] if number else None
        fork = before if isinstance(before, Fork | Tangle) else None
        assert isinstance(part, int)
        inside = [known[item] for item in _flat(fork)] if fork else []
        regions.append(([*inside, known[part]], fork))
    modules = [_common([unit.name for unit in members]) if fork else "" for members, fork in regions]
    block_types = {types[module] for module in modules if module and types.get(module) not in _CONTAINERS}
    return _grouped(regions, modules, block_types, types, known)


_CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}


def _grouped(
    regions: Sequence[tuple[list[Unit], Fork | Tangle | None]],
    modules: Sequence[str],
    block_types: set[str],
    types: Mapping[str, str],
    known: Mapping[int, Unit],
) -> list[Block]:
    """같은 모듈에 든 이웃을 한 블록으로 묶는다: 갈래가 없어도 갈래 있는 블록과 같은 클래스면 블록이다."""
    homes = []
    for (members, fork), module in zip(regions, modules, strict=True):
        home = _outermost(_common([unit.name for unit in members]), block_types, types)
        homes.append(home or (module if fork else ""))
    blocks: list[Block] = []
    at = 0
    while at < len(regions):
        end = at + 1
        while homes[at] and end < len(regions) and homes[end] == homes[at]:
            end += 1
        inside = tuple(unit for group, _ in regions[at:end] for unit in group)
        forks = [fork for _, fork in regions[at:end] if fork]
        if forks or homes[at]:
            family = _family(forks, regions[at:end], known)
            paths = describe([(fork, group) for group, fork in regions[at:end]], known)
            blocks.append(Block(inside, homes[at], types.get(homes[at], ""), family, paths, len(forks)))
        else:
            blocks.append(Block(inside, "", "", inside[0].family, ()))
        at = end
    return blocks


def _types(model: nn.Module) -> dict[str, str]:
    return {name: type(module).__name__ for name, module in model.named_modules()}


def _common(names: Sequence[str]) -> str:
    """이름들이 함께 든 모듈: layer1.0.conv1과 layer1.0.add -> layer1.0."""
    parts = [name.split(":")[0].split(".")[:-1] for name in names]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return ".".join(shared)


def _outermost(module: str, wanted: set[str], types: Mapping[str, str]) -> str:
    """module과 그것을 담은 모듈 가운데 종류가 wanted에 드는 가장 바깥 것."""
    words = module.split(".") if module else []
    for count in range(1, len(words) + 1):
        name = ".".join(words[:count])
        if types.get(name) in wanted:
            return name
    return ""


def _flat(part: Part | None) -> list[int]:
    if part is None:
        return []
    if isinstance(part, int):
        return [part]
    if isinstance(part, Tangle):
        return list(part.members)
    inner = part.parts if isinstance(part, Chain) else part.branches
    return sorted(item for piece in inner for item in _flat(piece))


def _family(
    forks: Sequence[Fork | Tangle],
    regions: Sequence[tuple[list[Unit], Fork | Tangle | None]],
    known: Mapping[int, Unit],
) -> str:
    """블록의 종류: 마지막으로 합치는 방법과 지름길이 있는지로 정한다."""
    joins = [(members[-1].join, fork) for members, fork in regions if fork]
    if not joins:
        return "갈래 블록" if forks else regions[0][0][0].family
    for join, fork in reversed(joins):
        direct = isinstance(fork, Fork) and any(not branch.parts for branch in fork.branches)
        if join in ("+", "−"):
            return "잔차 블록"
        if join == "이어 붙이기":
            return "밀집 블록" if direct and len(fork.branches) == 2 else "갈래 블록"  # type: ignore[union-attr]
    return "게이트 블록" if joins[-1][0] == "×" else "갈래 블록"


# --- 블록을 단계로


def stages_of(blocks: Sequence[Block], start: Unit, side: Mapping[int, Sequence[str]]) -> list[Stage]:
    """이웃한 같은 블록을 묶어 단계로. side: 상자의 id -> 거기에서 갈라져 나간 것(보조 출력)의 설명."""
    stages = [Stage("", "입력", (), start.shape, list(start.hover), list(start.notes) + list(side.get(start.id, ())))]
    at = 0
    long = len(blocks) > _MANY
    while at < len(blocks):
        end = at + 1
        while end < len(blocks) and (_repeats(blocks[at], blocks[end]) or (long and _same(blocks[at], blocks[end]))):
            end += 1
        stages.append(_stage(blocks[at:end], side))
        at = end
    return stages


def _repeats(first: Block, other: Block) -> bool:
    """같은 상자에 묶을 블록인가: 같은 모듈 안에 있는 같은 클래스이고, 크기가 같다(밀집 블록은 채널이 늘어도 된다)."""
    if not first.module or (first.type, first.family) != (other.type, other.family):
        return False
    if first.module.rpartition(".")[0] != other.module.rpartition(".")[0]:
        return False
    size, other_size = first.last.shape, other.last.shape
    if first.family == "밀집 블록":
        return size[1:] == other_size[1:]
    return size == other_size and (first.family == "잔차 블록" or first.paths == other.paths)


def _same(first: Block, other: Block) -> bool:
    """블록이 아닌 상자 둘이 똑같은가(깊은 plain 신경망의 합성곱)."""
    if first.paths or other.paths:
        return False
    a, b = first.last, other.last
    return (a.family, a.label, a.shape, a.notes) == (b.family, b.label, b.shape, b.notes)


def _stage(blocks: Sequence[Block], side: Mapping[int, Sequence[str]]) -> Stage:
    units = [unit for block in blocks for unit in block.units]
    beside = [line for unit in units for line in side.get(unit.id, ())]
    if not blocks[0].paths and len(units) == 1:
        unit = units[0]
        return Stage(unit.name, unit.family, unit.label, unit.shape, list(unit.hover), [*unit.notes, *beside])
    last, count = units[-1], len(blocks)
    name = _stage_name(blocks)
    paths = Counter(block.paths for block in blocks).most_common(1)[0][0]
    kind = f"{blocks[0].type} " if blocks[0].type else ""
    lines = [
        f"{name} ({kind}{blocks[0].family}{f' {count}개' if count > 1 else ''})",
        f"매개변수 {sum(u.params for u in units):,}개 · MAC {sum(u.macs for u in units):,}",
        f"출력 {by(last.shape)} · {activation_kb(last.shape):,.1f} KB",
        *sight_text(last.rf),
    ]
    convolutions = sum(unit.family == "합성곱" for unit in blocks[0].units)
    head = blocks[0].family if blocks[0].forks else f"합성곱 {convolutions}개"
    if not paths:
        return Stage(name, units[0].family, (*units[0].label, f"×{count}"), last.shape, lines, [*last.notes, *beside])
    label = (head, *([f"×{count}"] if count > 1 else []))
    return Stage(name, blocks[0].family, label, last.shape, lines, [*paths, *beside])


def _stage_name(blocks: Sequence[Block]) -> str:
    """layer1.0, layer1.1, layer1.2 -> layer1.0–2, inception4a, inception4b -> inception4a–4b."""
    first, last = blocks[0].module or blocks[0].last.name, blocks[-1].module or blocks[-1].last.name
    if first == last:
        return first
    shared = re.match(r"\D*", last.rpartition(".")[2])
    word = last.rpartition(".")[2]
    return f"{first}–{word[shared.end() :] if shared else word}"


def side_notes(main: Sequence[Unit], rest: Sequence[Unit], outputs: Sequence[int]) -> dict[int, list[str]]:
    """큰 줄기에서 갈라져 나간 것을 한 줄씩: 어느 상자에서 나가 무엇이 되는가."""
    line = {unit.id for unit in main}
    root: dict[int, int] = {}
    notes: dict[int, list[str]] = {}
    for unit in rest:
        givers = [giver if giver in line else root.get(giver) for giver in unit.inputs]
        known = [giver for giver in givers if giver is not None]
        if not known:
            continue
        root[unit.id] = max(known)
        if unit.id in outputs:
            notes.setdefault(root[unit.id], []).append(f"↳ 보조 출력 {by(unit.shape)}")
    return notes
