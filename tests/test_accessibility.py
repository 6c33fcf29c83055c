"""보기 어려운 사람에게도: 그림마다 대신하는 글, 색을 가려 보기 어려워도 다른 색, 읽히는 대비, 색 말고도 있는 표시."""

import itertools
from pathlib import Path

import nbformat
import numpy as np
import pytest

from cnnlab.teaching import cards, curves, facts, field_view, plots, stage_bars

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))

# 색각의 세 모습을 흉내 내는 선형 RGB의 행렬(Machado, Oliveira, Fernandes 2009, 정도 1.0)
VISION = {
    "보통": np.eye(3),
    "적색맹": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "녹색맹": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "청색맹": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
FAR_ENOUGH = 15  # CIE76의 색 차이. 2.3이 겨우 알아보는 차이다

# 한 그림에서 함께 쓰여 서로 구별해야 하는 색들
PALETTES = {
    "막대와 산점도": [plots.BLUE, plots.ORANGE, plots.GREEN, plots.GREY],
    "단계별 막대": [colour for *_, colour in stage_bars.PARTS],
    "수용 영역": [field_view.THEORY, field_view.MEASURED, field_view.UNGATED],
    "학습 곡선": [colour for colour, _ in curves.STYLES],
}


def linear(colour: str) -> np.ndarray:
    """#rrggbb -> 선형 RGB 0..1 (sRGB, IEC 61966-2-1)"""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """선형 RGB -> CIELAB (D65)"""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(a: str, b: str) -> float:
    """WCAG 2.1의 대비"""
    light, dark = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("vision", VISION)
def test_colours_of_one_picture_stay_apart_for_every_kind_of_sight(name, vision) -> None:
    seen = {colour: lab(np.array(VISION[vision]) @ linear(colour)) for colour in PALETTES[name]}
    near = [
        (a, b, round(float(np.linalg.norm(seen[a] - seen[b]))))
        for a, b in itertools.combinations(seen, 2)
        if np.linalg.norm(seen[a] - seen[b]) < FAR_ENOUGH
    ]
    assert near == []


def test_the_simulation_itself_tells_red_from_green_only_in_ordinary_sight() -> None:
    red, green = "#e00000", "#7d7d00"
    far = {
        name: np.linalg.norm(lab(np.array(matrix) @ linear(red)) - lab(np.array(matrix) @ linear(green)))
        for name, matrix in VISION.items()
    }
    assert far["보통"] > 3 * far["녹색맹"]


def test_curves_differ_in_their_pattern_too() -> None:
    assert len({dash for _, dash in curves.STYLES}) == len(curves.STYLES)


@pytest.mark.parametrize("look", [*cards.TONES.values(), *facts._MARKS.values()], ids=str)
def test_an_outcome_has_a_sign_of_its_own_and_readable_letters(look) -> None:
    sign, ink, paper = look
    assert sign.strip()
    assert contrast(ink, paper) >= 4.5
    assert contrast(cards.INK, paper) >= 7


@pytest.mark.parametrize("table", [cards.TONES, facts._MARKS], ids=["카드", "검산"])
def test_signs_alone_tell_the_outcomes_apart(table) -> None:
    assert len({sign for sign, *_ in table.values()}) == len(table)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_stored_picture_has_words_in_its_place(path) -> None:
    """화면을 읽어 주는 프로그램과, 그림을 그리지 못하는 곳에서 이 글을 쓴다."""
    poor = []
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            words = str(data.get("text/plain", ""))
            if any(kind.startswith("image/") for kind in data) and (len(words) < 12 or words.startswith("<")):
                poor.append((cell.execution_count, words))
    assert poor == []
