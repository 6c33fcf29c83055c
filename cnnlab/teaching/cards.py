"""연습 문제가 화면에 내놓는 카드: 노트북에서는 HTML, 다른 곳에서는 글자.

배경과 글자 색을 함께 정한다: 어두운 테마에서 한쪽만 물려받으면 글이 보이지 않는다.
판정은 색 말고 기호와 낱말로도 알 수 있다.
"""

import html
import re
from dataclasses import dataclass

# 이름: (기호, 테두리, 배경). 글자는 늘 INK이고 어느 배경에서나 대비가 10:1을 넘는다.
TONES = {
    "right": ("✓", "#1b7f3b", "#eaf6ed"),
    "wrong": ("✗", "#b3261e", "#fcedec"),
    "open": ("…", "#5f6368", "#f1f3f4"),
    "question": ("?", "#1a56b0", "#eaf1fb"),
    "hint": ("→", "#8a5a00", "#fdf4e0"),
    "solution": ("=", "#5b3a9b", "#f2edfb"),
}
INK = "#1b1b1b"
_CODE = f"background:rgba(0,0,0,0.07);color:{INK};font-family:monospace;padding:0 3px;border-radius:3px"
_PRE = f"background:#ffffff;color:{INK};border:1px solid #c8ccd0;padding:8px;margin:8px 0 0 0;overflow-x:auto"


@dataclass(frozen=True)
class Card:
    """셀의 마지막 줄에 두면 저절로 그려지는 짧은 글. text 안의 `...`는 코드로 보인다."""

    tone: str
    heading: str
    text: str
    code: str = ""

    def __repr__(self) -> str:
        parts = [f"{TONES[self.tone][0]} {self.heading}", self.text, self.code.rstrip()]
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        icon, edge, paper = TONES[self.tone]
        box = (
            f"border-left:6px solid {edge};background:{paper};color:{INK};"
            "padding:8px 12px;margin:4px 0;line-height:1.55;max-width:52em;word-break:keep-all"
        )
        code = f'<pre style="{_PRE}">{html.escape(self.code.rstrip())}</pre>' if self.code else ""
        return (
            f'<div style="{box}"><div style="font-weight:bold;color:{edge}">{icon} {html.escape(self.heading)}</div>'
            f"{inline_html(self.text)}{code}</div>"
        )


def inline_html(text: str) -> str:
    """글 -> HTML 조각: 특수 문자를 풀고, `...`는 <code>로, 줄바꿈은 <br>로 바꾼다."""
    escaped = html.escape(text, quote=False)
    return re.sub(r"`([^`\n]+)`", rf'<code style="{_CODE}">\1</code>', escaped).replace("\n", "<br>")
