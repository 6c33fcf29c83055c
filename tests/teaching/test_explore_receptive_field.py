"""수용 영역의 조절기: 화면의 수가 식과도, 따로 잰 기울기와도 같은가."""

import pytest
import torch
from torch import nn

from cnnlab.analysis import measure_receptive_field, receptive_field
from cnnlab.errors import LearnerError
from cnnlab.models import build
from cnnlab.teaching.explore import explore_receptive_field
from cnnlab.teaching.field_probe import FieldProbe, box_of
from cnnlab.training.image_data import ImageData
from cnnlab.training.shapes10 import make_shapes10


def pictures() -> ImageData:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (20, 3, 32, 32), generator=generator, dtype=torch.uint8)
    labels = torch.arange(20) % 10
    return ImageData(images, labels, images, labels, tuple("abcdefghij"), "CIFAR-10", "시험용")


class Gate(nn.Module):
    """합성곱, 전역 평균으로 여는 게이트, 합성곱."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 5, padding=2)
        self.last = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        x = self.first(x)
        return self.last(x * x.mean((2, 3), keepdim=True).sigmoid())


class TwoWays(nn.Module):
    """3x3과 7x7 갈래를 더한다."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(3, 4, 3, padding=1)
        self.far = nn.Conv2d(3, 4, 7, padding=3)

    def forward(self, x):
        return self.near(x) + self.far(x)


def test_size_and_jump_on_screen_are_those_of_the_analysis_at_every_layer():
    model = build("lenet5_cifar")
    explorer = explore_receptive_field(model, pictures())
    table = receptive_field(model, (3, 32, 32)).set_index("name")
    assert len(explorer.controls["layer"].options) >= 5
    for layer in ("c1", "s2", "c3", "s4"):
        explorer.controls["layer"].value = layer
        rf, jump = table.loc[layer, "rf"], table.loc[layer, "jump"]
        assert f"{rf}×{rf} 화소" in explorer.view.value
        assert f"{jump} 화소" in explorer.view.value
        assert "○ 그림 안에서 같습니다" in explorer.view.value
        measured = measure_receptive_field(model, (3, 32, 32), layer)
        assert (explorer.controls["row"].value, explorer.controls["column"].value) == measured.unit
        (top, left), (bottom, right) = measured.first, measured.last
        assert f"행 {top}–{bottom}, 열 {left}–{right}" in explorer.view.value


def test_moving_the_unit_moves_the_square_by_the_jump():
    explorer = explore_receptive_field(build("lenet5_cifar"), pictures())
    explorer.controls["layer"].value = "s4"  # 크기 16, 간격 4
    for row in range(5):
        explorer.controls["row"].value = row
        explorer.controls["column"].value = 4 - row
        assert f"행 {4 * row}–{4 * row + 15}, 열 {16 - 4 * row}–{31 - 4 * row}" in explorer.view.value
        assert "○" in explorer.view.value


def test_mask_is_the_gradient_of_the_real_network_at_that_unit():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, dilation=1), nn.Conv2d(4, 4, 3, stride=2, dilation=2, padding=2)
    )
    probe = FieldProbe(model, (3, 20, 20))
    for unit in ((0, 0), (3, 7), (9, 2)):
        x = torch.randn(1, 3, 20, 20, requires_grad=True)
        model(x)[0, :, unit[0], unit[1]].sum().backward()
        assert torch.equal(probe.measure("1", unit), x.grad[0].abs().sum(0) > 0)


def test_padding_is_dashed_and_said_in_words():
    explorer = explore_receptive_field(TwoWays(), pictures(), ["add"])
    explorer.controls["row"].value = explorer.controls["column"].value = 0
    assert "7×7 화소" in explorer.view.value
    assert "그림 밖(패딩): 위 3, 왼쪽 3 화소" in explorer.view.value
    assert 'x="-3" y="-3" width="7" height="7"' in explorer.view.value
    assert "stroke-dasharray" in explorer.view.value
    assert "○ 그림 안에서 같습니다" in explorer.view.value


def test_gate_sees_the_whole_picture_and_the_size_without_it_is_shown():
    explorer = explore_receptive_field(Gate(), pictures(), ["first", "last"])
    explorer.controls["layer"].value = "last"
    explorer.controls["row"].value = explorer.controls["column"].value = 10
    for text in ("그림 전체", "7×7 화소(보라색 점선)", "32×32 화소", "○"):
        assert text in explorer.view.value
    probe = FieldProbe(Gate(), (3, 32, 32))
    assert box_of(probe.measure("last", (10, 10))) == ((0, 31), (0, 31))


def test_layers_that_see_the_same_as_before_are_not_offered():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout())
    assert FieldProbe(model, (3, 32, 32)).layers == ("0", "3")


