import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnlab.analysis import (
    InputTooSmall,
    activation_kb,
    conv_macs,
    conv_output_size,
    conv_params,
    linear_macs,
    linear_params,
)


@settings(max_examples=300, deadline=None)
@given(
    size=st.integers(1, 24),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
    ceil_mode=st.booleans(),
)
def test_output_size_is_what_torch_gives(size, kernel, stride, padding, dilation, ceil_mode):
    padding = min(padding, kernel // 2)  # torch의 풀링이 받는 범위
    layer = nn.MaxPool1d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    try:
        expected = layer(torch.zeros(1, 1, size)).shape[-1]
    except RuntimeError:
        with pytest.raises(InputTooSmall, match="놓을 자리가 없습니다"):
            conv_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    else:
        assert conv_output_size(size, kernel, stride, padding, dilation, ceil_mode) == expected


def test_uneven_padding_counts_both_sides():
    assert conv_output_size(8, 4, padding=(1, 2)) == 8


def test_lenet5_numbers_of_the_paper():
    # LeCun et al. 1998, II-B절: C1 156개, 122,304 연결(편향 포함) = 117,600 + 4,704
    assert [conv_output_size(32, 5), conv_output_size(28, 2, stride=2), conv_output_size(14, 5)] == [28, 14, 10]
    assert conv_params(1, 6, 5) == 156
    assert conv_macs((6, 1, 5, 5), (6, 28, 28)) + 6 * 28 * 28 == 122_304
    assert conv_params(16, 120, 5) == 48_120
    assert linear_params(120, 84) == 10_164
    assert linear_macs((84, 120), (84,)) == 10_080
    assert activation_kb((6, 28, 28)) == 18.375


@pytest.mark.parametrize(
    ("channels", "kernel", "groups", "bias"), [((8, 12), (3, 5), 4, False), ((6, 6), (1, 1), 6, True)]
)
def test_conv_params_are_those_of_the_module(channels, kernel, groups, bias):
    module = nn.Conv2d(*channels, kernel, groups=groups, bias=bias)
    assert conv_params(*channels, kernel, groups, bias) == sum(p.numel() for p in module.parameters())


def test_macs_are_the_same_with_or_without_a_batch_of_one():
    assert conv_macs((6, 1, 5, 5), (1, 6, 28, 28)) == conv_macs((6, 1, 5, 5), (6, 28, 28))
