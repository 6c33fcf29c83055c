"""그림의 바탕: 글꼴, 색, 제목이 있는 판, 글자."""

from html import escape

from cnnlab.analysis.tracing.checks import times

FONT = "Noto Sans KR, Malgun Gothic, Apple SD Gothic Neo, NanumGothic, sans-serif"
MARGIN = 28
INK, MUTED, LINE, CARD, BORDER = "#1F2A44", "#5B6780", "#8A96AD", "#FBFCFF", "#D8DFEC"
# 종류 -> (앞면, 윗면, 옆면). 색만으로 나누지 않도록 이름도 늘 함께 적는다
COLORS = {
    "입력": ("#AEB8CA", "#C9D0DD", "#8D99AF"),
    "합성곱": ("#5B8DEF", "#8FB3F7", "#3D69C4"),
    "풀링": ("#34B3A0", "#74CFC1", "#1F8577"),
    "완전 연결": ("#F2994A", "#F7BE88", "#C9732A"),
    "잔차 블록": ("#E06A86", "#EE9DB0", "#B94763"),
    "밀집 블록": ("#C9982B", "#E0BF74", "#9A711A"),
    "갈래 블록": ("#6FA84A", "#A0CB83", "#4E7F30"),
    "게이트 블록": ("#4FA3C7", "#8CC6DE", "#347C9B"),
    "합치기": ("#5B6780", "#8A96AD", "#3F4961"),
    "기타": ("#9B7EDE", "#BFABEC", "#7458B8"),
}


def by(sizes: tuple[int, ...]) -> str:
    """(6, 28, 28) -> "6×28×28"."""
    return times(sizes).replace("x", "×")


def text_width(text: str, size: float) -> float:
    """글자 폭의 어림: 한글은 한 칸, 나머지는 반 칸 남짓."""
    return sum(0.95 if ord(letter) > 0x2E80 else 0.6 for letter in text) * size


def card(width: float, height: float, title: str, total: str) -> str:
    w, h = number(width), number(height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
        f'aria-label="{escape(title)}: {escape(total)}" '
        f'style="width:100%;max-width:{w}px;height:auto" font-family="{FONT}">\n'
        f'<rect x="0.75" y="0.75" width="{number(width - 1.5)}" height="{number(height - 1.5)}" rx="16" fill="{CARD}" '
        f'stroke="{BORDER}" stroke-width="1.5"/>\n'
        + draw_text(MARGIN, 37, title, 18, INK, "start", bold=True)
        + draw_text(MARGIN, 60, total, 13, MUTED, "start")
    )


def legend(families: list[str], width: float) -> str:
    parts, x = [], width - MARGIN
    for family in reversed(families):
        x -= text_width(family, 12)
        parts.append(draw_text(x, 36, family, 12, MUTED, "start"))
        x -= 18
        parts.append(f'<rect x="{number(x)}" y="26" width="12" height="12" rx="3" fill="{COLORS[family][0]}"/>')
        x -= 16
    return "".join(parts)


def draw_text(
    x: float, y: float, text: str, size: float, color: str, anchor: str = "middle", bold: bool = False
) -> str:
    weight = ' font-weight="700"' if bold else ""
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{size:g}"{weight} fill="{color}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def number(value: float) -> str:
    """소수 첫째 자리까지: 실행할 때마다 같은 글자가 나오게."""
    return f"{value:.1f}"
