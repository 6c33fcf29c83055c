"""글 속의 수: 단위가 붙은 수는 그 노트북의 코드나 출력에 있거나, 바로 옆에서 계산되거나, 출처가 적혀 있어야 한다."""

import bisect
import math
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))

# 단위: 그 단위의 수가 코드와 출력에 어떤 크기로 적혀 있을 수 있는가(곱하는 수들)
UNITS = {
    "%p": (1, 1e-2),
    "%": (1, 1e-2),
    "만 개": (1, 1e4, 1e-2),
    "억": (1, 1e8, 1e2, 1e-1),  # 백만이나 십억을 단위로 적은 표
    "백만": (1, 1e6),
    "M": (1, 1e6),
    "G": (1, 1e9, 1e3),
    "K": (1, 1e3),
    "KB": (1, 2**-10),
    "MB": (1, 2**10, 2**20, 1e6),
    "GB": (1, 2**10, 2**20, 2**30),
    **dict.fromkeys(("MAC", "개", "배", "화소", "채널", "층", "번", "장", "칸", "ms"), (1,)),
}
_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
NUMBER = re.compile(
    r"(?<![\w.,/-])(?:(?P<head>\d+)억 )?(?P<value>\d[\d,]*(?:\.\d+)?)\s?" + rf"(?P<unit>{_UNIT})(?![A-Za-z])"
)
# 계산: `11×11×3 = 363`처럼 글에서 바로 셈한 것. 셈이 맞는지도 본다
SUM = re.compile(r"(?P<left>[\d,.]+(?: ?[×+−÷/-] ?[\d,.]+)+) ?= ?(?P<right>[\d,]+(?:\.\d+)?)")
# 출처: 논문과 그 자리, 글의 번호. 표의 줄은 그 셀의 글에 적힌 출처를 함께 쓴다
CITED = re.compile(r"논문|외 (?:19|20)\d\d|(?:19|20)\d\d[,)]|[표절식] ?\d|\d절|부록|글 0\d\d|AI-Huang")
# 다른 수업을 가리키는 번호: 그 수업의 수도 본다
LESSON = re.compile(r"(?<![\d.])([01]\d)(?=에서|에 |의 |\. |\)|,)")
NOT_PROSE = re.compile(r"```.*?```|`[^`\n]*`|\$[^$]*\$|\]\([^)]*\)", re.S)
SMALL = 10  # 이보다 작은 자연수(층 셋, 두 배)는 눈으로 세는 것이라 보지 않는다


def strip(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", html)


@cache
def computed(path: Path) -> list[float]:
    """노트북의 코드와 출력에 나오는 모든 수, 작은 것부터."""
    parts = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        parts.append(cell.source)
        for output in cell.outputs:
            data = output.get("data", {})
            parts += [output.get("text", ""), data.get("text/plain", "")]
            parts += [strip(data.get(kind, "")) for kind in ("text/html", "image/svg+xml")]
    found = re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d)[,_](?=\d)", "", " ".join(parts)))
    return sorted({float(number) for number in found if len(number) < 16})


def appears(value: float, step: float, numbers: list[float]) -> bool:
    """반올림하면 value가 되는 수가 numbers에 있는가. step: 적힌 수의 끝자리의 크기."""
    half = step / 2 * (1 + 1e-9)
    at = bisect.bisect_left(numbers, value - half)
    return at < len(numbers) and numbers[at] <= value + half


def last_place(text: str) -> float:
    """끝자리의 크기: 1.25 -> 0.01, 363 -> 1, 57,000 -> 1000(뒤의 0은 어림이다)."""
    if "." in text:
        return 10.0 ** -len(text.split(".")[1])
    digits = text.replace(",", "")
    zeros = len(digits) - len(digits.rstrip("0"))
    return 10.0 ** (zeros if zeros >= 3 else 0)


