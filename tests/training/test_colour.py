import numpy as np
import pytest
import torch

from cnnlab.training.augment import normalise
from cnnlab.training.colour import ColourAxes, ColourError, colour_axes, shift_colours


@pytest.fixture
def images() -> torch.Tensor:
    """채널끼리 상관이 있는 그림: 회색 그림에 채널마다 다른 잡음."""
    generator = torch.Generator().manual_seed(0)
    grey = torch.randint(40, 200, (2300, 1, 6, 5), generator=generator)
    return (grey + torch.randint(-40, 41, (2300, 3, 6, 5), generator=generator)).to(torch.uint8)


def test_axes_are_the_eigenvectors_of_numpys_covariance(images):
    pixels = images.permute(1, 0, 2, 3).reshape(3, -1).numpy() / 255
    covariance = np.cov(pixels, bias=True)
    axes = colour_axes(images)
    vectors, sizes = axes.vectors.double().numpy(), axes.sizes.double().numpy()
    assert np.allclose(vectors @ np.diag(sizes) @ vectors.T, covariance, atol=1e-6)
    assert np.allclose(vectors.T @ vectors, np.eye(3), atol=1e-6)
    assert (np.diff(sizes) <= 0).all()
    assert np.allclose(np.abs(vectors[:, 0]), 3**-0.5, atol=0.02)  # 회색이 가장 크게 흩어진 방향이다


def test_shifts_have_the_covariance_of_the_formula(images):
    axes = colour_axes(images)
    many = torch.zeros(200_000, 3, 1, 1)
    shifts = shift_colours(many, axes, scale=0.1, generator=torch.Generator().manual_seed(0)).flatten(1).numpy() / 255
    p, size = axes.vectors.numpy(), axes.sizes.numpy()
    expected = p @ np.diag((0.1 * size) ** 2) @ p.T  # sum_i (0.1 l_i)^2 p_i p_i^T
    assert np.allclose(np.cov(shifts.T), expected, atol=0.02 * expected.max())
    assert np.allclose(shifts.mean(axis=0), 0, atol=0.01 * np.sqrt(expected.max()))


def test_one_shift_per_picture_is_added_to_every_pixel(images):
    axes = colour_axes(images)
    got = shift_colours(images[:4], axes, generator=torch.Generator().manual_seed(3))
    alpha = 0.1 * torch.randn(4, 3, generator=torch.Generator().manual_seed(3))
    assert got.dtype == torch.float32
    for picture, image, a in zip(got, images[:4].float(), alpha, strict=True):
        by_hand = sum(axes.vectors[:, i] * a[i] * axes.sizes[i] for i in range(3)) * 255
        torch.testing.assert_close(picture - image, by_hand.view(3, 1, 1).expand(3, 6, 5), atol=1e-4, rtol=0)


def test_result_goes_straight_into_normalise(images):
    axes = ColourAxes(torch.eye(3), torch.zeros(3))
    mean, std = torch.full((3,), 0.5), torch.full((3,), 0.25)
    torch.testing.assert_close(normalise(shift_colours(images, axes), mean, std), normalise(images, mean, std))


def test_pictures_of_one_colour_do_not_move():
    plain = torch.full((3, 3, 4, 4), 90, dtype=torch.uint8)
    assert torch.allclose(shift_colours(plain, colour_axes(plain)), plain.float(), atol=1e-3)


@pytest.mark.parametrize("wrong", [torch.rand(2, 3, 4, 4), torch.zeros(2, 1, 4, 4, dtype=torch.uint8)])
def test_pictures_that_are_not_rgb_bytes_are_told_in_korean(wrong):
    with pytest.raises(ColourError, match="받은 것"):
        colour_axes(wrong)
