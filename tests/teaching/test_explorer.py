"""조절기의 틀: 오류는 그 자리에 보이고, 한 번 움직이면 한 번 그린다. explore()는 그 위의 네 가지 보기다."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.teaching.explore import explore
from cnnlab.teaching.explorer import WIDGET_VIEW, Explorer, Views, dropdown, set_options, set_range, slider, steps


class Mine(nn.Module):
    """학생의 신경망: 지름길과 함수형 연산."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(x + self.conv(x))
        return self.fc(x.mean((2, 3)))


def test_unexpected_error_in_a_callback_is_shown_in_place_and_the_knob_still_works():
    explorer = Explorer({"n": slider("수", 1, 0, 3)}, lambda n: f"답: {12 // n}")
    explorer.controls["n"].value = 0
    assert "예상하지 못한 오류" in explorer.view.value
    assert "ZeroDivisionError" in explorer.view.value
    explorer.controls["n"].value = 3
    assert "답: 4" in explorer.view.value


def test_error_text_cannot_break_the_page():
    def render(n: int) -> str:
        raise LearnerError("<script>")

    assert "<script>" not in Explorer({"n": slider("수", 1, 0, 3)}, render).view.value


def test_knobs_moved_by_follow_are_drawn_once():
    drawn = []
    knobs = {"most": slider("끝", 5, 1, 9), "at": slider("자리", 5, 0, 5)}

    def render(most: int, at: int) -> str:
        drawn.append((most, at))
        return str(at)

    Explorer(knobs, render, follow=lambda: set_range(knobs["at"], knobs["most"].value))
    knobs["most"].value = 2
    assert drawn == [(5, 5), (2, 2)]


def test_a_range_of_one_hides_the_knob_and_options_keep_the_choice():
    knob = slider("자리", 3, 0, 5)
    set_range(knob, 0)
    assert (knob.value, knob.layout.display) == (0, "none")
    set_range(knob, 7, 4)
    assert (knob.value, knob.max, knob.layout.display) == (4, 7, None)
    choice = dropdown("계층", ["a", "b"], "b")
    set_options(choice, ["c", "b"])
    assert choice.value == "b"
    set_options(choice, ["c", "d"])
    assert choice.value == "c"


def test_a_list_has_two_buttons_that_step_through_it_and_wrap_around():
    explorer = Explorer({"which": dropdown("고를 것", ["가", "나", "다"])}, lambda which: which)
    before, after = explorer.box.children[0].children[0].children[1:]
    seen = []
    for button in (after, after, after, before):
        button.click()
        seen.append(explorer.html())
    assert seen == ["나", "다", "가", "다"]


@pytest.mark.parametrize("make", [lambda: slider("스트라이드", 1, 0, 3), lambda: steps("카디널리티", (1, 2), 1)])
def test_label_has_room(make):
    assert int(make().style.description_width.removesuffix("px")) >= 90


def test_own_module_has_four_views_that_are_made_when_they_are_chosen():
    views = explore(Mine())
    choice = views.controls["view"]
    assert choice.options == ("표", "그림", "수용 영역", "특징 맵")
    params = sum(p.numel() for p in Mine().parameters())
    assert f"{params:,}" in views.html()
    assert not isinstance(views.shown, Explorer)
    choice.value = "그림"
    assert "<svg" in views.html()
    choice.value = "수용 영역"
    assert isinstance(views.shown, Explorer)
    views.shown.controls["layer"].value = "conv"
    assert "5×5 화소" in views.html()
    choice.value = "특징 맵"
    views.shown.controls["layer"].value = "add"
    assert "add: 8장, 32×32" in views.html()
    kept = views.shown
    choice.value = "표"
    choice.value = "특징 맵"
    assert views.shown is kept


def test_what_cannot_be_seen_is_said_in_its_place_and_the_rest_works():
    def broken() -> str:
        raise LearnerError("가지가 있어 그리지 못합니다")

    views = Views({"그림": broken, "표": lambda: "표입니다"}, "글")
    assert "가지가 있어" in views.html()
    views.controls["view"].value = "표"
    assert views.html() == "표입니다"


def test_network_with_a_mistake_says_where_in_every_view():
    views = explore(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(10, 10)))
    for name in views.controls["view"].options:
        views.controls["view"].value = name
        assert "in_features" in views.html(), name
    assert "in_features" in views._repr_mimebundle_()["text/html"]


def test_meta_network_has_no_values_but_the_rest_is_seen():
    with torch.device("meta"):
        views = explore(Mine())
    for name, problem in (("표", False), ("그림", False), ("수용 영역", False), ("특징 맵", True)):
        views.controls["view"].value = name
        assert ("✕" in views.html()) == problem, name
    assert "가중치의 값이 없습니다" in views.html()


def test_reader_without_a_kernel_sees_the_drawing_and_it_is_the_same_every_time():
    first, again = (explore(Mine())._repr_mimebundle_() for _ in range(2))
    assert first["image/svg+xml"] == again["image/svg+xml"]
    assert first["text/plain"] == again["text/plain"]
    assert first[WIDGET_VIEW]["model_id"] != again[WIDGET_VIEW]["model_id"]


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "mobilenet_v3_small"])
def test_networks_of_torchvision_open_in_every_view(name):
    views = explore(torchvision.models.get_model(name, weights=None), (3, 64, 64))
    for view in views.controls["view"].options:
        views.controls["view"].value = view
        assert "✕" not in views.html(), view


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)

    def forward(self, x, y):
        return self.left(x) + self.right(y)


def test_network_with_two_inputs_shows_what_can_be_shown():
    views = explore(TwoInputs(), ((3, 32, 32), (1, 32, 32)))
    seen = {}
    for name in views.controls["view"].options:
        views.controls["view"].value = name
        seen[name] = views.html()
    assert [name for name, html in seen.items() if "✕" in html] == ["특징 맵"]
    assert "예상하지 못한" not in seen["특징 맵"]
    assert "3×3 화소" in seen["수용 영역"]


def test_what_is_not_a_network_is_refused_at_once():
    with pytest.raises(LearnerError, match="괄호"):
        explore(Mine)
