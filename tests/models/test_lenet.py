"""LeNet-5가 논문의 표와 같은지, 독립된 계산과 같은지."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.models.lenet import C3_CONNECTIONS, DIGIT_GLYPHS, SparseConv2d, Subsampling, lenet5, lenet5_1998

# 논문 II-B절의 층별 학습 매개변수
PAPER_PARAMETERS = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164, "output": 0}


@pytest.mark.parametrize(("layer", "count"), PAPER_PARAMETERS.items())
def test_parameters_of_each_layer_equal_the_paper(layer, count):
    assert sum(p.numel() for p in getattr(lenet5_1998(), layer).parameters()) == count


def test_totals_are_60000_in_1998_and_61706_today():
    assert sum(p.numel() for p in lenet5_1998().parameters()) == 60_000
    assert sum(p.numel() for p in lenet5().parameters()) == 61_706


def test_connection_table_has_the_structure_the_paper_describes():
    sizes = [len(sources) for sources in C3_CONNECTIONS]
    assert sizes == [3] * 6 + [4] * 9 + [6]  # "처음 6개는 3개씩, 다음 9개는 4개씩, 마지막은 모두"
    assert len(set(C3_CONNECTIONS)) == 16  # 같은 입력을 보는 특징 맵은 없다: 대칭을 깬다
    for sources in C3_CONNECTIONS[:12]:  # 이웃한(고리로 이어진) 특징 맵들
        gaps = sum((b - a) % 6 != 1 for a, b in zip(sources, sources[1:] + sources[:1], strict=True))
        assert gaps == 1
    for source in range(6):  # 표 I의 행마다 X가 10개
        assert sum(source in sources for sources in C3_CONNECTIONS) == 10


def test_sparse_convolution_equals_a_dense_one_with_zeros():
    torch.manual_seed(0)
    sparse = SparseConv2d(C3_CONNECTIONS, kernel_size=5)
    dense = torch.zeros(16, 6, 5, 5)
    kernels = iter(sparse.kernels[:, 0])
    for target, sources in enumerate(C3_CONNECTIONS):
        for source in sources:
            dense[target, source] = next(kernels)
    x = torch.randn(3, 6, 14, 14)
    torch.testing.assert_close(sparse(x), F.conv2d(x, dense, sparse.bias.flatten()))


def test_sparse_convolution_costs_only_its_connections():
    with FlopCounterMode(display=False) as counter:
        SparseConv2d(C3_CONNECTIONS, kernel_size=5)(torch.zeros(1, 6, 14, 14))
    assert counter.get_total_flops() == 2 * 60 * 25 * 100


def test_subsampling_adds_four_values_then_scales_and_shifts():
    layer = Subsampling(2)
    layer.coefficient.data = torch.tensor([0.5, 2.0]).view(2, 1, 1)
    layer.bias.data = torch.tensor([1.0, -1.0]).view(2, 1, 1)
    x = torch.arange(32.0).view(1, 2, 4, 4)
    four = x[..., ::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, ::2] + x[..., 1::2, 1::2]
    torch.testing.assert_close(layer(x)[0, 0], 0.5 * four[0, 0] + 1)
    torch.testing.assert_close(layer(x)[0, 1], 2.0 * four[0, 1] - 1)


def test_new_subsampling_is_average_pooling():
    x = torch.randn(2, 6, 28, 28)
    torch.testing.assert_close(Subsampling(6)(x), F.avg_pool2d(x, 2))


def test_digit_codes_fill_f6_and_differ_from_each_other():
    output = lenet5_1998().output
    assert output.codes.shape == (10, 84)
    assert set(output.codes.unique().tolist()) == {-1.0, 1.0}
    assert len({tuple(row.tolist()) for row in output.codes}) == len(DIGIT_GLYPHS) == 10


def test_rbf_answers_the_digit_whose_code_f6_shows():
    output = lenet5_1998().output
    scores = output(output.codes)
    assert scores.argmax(dim=1).tolist() == list(range(10))
    torch.testing.assert_close(scores, -torch.cdist(output.codes, output.codes).square())
