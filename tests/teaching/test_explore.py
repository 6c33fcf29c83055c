"""조절기를 파이썬에서 움직여, 결과가 따라 바뀌는지 본다."""

import sys

import pytest
import torch

from cnnlab.errors import LearnerError
from cnnlab.models import build
from cnnlab.teaching.convolution import Convolution
from cnnlab.teaching.explore import explore_by_hand, explore_convolution, explore_feature_maps, explore_predictions
from cnnlab.teaching.explorer import WIDGET_VIEW
from cnnlab.training.image_data import ImageData


def pictures(name: str = "CIFAR-10") -> ImageData:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (40, 3, 32, 32), generator=generator, dtype=torch.uint8)
    labels = torch.arange(40) % 10
    return ImageData(images, labels, images, labels, tuple("abcdefghij"), name, "시험용")


@pytest.mark.parametrize(
    ("knob", "value", "shows"),
    [
        ("size", 9, "입력 9×9"),
        ("kernel", 5, "출력 4×4"),
        ("stride", 2, "/ 2⌋"),
        ("out_channels", 7, "7 × 1 × 3 × 3 + 7"),
    ],
)
def test_each_knob_of_the_convolution_changes_formula_and_picture(knob, value, shows):
    explorer = explore_convolution(Convolution(size=8, kernel=3))
    before = explorer.view.value
    explorer.controls[knob].value = value
    assert explorer.view.value != before
    assert shows in explorer.view.value


def test_every_knob_moves_something():
    for knob in ("padding", "dilation", "in_channels", "position"):
        explorer = explore_convolution(Convolution(size=8, kernel=3))
        before = explorer.view.value
        explorer.controls[knob].value += 1
        assert explorer.view.value != before, knob


def test_combination_that_does_not_fit_says_why_and_recovers():
    explorer = explore_convolution(Convolution(size=8, kernel=3, in_channels=4, out_channels=4))
    explorer.controls["groups"].value = 3
    assert "4개를 3개의 그룹으로" in explorer.view.value
    explorer.controls["groups"].value = 2
    assert "맞지 않는" not in explorer.view.value


def test_window_stays_inside_when_the_output_shrinks():
    explorer = explore_convolution(Convolution(size=8, kernel=3))
    explorer.controls["position"].value = 35
    explorer.controls["size"].value = 4
    assert explorer.controls["position"].max == explorer.controls["position"].value == 3


def test_by_hand_moves_the_window():
    kernels = {"a": torch.ones(3, 3, dtype=torch.long), "b": -torch.ones(3, 3, dtype=torch.long)}
    explorer = explore_by_hand(torch.arange(36).view(6, 6), kernels)
    seen = {explorer.view.value}
    for knob in ("row", "column"):
        explorer.controls[knob].value = 2
        seen.add(explorer.view.value)
    explorer.controls["kernel"].value = "b"
    seen.add(explorer.view.value)
    assert len(seen) == 4


def test_reader_without_a_kernel_gets_the_same_picture_as_html():
    explorer = explore_convolution(Convolution(size=8, kernel=3))
    bundle = explorer._repr_mimebundle_()
    assert bundle[WIDGET_VIEW]["model_id"] == explorer.box.model_id
    assert bundle["image/svg+xml"] == Convolution(size=8, kernel=3).svg()


def test_predictions_page_and_filter_without_leaving_pictures_in_the_output():
    torch.manual_seed(0)
    explorer = explore_predictions(build("lenet5_cifar"), pictures())
    first = explorer.view.value
    assert first.count("<img") == 10
    explorer.controls["page"].value = 1
    assert explorer.view.value != first
    explorer.controls["only_missed"].value = True
    assert "○" not in explorer.view.value
    assert "<img" not in explorer._repr_mimebundle_()["text/html"]


def test_feature_maps_follow_layer_and_picture_and_store_only_the_embedded_picture():
    model, data = build("lenet5_cifar"), pictures()
    explorer = explore_feature_maps(model, data, ["c1", "s4"])
    assert "c1: 6장, 28×28" in explorer.view.value
    before = explorer.view.value
    explorer.controls["number"].value = 3
    assert explorer.view.value != before
    explorer.controls["layer"].value = "s4"
    assert "s4: 16장, 5×5" in explorer.view.value
    assert before not in explorer._repr_mimebundle_()["text/html"]


def test_without_ipywidgets_a_korean_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(LearnerError, match="pip install ipywidgets"):
        explore_convolution()