def worked_out(line: str) -> set[float]:
    """줄에 적힌 셈의 답. 틀린 셈이면 실패한다."""
    answers = set()
    for match in SUM.finditer(line):
        left = match["left"].replace(",", "").replace("×", "*").replace("−", "-").replace("÷", "/").rstrip(".")
        right = float(match["right"].replace(",", ""))
        assert math.isclose(eval(left), right, abs_tol=last_place(match["right"]) * 0.5 + 1e-9), match[0]
        answers.add(right)
    return answers


def blocks(source: str) -> list[str]:
    """출처를 함께 쓰는 덩어리들: 문단 하나, 또는 표를 품은 셀 전체."""
    prose = NOT_PROSE.sub("", source)
    return [prose] if re.search(r"^\|", prose, re.M) else re.split(r"\n\s*\n", prose)


def known_numbers(path: Path, block: str) -> list[float]:
    """이 노트북의 수와, 글이 가리킨 다른 수업의 수."""
    others = [one for one in NOTEBOOKS if one.stem[:2] in LESSON.findall(block)]
    return sorted({number for one in {path, *others} for number in computed(one)})


def unexplained(path: Path) -> list[str]:
    """글의 수 가운데 계산도 출처도 없는 것: '수 | 앞뒤의 글'."""
    missing = []
    for cell in nbformat.read(path, as_version=4).cells:
        for block in blocks(cell.source) if cell.cell_type == "markdown" else []:
            if not CITED.search(block):
                numbers = known_numbers(path, block)
                missing += [found for line in block.splitlines() for found in missing_in(line, numbers)]
    return missing


def missing_in(line: str, numbers: list[float]) -> list[str]:
    if line.startswith("#"):
        return []
    shown, missing = worked_out(line), []
    for match in NUMBER.finditer(line):
        text = match["value"]
        value, step = float(text.replace(",", "")), last_place(text)
        if match["unit"] == "만 개":  # 만을 단위로 적은 수는 끝의 0이 모두 어림이다
            step = 10.0 ** (len(text) - len(text.rstrip("0")))
        if match["head"]:  # 1억 3,800만 개
            value += float(match["head"]) * 1e4
        if (value < SMALL and "." not in text) or value in shown:
            continue
        if not any(appears(value * scale, step * scale, numbers) for scale in UNITS[match["unit"]]):
            missing.append(f"{match[0]} | {line[max(0, match.start() - 40) : match.end() + 20]}")
    return missing


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_number_with_a_unit_is_computed_or_cited(path) -> None:
    assert unexplained(path) == []


@pytest.mark.parametrize(
    ("line", "numbers", "caught"),
    [
        ("매개변수는 61,706개입니다.", [61706.0], 0),
        ("매개변수는 61,707개입니다.", [61706.0], 1),
        ("오류율은 15.3%입니다.", [0.1534], 0),
        ("오류율은 15.4%입니다.", [0.1534], 1),
        ("1억 3,800만 개입니다.", [138357544.0], 0),
        ("1억 3,900만 개입니다.", [138357544.0], 1),
        ("커널 하나에 11×11×3 = 363번 곱합니다.", [], 0),
        ("층을 3개 쌓아 두 배로 늘립니다.", [], 0),
        ("MAC은 3.86 G입니다.", [3857973248.0], 0),
        ("MAC은 4.09 G입니다.", [3857973248.0], 1),
    ],
)
def test_the_search_catches_a_wrong_number_and_nothing_else(line, numbers, caught) -> None:
    assert len(missing_in(line, sorted(numbers))) == caught


def test_a_wrong_sum_in_the_text_is_caught() -> None:
    with pytest.raises(AssertionError, match="11×11×3 = 364"):
        worked_out("11×11×3 = 364번")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_there_is_something_to_check(path) -> None:
    """찾는 식이 아무것도 찾지 못하게 망가지면 위의 시험이 모두 지나가 버린다."""
    prose = [NOT_PROSE.sub("", c.source) for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]
    assert sum(len(NUMBER.findall(text)) for text in prose) >= 5
