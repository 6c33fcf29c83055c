"""그래프를 따라 수용 영역의 규칙을 적용한다. 규칙은 rules.py(갈래 하나)와 joins.py(여러 갈래)에 있다.

한 축의 산수는 axis.py, 축과 채널의 자리는 sight.py에 있다.
합쳐지는 곳(잔차 덧셈, 이어 붙이기)의 수용 영역은 갈래들의 합집합을 덮는 구간이다.
"""

from dataclasses import dataclass, field

from cnnlab.analysis.errors import UnknownOpError
from cnnlab.analysis.fields.axis import Axis, Field, Interval, pixels
from cnnlab.analysis.fields.joins import JOINS
from cnnlab.analysis.fields.rules import RULES
from cnnlab.analysis.fields.sight import CannotFollow, Sight, build, plain
from cnnlab.analysis.fields.writes import write_rule
from cnnlab.analysis.graph import Node, Trace
from cnnlab.analysis.tracing.checks import times

__all__ = ["Axis", "Field", "Fields", "Interval", "Sight", "fields_of"]


@dataclass(frozen=True)
class Fields:
    """노드 id -> Sight. 첫 입력을 보지 않는 노드는 없다.

    gated: 그림 전체를 보는 갈래가 그렇지 않은 갈래와 합쳐진 노드(SE 게이트, 전역 풀링 갈래)의 id.
    """

    sights: dict[int, Sight]
    gated: list[int] = field(default_factory=list)

    def __getitem__(self, number: int) -> Sight:
        return self.sights[number]

    def get(self, number: int) -> Sight | None:
        return self.sights.get(number)


def fields_of(trace: Trace, *, gates: bool = True) -> Fields:
    """노드마다의 수용 영역. 입력이 여럿이면 첫 입력의 화소로 센다.

    gates=False이면 그림 전체를 보는 갈래를, 그렇지 않은 갈래와 합쳐지는 곳에서 뺀다('게이트가 없을 때'의 값).
    오류: 공간이 어떻게 섞이는지 말할 수 없으면 UnknownOpError.
    """
    channels, height, width = trace.input_size
    y = pixels(height)
    axes = (y, y if width == height else pixels(width))
    fields = Fields(
        {0: build((axes,), (plain(channels), *(((k, n),) if n > 1 else () for k, n in (("y", height), ("x", width)))))}
    )
    for node in trace.nodes:
        sights = [fields.sights.get(source) for source in node.operands]
        if not any(sights):
            continue
        if _is_gate(sights):
            fields.gated.append(node.id)
            if not gates:
                sights = [None if sight and sight.merged else sight for sight in sights]
        try:
            fields.sights[node.id] = _follow(node, sights)
        except CannotFollow as why:
            _refuse(node, str(why))
    return fields


def _follow(node: Node, sights: list[Sight | None]) -> Sight:
    known = [sight for sight in sights if sight]
    if node.kind == "write":
        return write_rule(node, sights)
    if node.kind in JOINS:
        return JOINS[node.kind](node, sights)
    if len(known) > 1 and len({id(sight) for sight in known}) > 1:
        raise CannotFollow("가중치나 크기까지 입력에서 계산됩니다")
    return RULES[node.kind](node, known[0])


def _is_gate(sights: list[Sight | None]) -> bool:
    known = [sight.merged for sight in sights if sight]
    return any(known) and not all(known)


def _refuse(node: Node, why: str) -> None:
    raise UnknownOpError(
        f"{node.name}: 이 연산({node.op})이 입력의 어디를 보는지 계산할 수 없습니다. {why}. "
        f"들어온 모양: {times(node.input_shape)}."
    )
