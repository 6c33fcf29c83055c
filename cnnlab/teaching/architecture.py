"""구조의 조절기: 깊이, 폭, 블록을 바꾸면 표와 그림과 막대가 따라 바뀐다."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from cnnlab.analysis.diagram import drawing_of
from cnnlab.analysis.tables import table_of
from cnnlab.analysis.trace import trace
from cnnlab.errors import LearnerError
from cnnlab.teaching.explorer import Control, Explorer, checkbox, dropdown, said_in_place, slider, steps
from cnnlab.teaching.families import Family, FamilyError, Knob, family_named
from cnnlab.teaching.stage_bars import bars_svg, stages
from cnnlab.teaching.tables import cell, show_table

if TYPE_CHECKING:
    import pandas as pd

# 합계의 이름 -> 화면의 이름
TOTALS = {
    "params": "매개변수",
    "macs": "MAC",
    "activation_kb": "출력 메모리",
    "training_kb": "학습 메모리",
    "depth": "깊이",
    "rf": "수용 영역",
}


@dataclass(frozen=True)
class Sketch:
    """조절기의 값 한 벌로 만든 신경망을 본 것. folded: 단계마다 한 행인 표(합계는 attrs에)."""

    name: str
    folded: pd.DataFrame
    picture: str


def sketch(family: Family, values: Mapping[str, Any]) -> Sketch:
    """신경망을 만들고 표와 그림을 얻는다. 오류: 만들 수 없는 조합이면 LearnerError."""
    model, input_size = family.make(values), family.input_size(values)
    name = family.name(values)
    traced = trace(model, input_size)  # 한 번만 흘려 보낸다: 조절기에 바로 답해야 한다
    return Sketch(name, stages(table_of(traced)), drawing_of(traced, model, name).svg)


def explore_architecture(family: str, *, start: Mapping[str, Any] | None = None) -> Explorer:
    """가족의 조절기를 움직이면 단계마다의 표, 그림, 막대가 따라 바뀐다.

    family: `families.FAMILIES`의 이름(vgg, resnet, inception, resnext, senet, densenet, mobilenet).
    start: 처음 값을 바꿀 조절기의 이름 -> 값. 합계 곁에는 처음 구성과 견준 배수가 적힌다.
    쓸 수 없는 조합이면 그림 대신 까닭이 나온다. 신경망은 가중치 없이(meta 장치) 만든다.
    커널이 없는 곳에는 처음 구성의 그림이 보인다.
    오류: 그런 가족이나 조절기가 없거나 가질 수 없는 값이면 FamilyError.
    """
    chosen = family_named(family)
    first = chosen.start | _checked(chosen, start or {})
    controls = {knob.name: _control(knob, first[knob.name]) for knob in chosen.knobs}

    @lru_cache(maxsize=64)
    def look(values: tuple[Any, ...]) -> Sketch:
        return sketch(chosen, dict(zip(first, values, strict=True)))

    def render(**values: Any) -> str:
        now = look(tuple(values.values()))
        try:
            before = look(tuple(first.values()))
        except LearnerError:  # 처음 구성을 만들 수 없으면 견줄 것이 없다
            before = now
        return _panel(now, before)

    still = said_in_place(lambda: look(tuple(first.values())).picture)
    return Explorer(controls, render, still, place="위")


def _checked(family: Family, start: Mapping[str, Any]) -> dict[str, Any]:
    knobs = {knob.name: knob for knob in family.knobs}
    for name, value in start.items():
        if name not in knobs:
            raise FamilyError(f"그런 조절기가 없습니다. 쓸 수 있는 이름: {', '.join(knobs)}. 받은 이름: {name!r}")
        if value not in knobs[name].values:
            allowed = ", ".join(str(item) for item in knobs[name].values)
            raise FamilyError(f"{name}이(가) 가질 수 있는 값: {allowed}. 받은 값: {value!r}")
    return dict(start)


def _control(knob: Knob, value: Any) -> Control:
    if isinstance(knob.values, range):
        return slider(knob.label, value, knob.values[0], knob.values[-1])
    if isinstance(value, bool):
        return checkbox(knob.label, value)
    if isinstance(value, str):
        return dropdown(knob.label, knob.values, value)
    return steps(knob.label, knob.values, value)


def _panel(now: Sketch, first: Sketch) -> str:
    gap = '<div style="height:.8em"></div>'
    return gap.join(
        [
            f"<b>{escape(now.name)}</b>{_totals(now, first)}",
            now.picture,
            bars_svg(now.folded, now.name),
            show_table(now.folded)._repr_html_(),
        ]
    )


def _totals(now: Sketch, first: Sketch) -> str:
    """합계와, 처음 구성과 견준 배수."""
    same = now.name == first.name and now.folded.attrs["input_size"] == first.folded.attrs["input_size"]
    chips = []
    for key, name in TOTALS.items():
        value, before = now.folded.attrs[key], first.folded.attrs[key]
        if value is None:
            continue
        ratio = "" if same else f" <b>{_ratio(value, before)}</b>"
        chips.append(
            '<span style="border:1px solid rgba(128,128,128,.45);border-radius:6px;padding:.15em .6em;'
            f'white-space:nowrap">{name} {_amount(key, value)}{ratio}</span>'
        )
    note = f'<div style="opacity:.75">×는 처음 구성({escape(first.name)}, {_size(first)})과 견준 배수입니다.</div>'
    style = "display:flex;flex-wrap:wrap;gap:.5em;margin:.4em 0"
    return f'<div style="{style}">{"".join(chips)}</div>{"" if same else note}'


def _amount(key: str, value: Any) -> str:
    if key.endswith("_kb"):
        return f"{value / 1024:,.1f} MB"
    return cell(value) + ("층" if key == "depth" else "")


def _size(of: Sketch) -> str:
    return f"입력 {cell(of.folded.attrs['input_size'])}"


def _ratio(value: Any, before: Any) -> str:
    if not isinstance(value, int | float) or not isinstance(before, int | float) or not before:
        return ""
    return f"×{value / before:.2f}"
