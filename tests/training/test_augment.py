import pytest
import torch
import torch.nn.functional as F

from cnnlab.training.augment import channel_stats, normalise, random_crop, random_flip


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(256, (32, 3, 12, 9), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.mark.parametrize("padding", [1, 2, 4])
def test_crop_is_a_window_of_each_padded_picture_cut_one_by_one(images, padding):
    cropped = random_crop(images, padding, torch.Generator().manual_seed(5))
    top, left = torch.randint(2 * padding + 1, (2, len(images)), generator=torch.Generator().manual_seed(5))
    for image, got, y, x in zip(images, cropped, top.tolist(), left.tolist(), strict=True):
        padded = F.pad(image, (padding,) * 4)
        assert torch.equal(got, padded[:, y : y + 12, x : x + 9])


def test_crop_reaches_every_offset_and_keeps_uint8():
    marked = torch.zeros(2000, 1, 5, 5, dtype=torch.uint8)
    marked[:, :, 2, 2] = 255
    cropped = random_crop(marked, 2, torch.Generator().manual_seed(0))
    assert cropped.dtype == torch.uint8
    places = {tuple(place) for place in (cropped[:, 0] == 255).nonzero()[:, 1:].tolist()}
    assert places == {(y, x) for y in range(5) for x in range(5)}


def test_flip_mirrors_about_half_of_the_pictures_and_leaves_the_rest(images):
    many = images.repeat(40, 1, 1, 1)
    flipped = random_flip(many, torch.Generator().manual_seed(3))
    mirrored = [torch.equal(got, image.flip(2)) for got, image in zip(flipped, many, strict=True)]
    kept = [torch.equal(got, image) for got, image in zip(flipped, many, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 0.45 < sum(mirrored) / len(many) < 0.55


def test_normalise_matches_per_picture_arithmetic_and_leaves_the_input_alone(images):
    before = images.clone()
    mean, std = torch.tensor([0.1, 0.5, 0.9]), torch.tensor([0.2, 0.25, 0.5])
    got = normalise(images, mean, std)
    for image, result in zip(images, got, strict=True):
        for channel in range(3):
            torch.testing.assert_close(result[channel], (image[channel].float() / 255 - mean[channel]) / std[channel])
    assert torch.equal(images, before)


def test_channel_stats_equal_the_statistics_of_all_pixels(images):
    pixels = images.double() / 255
    mean, std = channel_stats(images)
    torch.testing.assert_close(mean.double(), pixels.mean((0, 2, 3)), atol=1e-6, rtol=0)
    torch.testing.assert_close(std.double(), pixels.std((0, 2, 3), correction=0), atol=1e-6, rtol=0)


def test_one_coloured_pictures_can_still_be_normalised():
    plain = torch.full((4, 3, 8, 8), 7, dtype=torch.uint8)
    assert normalise(plain, *channel_stats(plain)).isfinite().all()


def test_same_generator_seed_gives_the_same_pictures(images):
    first, second = (
        random_flip(random_crop(images, 4, generator), generator)
        for generator in (torch.Generator().manual_seed(9), torch.Generator().manual_seed(9))
    )
    assert torch.equal(first, second)
