"""사진을 줄로 늘어놓은 그림."""

import pytest
import torch

from cnnlab.teaching.picture_rows import show_picture_rows
from cnnlab.teaching.plots import PlotError


def test_every_row_shows_its_pictures_beside_its_name() -> None:
    picture = show_picture_rows({"원래": torch.zeros(3, 3, 8, 8, dtype=torch.uint8), "회색": torch.zeros(2, 1, 5, 5)})
    shown = [len(ax.images) for ax in picture.figure.axes]
    assert shown == [1, 1, 1, 1, 1, 0]
    assert {text.get_text() for ax in picture.figure.axes for text in ax.texts} == {"원래", "회색"}
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_values_outside_the_screen_are_cut_not_wrapped() -> None:
    picture = show_picture_rows({"넘침": torch.tensor([-20.0, 300.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)})
    shown = picture.figure.axes[0].images[0].get_array()
    assert shown[0, 0].tolist() == [0, 0, 0]
    assert shown[0, 1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("rows", [{}, {"한 장": torch.zeros(3, 8, 8)}, {"빈 줄": torch.zeros(0, 3, 8, 8)}])
def test_what_is_not_a_row_of_pictures_is_refused(rows) -> None:
    with pytest.raises(PlotError, match="받은 형태"):
        show_picture_rows(rows)
