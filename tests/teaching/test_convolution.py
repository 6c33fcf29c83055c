"""합성곱 하나의 산수가 nn.Conv2d와 같은지, 맞지 않는 조합을 정확히 가려내는지."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.errors import LearnerError
from cnnlab.teaching.channels import draw_channels
from cnnlab.teaching.convolution import Convolution

knobs = st.builds(
    Convolution,
    size=st.integers(1, 14),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 4),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 3),
    in_channels=st.integers(1, 6),
    out_channels=st.integers(1, 6),
    groups=st.integers(1, 4),
    position=st.integers(0, 200),
)


def run(c: Convolution) -> torch.Tensor:
    layer = nn.Conv2d(c.in_channels, c.out_channels, c.kernel, c.stride, c.padding, c.dilation, c.groups)
    return layer(torch.zeros(1, c.in_channels, c.size, c.size))


@settings(max_examples=300, deadline=None)
@given(knobs)
def test_a_combination_is_refused_exactly_when_pytorch_refuses_it(c):
    try:
        out = run(c)
    except (ValueError, RuntimeError):
        assert c.problem
        assert "✕" in c.html()
    else:
        assert c.problem is None
        assert out.shape[-2:] == (c.output, c.output)


@settings(max_examples=100, deadline=None)
@given(knobs)
def test_numbers_equal_a_live_layer(c):
    if c.problem:
        return
    layer = nn.Conv2d(c.in_channels, c.out_channels, c.kernel, c.stride, c.padding, c.dilation, c.groups)
    with FlopCounterMode(display=False) as counter:
        out = layer(torch.zeros(1, c.in_channels, c.size, c.size))
    assert c.params == sum(p.numel() for p in layer.parameters())
    assert 2 * c.macs == counter.get_total_flops()
    assert c.memory_kb == out.numel() * out.element_size() / 1024


@settings(max_examples=100, deadline=None)
@given(knobs)
def test_leftover_pixels_are_those_without_a_gradient(c):
    if c.problem:
        return
    x = torch.zeros(1, 1, c.padded, c.padded, requires_grad=True)
    nn.functional.conv2d(x, torch.ones(1, 1, c.kernel, c.kernel), stride=c.stride, dilation=c.dilation).sum().backward()
    last = int((x.grad[0, 0] > 0).nonzero().max())
    assert c.leftover == c.padded - 1 - last


def test_picture_is_deterministic_and_marks_window_and_output():
    c = Convolution(size=5, kernel=3, stride=2, position=3)
    assert c.svg() == c.svg()
    assert "입력 5×5" in c.svg()
    assert "출력 2×2" in c.svg()


@pytest.mark.parametrize(
    ("name", "value"), [("size", 0), ("kernel", 2.5), ("padding", -1), ("stride", "2"), ("groups", True)]
)
def test_bad_values_are_named_in_korean(name, value):
    with pytest.raises(LearnerError, match=rf"{name}에는 \d 이상의 정수"):
        Convolution(**{name: value})


def test_channel_picture_counts_kernels_layers_and_maps_of_the_layer():
    picture = draw_channels(nn.Conv2d(3, 16, 5))
    assert repr(picture) == "커널 16벌, 한 벌은 3×5×5: 특징 맵 16장"
    svg = picture._repr_svg_()
    assert svg.count("3겹을 곱해 모두 더함 + 편향 1개") == 3
    assert "⋮" in svg
    assert "편향" not in draw_channels(nn.Conv2d(2, 1, 3, bias=False))._repr_svg_()


def test_channel_picture_refuses_other_layers():
    with pytest.raises(LearnerError, match=r"nn\.Conv2d"):
        draw_channels(nn.Linear(3, 4))
