"""선과 막대가 값을 그대로 그리는지, 한글이 빠지지 않는지, 저장해도 작은지."""

import warnings
from dataclasses import replace

import pytest

from cnnlab.errors import LearnerError
from cnnlab.teaching.lines import show_bars, show_lines, training_errors
from cnnlab.training.history import History, StepRecord

PANELS = {"시작할 때": {"plain-20": [(1, 0.5), (2, 0.25)], "ResNet-20": [(1, 0.4)]}, "끝": {"ResNet-20": [(1, 0.2)]}}


def history(*accuracies: float) -> History:
    steps = [StepRecord(epoch, epoch, 1.0, accuracy, 0.1) for epoch, accuracy in enumerate(accuracies, start=1)]
    return replace(History("plain20_cifar", "shapes10", 0, "cpu", {}), steps=steps)


@pytest.mark.parametrize(
    "picture",
    [
        show_lines(PANELS, x="에폭", y="학습 오류율", title="오류율", percent=True),
        show_lines(PANELS, x="층", y="기울기의 크기", log=True),
        show_bars({"2012\nAlexNet": 16.4, "2015\nResNet": 3.57}, ["16.4\n8층", "3.57\n152층"], y="top-5 오류율(%)"),
    ],
    ids=lambda picture: picture.caption,
)
def test_pictures_have_all_glyphs_and_stay_small(picture):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # 빠진 글자(Glyph ... missing)도 오류가 된다
        png = picture._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert len(png) < 200_000


def test_a_line_has_one_colour_in_every_panel_and_its_own_points():
    left, right = show_lines(PANELS).figure.axes
    drawn = {line.get_label(): line for line in left.lines}
    assert drawn["plain-20"].get_xydata().tolist() == [[1, 0.5], [2, 0.25]]
    assert drawn["ResNet-20"].get_color() == right.lines[0].get_color() != drawn["plain-20"].get_color()
    assert left.get_ylim() == right.get_ylim()


def test_errors_are_averages_of_neighbouring_records():
    found = training_errors(history(0.0, 0.5, 0.7), width=2)
    assert [epoch for epoch, _ in found] == [1, 2, 3]
    assert [error for _, error in found] == pytest.approx([1.0, 0.75, 0.4])


def test_bars_are_as_high_as_told():
    axes = show_bars({"가": 2.0, "나": 1.0}, ["둘", "하나"]).figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [2.0, 1.0]


@pytest.mark.parametrize("draw", [lambda: show_lines({"칸": {}}), lambda: show_bars({"가": 1.0}, [])])
def test_nothing_to_draw_is_said_in_korean(draw):
    with pytest.raises(LearnerError, match=r"[가-힣]"):
        draw()
