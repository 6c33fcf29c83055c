"""모눈 그림(SVG)의 붓: 색, 칸, 글자, 바탕."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

# 밝은 바탕을 스스로 깔므로 어두운 화면에서도 같은 색으로 읽힌다.
COLOURS = {
    "card": "#ffffff",
    "ink": "#1f2937",
    "soft": "#6b7280",
    "grid": "#94a3b8",
    "input": "#dbeafe",
    "padding": "#f1f5f9",
    "unused": "#fecaca",
    "window": "#f59e0b",
    "output": "#dcfce7",
    "written": "#16a34a",
    "wrong": "#dc2626",
}
FONT = "Noto Sans KR, Malgun Gothic, Apple SD Gothic Neo, NanumGothic, sans-serif"


@dataclass(frozen=True)
class Grid:
    """왼쪽 위가 (x, y)이고 칸의 폭이 cell인 모눈. 행과 열은 칸으로, 나머지는 화면의 화소로 센다."""

    x: int
    y: int
    cell: int

    def area(self, row: int, column: int, rows: int, columns: int, fill: str, opacity: float = 1) -> str:
        return f'<rect {self._box(row, column, rows, columns)} fill="{fill}" fill-opacity="{opacity:g}"/>'

    def frame(self, row: int, column: int, rows: int, columns: int, colour: str) -> str:
        return f'<rect {self._box(row, column, rows, columns)} fill="none" stroke="{colour}" stroke-width="2.5"/>'

    def lines(self, rows: int, columns: int) -> str:
        high, wide = rows * self.cell, columns * self.cell
        across = "".join(f"M{self.x} {self.y + i * self.cell}h{wide}" for i in range(rows + 1))
        down = "".join(f"M{self.x + j * self.cell} {self.y}v{high}" for j in range(columns + 1))
        return f'<path d="{across}{down}" stroke="{COLOURS["grid"]}" stroke-width=".7" fill="none"/>'

    def text(self, row: int, column: int, text: str, colour: str = COLOURS["ink"], bold: bool = False) -> str:
        x, y = self.x + (column + 0.5) * self.cell, self.y + (row + 0.5) * self.cell
        weight = ' font-weight="700"' if bold else ""
        return (
            f'<text x="{x:g}" y="{y:g}" font-size="{self.cell * 0.42:g}" fill="{colour}"{weight} '
            f'text-anchor="middle" dominant-baseline="central">{escape(text)}</text>'
        )

    def _box(self, row: int, column: int, rows: int, columns: int) -> str:
        x, y = self.x + column * self.cell, self.y + row * self.cell
        return f'x="{x}" y="{y}" width="{max(columns, 0) * self.cell}" height="{max(rows, 0) * self.cell}"'


def label(x: float, y: float, text: str, size: int = 14, colour: str = COLOURS["ink"]) -> str:
    """왼쪽 끝이 x, 밑줄이 y인 글."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}">{escape(text)}</text>'


def svg_card(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """밝은 바탕 위에 parts를 올린 SVG 한 장. title은 마우스를 올리면 보이고 화면 낭독기가 읽는다."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" '
        f'style="max-width:100%;height:auto" font-family="{FONT}"><title>{escape(title)}</title>'
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{COLOURS["card"]}"/>{"".join(parts)}</svg>'
    )
