"""함께 쓰는 조각: 형태, 편향, 초깃값."""

import pytest
import torch
from torch import nn

from cnnlab.layers import LocalResponseNorm, cifar_stem, conv, conv_bn, he_init, imagenet_stem


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_odd_kernel_keeps_the_size_and_stride_divides_it(kernel):
    x = torch.zeros(1, 4, 32, 32)
    assert conv(4, 6, kernel)(x).shape == (1, 6, 32, 32)
    assert conv_bn(4, 6, kernel, stride=2)(x).shape == (1, 6, 16, 16)


def test_parameters_have_no_bias_and_follow_the_groups():
    assert [p.numel() for p in conv(8, 16, 3).parameters()] == [16 * 8 * 9]
    assert [p.numel() for p in conv_bn(8, 16, 3, groups=4).parameters()] == [16 * 2 * 9, 16, 16]


def test_stems_have_the_shapes_of_the_papers():
    assert imagenet_stem(64)(torch.zeros(1, 3, 224, 224)).shape == (1, 64, 56, 56)
    assert cifar_stem(16)(torch.zeros(1, 3, 32, 32)).shape == (1, 16, 32, 32)


def test_he_init_spreads_by_the_inputs_that_one_output_sees():
    torch.manual_seed(0)
    model = nn.Sequential(conv(64, 128, 3), conv(512, 512, 3, groups=512))
    he_init(model)
    for layer, inputs in zip(model, (64 * 9, 9), strict=True):
        assert layer.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.05)


def test_he_init_keeps_the_signal_alive_through_thirty_layers():
    torch.manual_seed(0)
    layers = nn.Sequential(*(layer for _ in range(30) for layer in (conv(64, 64, 3), nn.ReLU())))
    x = torch.randn(2, 64, 16, 16)
    before = layers(x).std()  # PyTorch의 초깃값: 층마다 줄어든다
    he_init(layers)
    after = layers(x).std()
    assert before < 1e-6
    assert 0.05 < after < 5


def test_he_init_leaves_normalisation_and_linear_alone():
    model = nn.Sequential(nn.BatchNorm2d(4), nn.Linear(4, 4))
    before = [p.clone() for p in model.parameters()]
    he_init(model)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_local_response_norm_is_the_formula_of_the_paper():
    torch.manual_seed(0)
    a = 50 * torch.randn(2, 9, 3, 3)
    squares = torch.stack(
        [(a[:, max(0, i - 2) : i + 3] ** 2).sum(dim=1) for i in range(9)], dim=1
    )  # 이웃한 다섯 채널, 끝에서는 있는 것만
    torch.testing.assert_close(LocalResponseNorm()(a), a / (2 + 1e-4 * squares) ** 0.75)
