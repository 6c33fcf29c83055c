import numpy as np
import pytest
import torch
from torch import nn

from cnnlab.analysis import InputSizeError, ModelError, effective_receptive_field, measure_receptive_field


def deep():
    torch.manual_seed(0)
    return nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(8)])


def test_a_linear_network_has_the_gradient_of_its_own_kernel():
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False))
    heat = effective_receptive_field(model, (1, 9, 9), n=2)
    kernel = model[0].weight.detach().abs()[0, 0].numpy()
    assert np.allclose(heat[3:6, 3:6], kernel / kernel.max())
    assert heat.sum() == pytest.approx(heat[3:6, 3:6].sum())


def test_uniform_weights_give_a_bell_inside_the_theoretical_field():
    model = deep()
    for layer in model:
        nn.init.constant_(layer.weight, 1 / 9)
    heat = effective_receptive_field(model, (1, 31, 31), n=1)
    row = heat[15]
    expected = np.ones(1)
    for _ in range(8):
        expected = np.convolve(expected, np.ones(3))
    assert np.allclose(row[15 - 8 : 15 + 9], expected / expected.max(), atol=1e-5)
    mask = measure_receptive_field(model, (1, 31, 31)).mask
    assert (heat > 0).sum() == mask.sum() == 17 * 17


def test_the_model_the_images_and_the_random_state_are_left_alone():
    model, state = deep().train(), torch.random.get_rng_state()
    images = torch.rand(10, 1, 12, 12)
    first = effective_receptive_field(model, (1, 12, 12), "3", images=images)
    assert np.array_equal(first, effective_receptive_field(model, (1, 12, 12), "3", images=images))
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert not images.requires_grad
    assert effective_receptive_field(model, (1, 12, 12), n=3).shape == (12, 12)
    torch.random.set_rng_state(state)


def test_what_cannot_be_measured_is_told():
    with torch.device("meta"):
        model = nn.Sequential(nn.Conv2d(1, 1, 3))
    with pytest.raises(ModelError, match="meta"):
        effective_receptive_field(model, (1, 9, 9))
    with pytest.raises(InputSizeError, match="images"):
        effective_receptive_field(deep(), (1, 9, 9), images=torch.rand(2, 3, 9, 9))
