"""손으로 하는 합성곱이 F.conv2d와 같은지."""

import pytest
import torch
import torch.nn.functional as F

from cnnlab.errors import LearnerError
from cnnlab.teaching.by_hand import WindowSum

IMAGE = torch.arange(36).view(6, 6) % 7
KERNEL = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def test_all_positions_equal_conv2d():
    expected = F.conv2d(IMAGE[None, None].float(), KERNEL[None, None].float())[0, 0]
    assert torch.equal(WindowSum(IMAGE, KERNEL).outputs.float(), expected)


def test_written_sum_evaluates_to_the_output_cell():
    for row in range(4):
        for column in range(4):
            one = WindowSum(IMAGE, KERNEL, row, column)
            terms, total = str(one).split(" = ")
            assert eval(terms.replace("·", "*")) == int(total) == one.outputs[row, column]


def test_picture_shows_only_the_cells_done_so_far():
    first, last = WindowSum(IMAGE, KERNEL, 0, 0).svg(), WindowSum(IMAGE, KERNEL, 3, 3).svg()
    assert last.count("<text") - first.count("<text") == 15


@pytest.mark.parametrize(
    ("image", "kernel", "row", "says"),
    [
        (IMAGE, torch.ones(7, 7), 0, "보다 큽니다"),
        (IMAGE, KERNEL, 4, "4행 4열의 자리"),
        (IMAGE[0], KERNEL, 0, "2차원 텐서"),
        ([[1]], KERNEL, 0, "2차원 텐서"),
    ],
)
def test_impossible_windows_are_explained(image, kernel, row, says):
    with pytest.raises(LearnerError, match=says):
        WindowSum(image, kernel, row)
