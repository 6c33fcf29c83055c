"""SVG 안의 화소: 다른 라이브러리가 읽은 PNG, 다시 칠한 경로와 같은가."""

import base64
import io
import re

import pytest
import torch
from PIL import Image

from cnnlab.teaching.pixels import PictureError, as_input, fit_picture, mask_path, picture_uri


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(5, 7), (224, 200)])
def test_png_reads_back_pixel_for_pixel(channels, size):
    picture = torch.randint(0, 256, (channels, *size), dtype=torch.uint8)
    kind, code = picture_uri(picture).split(",")
    assert kind == "data:image/png;base64"
    read = Image.open(io.BytesIO(base64.b64decode(code)))
    assert read.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    read.load()
    values = torch.frombuffer(bytearray(read.tobytes()), dtype=torch.uint8)
    assert torch.equal(values.view(*size, channels), picture.permute(1, 2, 0))


def test_path_covers_exactly_the_mask():
    generator = torch.Generator().manual_seed(0)
    for density in (0.1, 0.5, 0.9, 1.1):
        mask = torch.rand(9, 13, generator=generator) < density
        painted = torch.zeros_like(mask, dtype=torch.int)
        for x, y, width, height in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+z", mask_path(mask)):
            painted[int(y) : int(y) + int(height), int(x) : int(x) + int(width)] += 1
        assert torch.equal(painted, mask.int())


def test_whole_rectangle_is_one_piece():
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[3:30, 5:20] = True
    assert mask_path(mask) == "M5 3h15v27h-15z"


def test_fitting_says_what_it_changed():
    picture = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    same, said = fit_picture(picture, (3, 32, 32))
    assert torch.equal(same, picture)
    assert said == ""
    grey, said = fit_picture(picture, (1, 32, 32))
    assert torch.equal(grey[0], picture.float().mean(0).round().to(torch.uint8))
    assert "회색" in said
    larger, said = fit_picture(picture, (3, 64, 48))
    assert larger.shape == (3, 64, 48)
    assert "64×48" in said


def test_inputs_are_normalised_as_in_training():
    pictures = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.4])
    expected = (pictures / 255 - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)
    torch.testing.assert_close(as_input(pictures, (3, 32, 32), mean, std), expected, rtol=1e-5, atol=1e-5)
    assert as_input(pictures, (1, 28, 28), mean, std).shape == (5, 1, 28, 28)


@pytest.mark.parametrize(
    ("picture", "size"), [(torch.zeros(3, 4, 4), (3, 4, 4)), (torch.zeros(3, 4, 4, dtype=torch.uint8), (5, 4, 4))]
)
def test_what_is_not_a_picture_is_refused_in_korean(picture, size):
    with pytest.raises(PictureError, match="사진"):
        fit_picture(picture, size)
