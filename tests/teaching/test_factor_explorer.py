"""커널을 나누는 조절기: 그려진 수가 진짜 합성곱의 가중치와 같고, 세 길이 같은 자리를 본다."""

import pytest
from torch import nn

from cnnlab.teaching.factor_explorer import SIZES, explore_factoring, paths, paths_svg


@pytest.mark.parametrize("size", SIZES)
def test_weights_are_those_of_real_convolutions(size) -> None:
    for path in paths(size, 16, 24, 32):
        ends = [16, *[24] * (len(path.kernels) - 1), 32]
        convs = [nn.Conv2d(ends[n], ends[n + 1], k, bias=False) for n, k in enumerate(path.kernels)]
        assert path.weights == sum(conv.weight.numel() for conv in convs)
        assert path.field == (size, size)


def test_the_picture_says_the_numbers_and_is_the_same_every_time() -> None:
    first = paths_svg(paths(7, 192, 192, 192))
    assert first == paths_svg(paths(7, 192, 192, 192))
    for text in (f"{49 * 192 * 192:,}", "×0.55", "×0.29", "7×7"):
        assert text in first


def test_moving_a_control_redraws() -> None:
    explorer = explore_factoring()
    before = explorer.view.value
    explorer.controls["size"].value = 3
    assert explorer.view.value != before
    assert "×0.67" in explorer.view.value
