"""글 속의 수식($...$)을 MathML로: 브라우저가 네트워크도 MathJax도 없이 그린다."""

import re

# 코드는 건드리지 않는다: 먼저 나오는 것이 이긴다
_PIECE = re.compile(r"(?P<code>```.*?```|`[^`\n]*`)|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+)\$", re.S)


def with_mathml(markdown: str) -> str:
    """수식을 MathML로 바꾼 Markdown."""
    return _PIECE.sub(_replaced, markdown)


def _replaced(match: re.Match[str]) -> str:
    from latex2mathml.converter import convert

    if match["code"]:
        return match["code"]
    if match["block"]:
        return f"\n\n<div>{convert(match['block'].strip(), display='block')}</div>\n\n"
    return str(convert(match["inline"]))
