import xml.etree.ElementTree as ET

import pytest

from cnnlab.teaching.curves import STYLES, CurveError, CurveFigure, curve_svg, show_curves
from cnnlab.training.runs import EvalRecord, History, StepRecord

SVG = "{http://www.w3.org/2000/svg}"


def make_history(model="LeNet5", source="shapes10 (내장 그림)", top=0.6, **recipe) -> History:
    steps = [StepRecord(i / 10, i * 0.5, 2.3 - 0.1 * i, top * i / 10, 0.05) for i in range(1, 11)]
    evals = [EvalRecord(i / 5, float(i), top * i / 5, 2.0) for i in range(6)]
    return History(model, source, 0, "cpu", {"minutes": 0.1, "epochs": None, **recipe}, steps, evals, seconds=5.5)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_the_name_of_the_data_is_always_in_the_title():
    assert "LeNet5 · shapes10 (내장 그림)" in texts(curve_svg(make_history()))
    assert any("shapes10" in text for text in texts(curve_svg(make_history(), title="활성화 견주기")))
    mixed = texts(curve_svg([make_history(), make_history(source="CIFAR-10")]))
    assert any("shapes10" in text and "CIFAR-10" in text for text in mixed)


def test_same_history_gives_the_same_text():
    assert curve_svg(make_history()) == curve_svg(make_history())


def test_names_are_escaped():
    svg = curve_svg(make_history(model="<b>&"))
    assert "<b>" not in svg
    assert "<b>& · shapes10 (내장 그림)" in texts(svg)


def test_every_point_stays_inside_the_card():
    history = make_history()
    history.steps.append(StepRecord(2.0, 99.0, 1e30, 1.0, 0.0))
    root = ET.fromstring(curve_svg([history, make_history(top=1.0)]))
    width, height = float(root.get("width")), float(root.get("height"))
    for line in root.iter(f"{SVG}polyline"):
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 < x < width
            assert 0 < y < height


def test_runs_differ_in_colour_and_dash_and_are_named_with_their_result():
    figure = show_curves([make_history(top=0.5), make_history(top=0.7)], ["tanh", "ReLU"])
    svg = figure._repr_svg_()
    assert {"tanh 50.0%", "ReLU 70.0%"} <= set(texts(svg))
    lines = list(ET.fromstring(svg).iter(f"{SVG}polyline"))
    assert {line.get("stroke") for line in lines} == {STYLES[0][0], STYLES[1][0]}
    assert len({style for style, _ in STYLES}) == len({dash for _, dash in STYLES}) == len(STYLES)


def test_axes_count_epochs_only_when_every_run_does():
    by_epoch = make_history(minutes=None, epochs=1)
    assert "에폭" in texts(curve_svg([by_epoch, by_epoch]))
    assert "시간(초)" in texts(curve_svg([by_epoch, make_history()]))


def test_a_run_that_has_only_begun_can_be_drawn():
    empty = History("m", "s", 0, "cpu", {"minutes": 1, "epochs": None})
    assert "60" in texts(curve_svg(empty))


def test_many_runs_with_long_names_keep_a_legend_row_each():
    names = [f"아주 긴 이름을 가진 실험, 다섯 가지 설정을 한꺼번에 바꾸어 본 것 {i}" for i in range(8)]
    svg = curve_svg([make_history() for _ in names], labels=names)
    rows = {e.get("y") for e in ET.fromstring(svg).iter(f"{SVG}text") if (e.text or "").startswith("아주")}
    assert len(rows) == 8


@pytest.mark.parametrize("bad", [[], ["history"], None], ids=repr)
def test_nothing_to_draw_is_said_in_korean(bad):
    with pytest.raises(CurveError, match="기록"):
        show_curves(bad)


def test_labels_must_match_the_runs():
    with pytest.raises(CurveError, match="이름 1개"):
        show_curves([make_history(), make_history()], ["하나"])


def test_text_stands_in_where_a_picture_cannot_be_drawn():
    drawn = CurveFigure("<svg><title>가 &lt; 나 · shapes10</title></svg>")
    assert repr(drawn) == "학습 곡선 그림: 가 < 나 · shapes10"
