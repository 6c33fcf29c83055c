"""그림이 값을 그대로 그리는지, 한글이 빠지지 않는지, 저장해도 작은지."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from cnnlab.analysis import effective_receptive_field, measure_receptive_field
from cnnlab.errors import LearnerError
from cnnlab.teaching import plots

IMAGES = torch.randint(0, 256, (6, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
TABLE = pd.DataFrame(
    {
        "name": ["conv", "relu", "fc"],
        "kernel": [3, "", ""],
        "params": [10, 0, 30],
        "macs": [400, 0, 100],
        "activation_kb": [8.0, 8.0, 2.0],
    }
)
KERNEL = torch.tensor([[-1, 0, 1]] * 3)


def pixels(picture: plots.Picture) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # 빠진 글자(Glyph ... missing)도 오류가 된다
        return picture._repr_png_()


@pytest.mark.parametrize(
    "picture",
    [
        plots.show_filters(nn.Conv2d(3, 6, 5)),
        plots.show_filters(nn.Conv2d(6, 16, 5)),
        plots.show_edges(IMAGES, {"세로 경계": KERNEL, "가로 경계": KERNEL.T}),
        plots.show_layer_bars(TABLE, title="계층별 비용"),
    ],
    ids=lambda picture: picture.caption,
)
def test_pictures_have_all_glyphs_and_stay_small(picture):
    png = pixels(picture)
    assert png.startswith(b"\x89PNG")
    assert len(png) < 200_000


def test_bars_are_as_long_as_the_table_says():
    axes = plots.show_layer_bars(TABLE).figure.axes
    assert [[bar.get_width() for bar in ax.patches] for ax in axes] == [[10, 30], [400, 100], [8, 2]]
    assert [text.get_text().strip() for text in axes[0].texts] == ["25%", "75%"]


def test_a_layer_without_kernels_is_refused_in_korean():
    with pytest.raises(LearnerError, match=r"nn\.Conv2d"):
        plots.show_filters(nn.Linear(3, 4))


def test_edge_picture_shows_where_brightness_changes():
    half = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    half[..., 4:] = 255
    shown = plots.show_edges(half, {"세로": KERNEL, "가로": KERNEL.T}).figure.axes
    vertical, horizontal = (ax.images[0].get_array() for ax in shown[1:3])
    assert vertical.max() > 0
    assert horizontal.max() == 0


def effective(seed, kernel=3):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 2, kernel), nn.Conv2d(2, 2, kernel), nn.Conv2d(2, 1, kernel))


def test_effective_field_picture_draws_the_heat_and_frames_the_theory():
    model = effective(0)
    heat = effective_receptive_field(model, (1, 21, 21), n=4)
    theory = measure_receptive_field(model, (1, 21, 21))
    picture = plots.show_effective_field(heat, theory)
    (ax,) = picture.figure.axes
    assert (ax.images[0].get_array() == heat).all()
    (frame,) = ax.patches
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (6.5, 6.5, 7, 7)
    assert "이론" in picture.caption
    assert "7" in picture.caption
    png = pixels(picture)
    assert len(png) < 200_000
    assert png == pixels(plots.show_effective_field(heat, theory))
    assert not plots.show_effective_field(heat, title="무작위 가중치").figure.axes[0].patches


def test_two_effective_fields_stand_side_by_side_on_the_same_scale():
    heats = {name: effective_receptive_field(effective(seed), (1, 21, 21), n=2) for seed, name in enumerate("전후")}
    axes = plots.compare_effective_fields(heats).figure.axes
    assert [(ax.images[0].get_array() == heat).all() for ax, heat in zip(axes, heats.values(), strict=True)] == [
        True
    ] * 2
    assert len({ax.images[0].get_clim() for ax in axes}) == 1
    assert [ax.get_title()[0] for ax in axes] == ["전", "후"]


def test_the_number_of_pixels_that_hold_half_of_the_influence():
    heat = np.array([[0.0, 1.0], [0.25, 0.75]])
    assert [plots.pixels_holding(heat, share) for share in (0.5, 0.6, 1.0)] == [1, 2, 3]
    assert plots.pixels_holding(np.zeros((3, 3)), 0.5) == 0


@pytest.mark.parametrize("heats", [{}, {"a": np.zeros(3)}, {"a": np.zeros((3, 3)), "b": np.zeros((4, 4))}])
def test_what_is_not_a_heat_map_is_refused_in_korean(heats):
    with pytest.raises(LearnerError, match="열지도"):
        plots.compare_effective_fields(heats)


def test_receptive_field_picture_paints_the_measured_pixels_and_frames_the_theory():
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3))
    field = measure_receptive_field(model, (1, 21, 21))
    (ax,) = plots.show_receptive_field(field).figure.axes
    assert ax.images[0].get_array().sum() == 8 * 8
    (frame,) = ax.patches
    assert (frame.get_width(), frame.get_height()) == (8, 8)
