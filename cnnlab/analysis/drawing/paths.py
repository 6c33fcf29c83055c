"""블록 속의 갈래를 글로: 1×1 → 3×3 → 1×1."""

from collections.abc import Mapping, Sequence

from cnnlab.analysis.drawing.branches import Chain, Fork, Tangle
from cnnlab.analysis.drawing.units import Unit
from cnnlab.analysis.drawing.wording import window_text
from cnnlab.analysis.tracing.ops import Window

_MOST_PATHS = 6  # 상자 아래에 적을 줄의 수
_LONGEST = 22  # 그 한 줄의 글자 수


def describe(regions: Sequence[tuple[Fork | Tangle | None, list[Unit]]], known: Mapping[int, Unit]) -> tuple[str, ...]:
    """블록 안의 갈래마다 한 줄: 1×1 → 3×3 → 1×1. 같은 갈림이 되풀이되면 한 번만 적는다."""
    forks = [(_lines(fork, known), members[-1].join) for fork, members in regions if fork]
    if forks and len(set(forks)) == 1 and forks[0][1] != "×":
        lines = forks[0][0]
        return (*lines, f"{len(forks)}번 되풀이") if len(forks) > 1 else lines
    words = []
    for fork, members in regions:
        gate = members[-1].join == "×"
        words += ["게이트" if gate else f"({' | '.join(_lines(fork, known))})"] if fork else []
        words += [_short(members[-1])] if not members[-1].join else []
    return _wrapped(" → ".join(word for word in words if word))


def _lines(fork: Fork | Tangle | None, known: Mapping[int, Unit]) -> tuple[str, ...]:
    if not isinstance(fork, Fork):
        return ("얽힌 갈래",)
    lines = [line for branch in fork.branches for line in _wrapped(_path(branch, known))]
    if len(lines) > _MOST_PATHS:
        lines = [*lines[: _MOST_PATHS - 1], f"… 갈래 {len(fork.branches)}개"]
    return tuple(lines)


def _wrapped(text: str) -> tuple[str, ...]:
    """긴 줄은 화살표 앞에서 나눈다."""
    lines = [""]
    for word in text.split(" → "):
        joined = f"{lines[-1]} → {word}" if lines[-1] else word
        if lines[-1] and len(joined) > _LONGEST:
            lines[-1] += " →"
            lines.append(word)
        else:
            lines[-1] = joined
    return tuple(lines)


def _path(chain: Chain, known: Mapping[int, Unit]) -> str:
    if not chain.parts:
        return "지름길"
    words, parts = [], list(chain.parts)
    for number, part in enumerate(parts):
        if isinstance(part, int):
            words.append("" if known[part].join else _short(known[part]))
        elif isinstance(part, Fork):
            after = parts[number + 1] if number + 1 < len(parts) else None
            gate = isinstance(after, int) and known[after].join == "×"
            words.append("게이트" if gate else _bracket(part, known))
        else:
            words.append("얽힌 갈래")
    return " → ".join(word for word in words if word) or "지름길"


def _bracket(fork: Fork | Tangle, known: Mapping[int, Unit]) -> str:
    if isinstance(fork, Tangle):
        return "얽힌 갈래"
    return f"({' | '.join(_path(branch, known) for branch in fork.branches)})"


def _short(unit: Unit) -> str:
    """갈래를 적을 때의 짧은 이름: 합성곱은 커널의 크기만, 활성화뿐인 상자는 적지 않는다."""
    window = unit.layers[0].window
    if unit.family == "합성곱" and isinstance(window, Window):
        return " ".join(line for line in unit.label if line != "합성곱")
    if unit.family == "풀링":
        return unit.label[0] + (f" {window_text(window)}" if isinstance(window, Window) else "")
    return " ".join(unit.label) if unit.family == "완전 연결" else ""
