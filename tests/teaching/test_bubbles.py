"""거품 그림: 값의 순서가 자리의 순서인가, 이름이 읽히는가, 없는 값을 조용히 버리지 않는가."""

import math
import re
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab.teaching.bubbles import HEIGHT, WIDTH, show_bubbles
from cnnlab.teaching.plots import PlotError

SVG = "{http://www.w3.org/2000/svg}"
TABLE = pd.DataFrame(
    {"MAC": [1.0, 100.0, 10.0], "오류율": [30.0, 20.0, 25.0], "매개변수": [1.0, 4.0, 16.0]}, index=["가", "나", "다"]
)


def circles(svg: str) -> dict[str, tuple[float, float, float]]:
    """이름 -> (가로, 세로, 반지름)"""
    found = {}
    for circle in ElementTree.fromstring(svg).iter(f"{SVG}circle"):
        name = circle.find(f"{SVG}title").text.split(":")[0]
        found[name] = tuple(float(circle.get(key)) for key in ("cx", "cy", "r"))
    return found


def test_right_is_more_up_is_more_and_area_is_proportional() -> None:
    drawn = circles(show_bubbles(TABLE, "MAC", "오류율", "매개변수").svg)
    assert drawn["가"][0] < drawn["다"][0] < drawn["나"][0]
    assert drawn["가"][1] < drawn["다"][1] < drawn["나"][1]  # SVG는 아래가 크다
    assert (drawn["다"][2] / drawn["나"][2]) ** 2 == pytest.approx(4, rel=0.05)


def test_horizontal_axis_is_logarithmic() -> None:
    drawn = circles(show_bubbles(TABLE, "MAC", "오류율").svg)
    assert drawn["다"][0] - drawn["가"][0] == pytest.approx(drawn["나"][0] - drawn["다"][0], abs=0.2)


def test_hovering_tells_the_values() -> None:
    assert "나: MAC 100, 오류율 20, 매개변수 4" in show_bubbles(TABLE, "MAC", "오류율", "매개변수").svg


def test_rows_without_a_value_are_named_not_hidden() -> None:
    table = TABLE.copy()
    table.loc["나", "오류율"] = math.nan
    chart = show_bubbles(table, "MAC", "오류율")
    assert "값이 없어 뺀 것: 나" in chart.svg
    assert set(circles(chart.svg)) == {"가", "다"}


def test_own_runs_are_diamonds_not_only_another_colour() -> None:
    own = pd.DataFrame({"MAC": [50.0], "오류율": [22.0]}, index=["내 것"])
    svg = show_bubbles(TABLE, "MAC", "오류율", mine=own).svg
    assert "마름모: 내 기록" in svg
    assert "내 것: MAC 50, 오류율 22" in svg
    assert "내 것" not in circles(svg)


def test_missing_column_and_empty_table_are_explained() -> None:
    with pytest.raises(PlotError, match=r"없는 열입니다: 시간.*MAC"):
        show_bubbles(TABLE, "시간", "오류율")
    with pytest.raises(PlotError, match="그릴 값이 없습니다"):
        show_bubbles(TABLE * math.nan, "MAC", "오류율")


values = st.floats(min_value=1e-6, max_value=1e12, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=16), st.booleans())
def test_everything_stays_inside_whatever_the_values(rows: list[tuple[float, float, float]], log_y: bool) -> None:
    table = pd.DataFrame(rows, columns=["x", "y", "z"], index=[f"신경망-{n}" for n in range(len(rows))])
    svg = show_bubbles(table, "x", "y", "z", log_y=log_y).svg
    drawn = circles(svg)
    assert len(drawn) == len(rows)
    assert all(0 <= cx <= WIDTH and 0 <= cy <= HEIGHT and 0 < r < 40 for cx, cy, r in drawn.values())
    texts = [(float(t.get("x")), float(t.get("y"))) for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert all(-1 <= x <= WIDTH and -1 <= y <= HEIGHT for x, y in texts)


def test_names_do_not_cover_each_other() -> None:
    """같은 자리에 몰린 여섯: 글자의 상자가 서로 겹치지 않는다."""
    table = pd.DataFrame(
        {"x": [10.0, 10.4, 10.8, 11.0, 200.0, 1.0], "y": [5.0, 5.1, 5.2, 5.05, 9.0, 1.0]},
        index=["ResNet-50", "SE-ResNet-50", "ResNeXt-50", "DenseNet-121", "VGG-16", "MobileNet"],
    )
    svg = show_bubbles(table, "x", "y").svg
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" font-size="13"[^>]*>([^<]+)</text>', svg)
    boxes = [(float(x), float(y) - 12, len(name) * 7.0) for x, y, name in found if name in table.index]
    assert len(boxes) == len(table)
    for i, (x, y, w) in enumerate(boxes):
        for other_x, other_y, other_w in boxes[:i]:
            assert x + w <= other_x or other_x + other_w <= x or abs(y - other_y) >= 12
