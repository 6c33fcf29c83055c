"""사진 위의 수용 영역: 식의 사각형(패딩 부분은 점선)과 기울기로 잰 화소를 함께 그린다."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import torch
from torch import Tensor

from cnnlab.analysis.formulas import Pair
from cnnlab.teaching.drawing import COLOURS, label, svg_card
from cnnlab.teaching.field_probe import Box, UnitField, box_of
from cnnlab.teaching.pixels import mask_path, picture_uri

DRAWN = 420  # 그림의 너비, 화면의 화소
MOST_MARGIN = 0.3  # 그림 둘레에 패딩을 그릴 자리, 그림 너비에 대한 비율
THEORY, MEASURED, UNGATED = "#d97706", "#2563eb", "#111827"


@dataclass(frozen=True)
class FieldView:
    """사진 한 장과 그 위의 수용 영역 하나.

    picture: uint8 (C, h, w), 그릴 사진(입력 크기로 늘여 그린다). size: 입력의 (높이, 너비).
    overhang: 이 계층의 수용 영역이 그림 밖으로 나가는 가장 긴 길이. 자리를 옮겨도 그림의 눈금이 그대로이게 한다.
    mask: 기울기로 잰 화소 (H, W) bool. heat: 유효 수용 영역 (H, W), 0..1. notes: 덧붙일 문장.
    """

    title: str
    picture: Tensor
    size: Pair
    field: UnitField
    overhang: int = 0
    mask: Tensor | None = None
    heat: Tensor | None = None
    notes: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool | None:
        """잰 구간과 식의 구간(그림 안)이 같은가. 재지 않았으면 None."""
        return None if self.mask is None else box_of(self.mask) == self.field.seen

    def facts(self) -> list[tuple[str, str]]:
        """(이름, 값)의 목록."""
        field = self.field
        rows = [
            ("출력", f"{by(field.count)}개 가운데 (행 {field.unit[0]}, 열 {field.unit[1]})"),
            ("수용 영역(식)", "그림 전체" if self._sees_all else f"{by(field.size)} 화소"),
            ("간격(jump)", "없음(모든 출력이 같은 곳을 봅니다)" if field.whole else _jump(field.jump)),
            ("보는 곳", self.place()),
        ]
        if field.ungated:
            rows.append(("게이트를 빼면", f"{by(_extent(field.ungated))} 화소(보라색 점선)"))
        if self.mask is not None:
            measured = box_of(self.mask)
            rows.append(("잰 값(기울기)", f"{by(_extent(measured))} 화소" if measured else "닿는 화소가 없습니다"))
            rows.append(("식과 잰 값", "○ 그림 안에서 같습니다" if self.agrees else f"✕ 다릅니다: {_span(measured)}"))
            reached = int(self.mask.sum())
            if measured and reached < _extent(measured)[0] * _extent(measured)[1]:
                rows.append(("닿는 화소", f"{reached:,}개(사각형 안에 건너뛰는 화소가 있습니다)"))
        if self.heat is not None:
            half = int((self.heat > 0.5).sum())
            rows.append(("유효 수용 영역", f"영향이 최대의 절반을 넘는 화소: {half:,}개"))
        return rows

    @property
    def _sees_all(self) -> bool:
        height, width = self.size
        return self.field.whole and self.field.seen == ((0, height - 1), (0, width - 1))

    def place(self) -> str:
        """보는 곳을 말로."""
        if self.field.seen is None:
            return "패딩만 봅니다"
        words = _span(self.field.seen)
        if self._sees_all:
            return f"{words}(그림 전체)"
        (top, bottom), (left, right) = self.field.theory
        height, width = self.size
        outside = {"위": -top, "아래": bottom - height + 1, "왼쪽": -left, "오른쪽": right - width + 1}
        padding = ", ".join(f"{side} {count}" for side, count in outside.items() if count > 0)
        return f"{words}. 그림 밖(패딩): {padding} 화소" if padding else f"{words}(모두 그림 안)"

    def svg(self, with_facts: bool = True) -> str:
        """사진, 식의 사각형, 잰 화소. 그 아래에 값들(선택)."""
        height, width = self.size
        margin = min(self.overhang, round(MOST_MARGIN * max(height, width))) + 0.02 * max(height, width)
        scale = DRAWN / (max(height, width) + 2 * margin)
        frame_w, frame_h = (width + 2 * margin) * scale, (height + 2 * margin) * scale
        parts = [
            label(16, 24, self.title, 15),
            f'<svg x="16" y="38" width="{frame_w:.1f}" height="{frame_h:.1f}" '
            f'viewBox="{-margin:.2f} {-margin:.2f} {width + 2 * margin:.2f} {height + 2 * margin:.2f}">',
            self._ground(margin),
            *self._overlay(1 / scale),
            "</svg>",
        ]
        y = 38 + frame_h + 20
        keys = [("식(점선은 패딩)", THEORY)]
        if self.mask is not None:
            keys.append(("기울기로 잰 화소", MEASURED))
        if self.heat is not None:
            keys.append(("유효 수용 영역(짙을수록 큰 영향)", "#dc2626"))
        x = 16.0
        for text, colour in keys:
            parts.append(f'<rect x="{x:g}" y="{y - 11:.1f}" width="12" height="12" rx="2" fill="{colour}"/>')
            parts.append(label(x + 18, round(y, 1), text, 13, COLOURS["soft"]))
            x += 36 + 13 * len(text) * 0.85
        total_width = max(frame_w + 32, x)
        if with_facts:
            for name, value in [*self.facts(), *(("", note) for note in self.notes)]:
                y += 22
                if name:
                    parts.append(label(16, round(y, 1), name, 14, COLOURS["soft"]))
                parts.append(label(124 if name else 16, round(y, 1), value, 14))
                total_width = max(total_width, (124 if name else 16) + 11 * len(value) + 16)
        return svg_card(round(total_width, 1), round(y + 16, 1), f"{self.title}의 수용 영역", parts)

    def _ground(self, margin: float) -> str:
        """패딩(0으로 채운 자리)과 그 위의 사진."""
        height, width = self.size
        smooth = "auto" if max(height, width) > 3 * self.picture.shape[-1] else "pixelated"
        return (
            f'<rect x="{-margin:.2f}" y="{-margin:.2f}" width="{width + 2 * margin:.2f}" '
            f'height="{height + 2 * margin:.2f}" fill="#e5e7eb"/>'
            f'<image href="{picture_uri(self.picture)}" width="{width}" height="{height}" '
            f'preserveAspectRatio="none" style="image-rendering:{smooth}"/>'
        )

    def _overlay(self, pixel: float) -> list[str]:
        """pixel: 화면의 한 화소가 입력의 몇 화소인가."""
        parts = []
        if self.heat is not None:
            height, width = self.size
            parts.append(
                f'<image href="{picture_uri(_red(self.heat))}" width="{width}" height="{height}" '
                'preserveAspectRatio="none" style="image-rendering:pixelated"/>'
            )
        if self.mask is not None:
            parts.append(f'<path d="{mask_path(self.mask)}" fill="{MEASURED}" fill-opacity=".34" fill-rule="evenodd"/>')
        if self.field.ungated:
            parts.append(_frame(self.field.ungated, UNGATED, 3 * pixel, f"{4 * pixel:.3f}"))
        seen = self.field.seen
        theory = seen if self._sees_all and seen else self.field.theory
        parts.append(_frame(theory, THEORY, 2.5 * pixel, f"{7 * pixel:.3f} {5 * pixel:.3f}"))
        if seen is not None:
            parts.append(_solid_sides(theory, seen, 3 * pixel))
        return parts

    def html(self) -> str:
        """조절기 곁에 놓는 HTML: 그림과 값이 화면의 폭에 따라 나란히 또는 위아래로 놓인다."""
        cell = "padding:.15em .7em .15em 0;border-bottom:1px solid rgba(128,128,128,.35);text-align:left"
        rows = "".join(
            f'<tr><th style="{cell};white-space:nowrap">{name}</th><td style="{cell}">{escape(value)}</td></tr>'
            for name, value in self.facts()
        )
        notes = "".join(f"<div>{escape(note)}</div>" for note in self.notes)
        return (
            '<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:center">'
            f'<div style="flex:0 1 auto">{self.svg(with_facts=False)}</div><div style="flex:1 1 260px;max-width:430px">'
            f'<table style="border-collapse:collapse;margin:0">{rows}</table>{notes}</div></div>'
        )


def by(sizes: Pair) -> str:
    return f"{sizes[0]}×{sizes[1]}"


def _extent(box: Box | None) -> Pair:
    return (0, 0) if box is None else (box[0][1] - box[0][0] + 1, box[1][1] - box[1][0] + 1)


def _span(box: Box | None) -> str:
    return "없음" if box is None else f"행 {box[0][0]}–{box[0][1]}, 열 {box[1][0]}–{box[1][1]}"


def _jump(jump: Pair | None) -> str:
    if jump is None:
        return "고르지 않습니다"
    return f"{jump[0]} 화소" if jump[0] == jump[1] else f"세로 {jump[0]}, 가로 {jump[1]} 화소"


def _frame(box: Box, colour: str, width: float, dashes: str) -> str:
    (top, bottom), (left, right) = box
    return (
        f'<rect x="{left}" y="{top}" width="{right - left + 1}" height="{bottom - top + 1}" fill="none" '
        f'stroke="{colour}" stroke-width="{width:.3f}" stroke-dasharray="{dashes}"/>'
    )


def _solid_sides(theory: Box, seen: Box, width: float) -> str:
    """사각형의 네 변에서 그림 안에 있는 부분만 실선으로 덧그린다."""
    (top, bottom), (left, right) = theory
    (first_row, last_row), (first_column, last_column) = seen
    across = f"M{first_column} {{}}H{last_column + 1}"
    down = f"M{{}} {first_row}V{last_row + 1}"
    sides = [across.format(top)] if top == first_row else []
    sides += [across.format(bottom + 1)] if bottom == last_row else []
    sides += [down.format(left)] if left == first_column else []
    sides += [down.format(right + 1)] if right == last_column else []
    return f'<path d="{"".join(sides)}" fill="none" stroke="{THEORY}" stroke-width="{width:.3f}"/>'


def _red(heat: Tensor) -> Tensor:
    """(H, W) 0..1 -> uint8 (4, H, W): 붉은색, 클수록 불투명하다. 작은 값도 보이게 제곱근을 쓴다."""
    strength = (255 * heat.float().clamp(0, 1).sqrt()).round().to(torch.uint8)
    colour = torch.tensor([220, 38, 38], dtype=torch.uint8).view(3, 1, 1).expand(3, *heat.shape)
    return torch.cat([colour, strength[None]])