def test_ranges_follow_model_and_layer_and_layers_keep_their_place():
    models = {"작은 것": build("lenet5_cifar"), "다른 것": TwoWays()}
    explorer = explore_receptive_field(models, pictures())
    explorer.controls["layer"].value = "s4"
    assert explorer.controls["row"].max == 4
    explorer.controls["model"].value = "다른 것"
    assert set(explorer.controls["layer"].options) == {"near", "far"}
    assert explorer.controls["row"].max == 31
    explorer.controls["model"].value = "작은 것"
    assert "작은 것" in explorer.view.value


def test_grey_network_and_larger_input_take_the_picture_and_say_so():
    sizes = {"lenet5": (1, 32, 32), "넓은 것": (3, 64, 64)}
    explorer = explore_receptive_field({"lenet5": "lenet5", "넓은 것": TwoWays()}, pictures(), input_size=sizes)
    assert "색을 회색으로 바꾸었습니다" in explorer.view.value
    explorer.controls["model"].value = "넓은 것"
    assert "32×32 사진을 입력 크기 64×64에 맞게 키웠습니다" in explorer.view.value


def test_effective_field_uses_the_live_weights_and_names_need_them():
    model = TwoWays()
    explorer = explore_receptive_field({"있음": model, "lenet5_cifar": "lenet5_cifar"}, pictures())
    explorer.controls["overlay"].value = "유효 수용 영역"
    explorer.controls["layer"].value = "far"
    assert "한가운데 출력에서" in explorer.view.value
    counts = []
    for scale in (1, 0):
        with torch.no_grad():
            model.far.weight[:, :, :3] *= scale
        explorer.controls["number"].value += 1
        heat = model.far.weight.sum(0).abs().sum(0)  # 합성곱 하나의 기울기는 가중치 자신이다
        counts.append(int((heat > heat.max() / 2).sum()))
        assert f"절반을 넘는 화소: {counts[-1]}개" in explorer.view.value
    assert counts[0] != counts[1]
    explorer.controls["model"].value = "lenet5_cifar"
    assert "✕" in explorer.view.value
    assert "가중치의 값이 없습니다" in explorer.view.value
    explorer.controls["overlay"].value = "없음"
    assert "✕" not in explorer.view.value


def test_stored_picture_is_the_embedded_one_and_the_same_every_time():
    first = explore_receptive_field(build("lenet5_cifar"), pictures())
    again = explore_receptive_field(build("lenet5_cifar"), make_shapes10())
    still = first._repr_mimebundle_()["image/svg+xml"]
    assert still == again._repr_mimebundle_()["image/svg+xml"]
    assert "그림 안에서 같습니다" in still
    assert len(still) < 60_000
    assert "text/html" not in first._repr_mimebundle_()


def test_network_that_cannot_be_analysed_says_why_and_the_others_still_work():
    broken = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(7, 7))
    explorer = explore_receptive_field({"되는 것": TwoWays(), "안 되는 것": broken}, pictures())
    explorer.controls["model"].value = "안 되는 것"
    assert "✕" in explorer.view.value
    assert "완전 연결" in explorer.view.value
    explorer.controls["model"].value = "되는 것"
    assert "○" in explorer.view.value


@pytest.mark.parametrize(
    ("models", "data", "says"),
    [
        (3, None, "신경망"),
        ({}, None, "신경망"),
        ({"이름": 3}, None, "이름"),
        (TwoWays(), torch.zeros(3, 3), "사진 한 장"),
    ],
)
def test_wrong_arguments_get_a_korean_sentence(models, data, says):
    with pytest.raises(LearnerError, match=says):
        explore_receptive_field(models, pictures() if data is None else data)


def test_large_inputs_are_measured_when_the_knob_is_let_go():
    sizes = {"작은 것": (3, 32, 32), "큰 것": (3, 96, 96)}
    explorer = explore_receptive_field({"작은 것": TwoWays(), "큰 것": TwoWays()}, pictures(), input_size=sizes)
    assert explorer.controls["row"].continuous_update
    explorer.controls["model"].value = "큰 것"
    assert not explorer.controls["row"].continuous_update
    assert "○" in explorer.view.value


def test_the_same_unit_is_measured_once(monkeypatch):
    from cnnlab.teaching import field_probe

    calls = []
    real = field_probe.reach
    monkeypatch.setattr(field_probe, "reach", lambda *given: calls.append(given[-1]) or real(*given))
    explorer = explore_receptive_field(TwoWays(), pictures(), ["near"])
    before = len(calls)
    for row in (3, 4, 3, 4):
        explorer.controls["row"].value = row
    explorer.controls["number"].value = 2
    assert len(calls) == before + 2


def test_one_picture_of_another_size_is_enough():
    picture = torch.randint(0, 256, (3, 48, 40), dtype=torch.uint8)
    explorer = explore_receptive_field(build("lenet5_cifar"), picture)
    assert "number" not in explorer.controls
    assert "48×40 사진을 입력 크기 32×32에 맞게 줄였습니다" in explorer.view.value
