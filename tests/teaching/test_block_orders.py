"""블록의 순서 그림: 그린 상자의 자리와 글이 실행된 차례와 같다."""

import pytest

from cnnlab.models import build
from cnnlab.teaching.block_orders import BRANCH, TRUNK, executed, show_orders
from cnnlab.teaching.plots import PlotError

SIZE = (3, 32, 32)
ORIGINAL = ("conv", "BN", "ReLU", "conv", "BN", "add", "ReLU")
BEFORE = ("BN", "ReLU", "conv", "BN", "ReLU", "conv", "add")


def test_executed_order_is_the_papers_for_both_networks() -> None:
    assert executed(build("resnet20_cifar"), SIZE, "conv2_x.1") == ORIGINAL
    assert executed(build("preact_resnet20_cifar"), SIZE, "conv2_x.1") == BEFORE


def test_boxes_stand_on_the_branch_before_the_addition_and_on_the_trunk_after() -> None:
    orders = {"앞": ("BN", "ReLU", "conv", "add"), "뒤": ("conv", "add", "BN", "ReLU")}
    picture = show_orders(orders)
    for axes, words in zip(picture.figure.axes, orders.values(), strict=True):
        drawn = sorted((text.get_position()[1], text.get_position()[0], text.get_text()) for text in axes.texts)
        drawn = [(x, word) for _, x, word in drawn if word]
        total = words.index("add")
        expected = (
            [(BRANCH, word) for word in words[:total]] + [(TRUNK, "+")] + [(TRUNK, w) for w in words[total + 1 :]]
        )
        assert drawn == expected
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_block_with_another_layer_or_no_rows_is_refused_with_advice() -> None:
    with pytest.raises(PlotError, match=r"지름길이 항등인 블록을 고르세요: conv3_x\.0"):
        executed(build("resnet20_cifar"), SIZE, "conv3_x.0")
    with pytest.raises(PlotError, match="그런 블록이 없습니다: conv9_x"):
        executed(build("resnet20_cifar"), SIZE, "conv9_x")


@pytest.mark.parametrize("orders", [{}, {"가": ("conv",)}, {"가": ("add", "add")}])
def test_order_without_exactly_one_addition_is_refused(orders) -> None:
    with pytest.raises(PlotError, match="덧셈이 하나 있는 차례"):
        show_orders(orders)
