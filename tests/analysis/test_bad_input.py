"""잘못 준 것마다 무엇이 잘못인지 한국어로 말한다. 크기와 채널의 오류는 test_trace.py에 있다."""

import copy
import warnings

import pytest
import torch
from torch import nn

from cnnlab.analysis import (
    ForwardError,
    InputTooSmall,
    ModelError,
    UnknownOpError,
    WrongShape,
    compare_models,
    effective_receptive_field,
    layer_table,
    measure_receptive_field,
    receptive_field,
)
from cnnlab.errors import LearnerError


def small():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))


def scripted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(small())


def traced():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(small(), torch.zeros(1, 3, 8, 8))


def partly_scripted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.Sequential(nn.Conv2d(3, 3, 1), torch.jit.script(nn.Conv2d(3, 4, 3)))


def dynamically_quantised():
    from torch.ao.nn.quantized.dynamic import Linear

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), Linear(4 * 36, 10))


def statically_quantised():
    from torch.ao.nn.quantized import Conv2d

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.Sequential(Conv2d(3, 4, 3), nn.ReLU())


CALLS = [layer_table, receptive_field, measure_receptive_field, effective_receptive_field]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("build", "words"),
    [
        (scripted, ["TorchScript", "전의 신경망"]),
        (traced, ["TorchScript", "전의 신경망"]),
        (partly_scripted, ["TorchScript", ": 1"]),
        (dynamically_quantised, ["양자화", ": 2"]),
        (statically_quantised, ["양자화", ": 0"]),
        (nn.Sequential, ["계층이 없습니다"]),
    ],
)
def test_scripted_quantised_and_empty_modules_are_told(call, build, words):
    with pytest.raises(ModelError) as caught:
        call(build(), (3, 8, 8))
    assert all(word in str(caught.value) for word in words), caught.value


def test_containers_without_a_forward_are_told():
    for model in (nn.ModuleList([nn.Conv2d(3, 3, 3)]), nn.ModuleDict({"a": nn.Conv2d(3, 3, 3)})):
        with pytest.raises(ForwardError, match="forward가 없습니다"):
            layer_table(model, (3, 8, 8))


def test_a_forward_that_fails_shows_the_table_so_far():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)

        def forward(self, x):
            return self.b(self.a(x)) + torch.ones(3, 3)

    with pytest.raises(ForwardError, match=r"Broken\.forward에서.*a 4x6x6, b 5x4x4"):
        layer_table(Broken(), (3, 8, 8))


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)

    def forward(self, x, y):
        return self.a(x) + self.b(y)


def test_the_number_of_inputs_must_be_what_forward_takes():
    assert layer_table(Two(), ((3, 8, 8), (1, 8, 8))).rf.tolist() == [3, "", 3]
    with pytest.raises(ForwardError, match=r"입력의 수가 다릅니다.*둘이면 \(\("):
        layer_table(Two(), (3, 8, 8))
    with pytest.raises(ForwardError, match=r"입력의 수가 다릅니다.*하나면 \("):
        layer_table(small(), ((3, 8, 8), (1, 8, 8)))
    with pytest.raises(WrongShape, match=r"b\(Conv2d\).*1개.*2개"):
        layer_table(Two(), ((3, 8, 8), (2, 8, 8)))


def test_a_model_on_the_meta_device_works_where_no_values_are_needed():
    model = copy.deepcopy(small()).to("meta")
    assert layer_table(model, (3, 8, 8)).equals(layer_table(small(), (3, 8, 8)))
    assert measure_receptive_field(model, (3, 8, 8), layer="0").size == 3
    with pytest.raises(ModelError, match="meta"):
        effective_receptive_field(model, (3, 8, 8))
    half_meta = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, device="meta"))
    assert layer_table(half_meta, (3, 8, 8)).rf.tolist() == [3, 5]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_model_of_another_precision_has_the_same_table(dtype):
    assert layer_table(small().to(dtype), (3, 8, 8)).equals(layer_table(small(), (3, 8, 8)))


@pytest.mark.parametrize(
    ("layer", "op"),
    [(nn.Conv1d(3, 4, 3), "conv1d"), (nn.Conv3d(1, 4, 3), "conv3d")],
)
def test_convolutions_of_other_dimensions_are_refused_by_name(layer, op):
    shape = nn.Flatten(2) if op == "conv1d" else nn.Unflatten(1, (1, 3))
    with pytest.raises(UnknownOpError, match=op):
        layer_table(nn.Sequential(shape, layer), (3, 8, 8))


def test_comparing_models_says_which_input_is_too_small():
    with pytest.raises(InputTooSmall, match=r"0\(Conv2d\)"):
        compare_models([nn.Sequential(nn.Conv2d(3, 4, 3)), nn.Sequential(nn.Conv2d(3, 4, 11))], (3, 8, 8))


@pytest.mark.parametrize("call", CALLS)
def test_every_message_is_for_the_learner(call):
    for model, size in ((small(), (1, 8, 8)), (small(), (3, 2, 2)), (small(), (3, 9, 9)), (small(), "3")):
        with pytest.raises(LearnerError) as caught:
            call(model, size)
        assert str(caught.value).rstrip(".").split()[-1]
        assert any("가" <= letter <= "힣" for letter in str(caught.value))
