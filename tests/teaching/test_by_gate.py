"""검산이 재는 SE의 양: 손으로 셀 수 있는 작은 신경망, 그리고 논문의 표와 견준다."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.models.senet import SqueezeExcitation, se_resnet50
from cnnlab.teaching.quantities import Subject, compute


class Block(nn.Module):
    """합성곱 하나와 게이트. after: 게이트를 덧셈 뒤에 둔다."""

    def __init__(self, channels: int, reduction: int, after: bool = False) -> None:
        super().__init__()
        self.branch, self.se = nn.Conv2d(channels, channels, 3, padding=1), SqueezeExcitation(channels, reduction)
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        return self.se(F.relu(self.branch(x) + x)) if self.after else F.relu(self.se(self.branch(x)) + x)


def subject(*blocks: Block) -> Subject:
    net = nn.Sequential()
    for number, block in enumerate(blocks):
        net.add_module(f"conv{number}_x", nn.Sequential(block))
    return Subject(net, (8, 6, 6))


def test_gate_counts_are_those_counted_by_hand() -> None:
    one = subject(Block(8, 2), Block(8, 4))
    first, second = 2 * 8 * 4 + 4 + 8, 2 * 8 * 2 + 2 + 8
    convolutions = 2 * (9 * 8 * 8 + 8)
    assert compute("gates", one) == 2
    assert compute("gate_values", one) == 16
    assert compute("gate_params", one) == first + second
    assert compute("gate_params:conv1_x", one) == second
    assert compute("gate_share:conv0_x", one) == pytest.approx(100 * first / (first + second))
    assert compute("gate_growth", one) == pytest.approx(100 * (first + second) / convolutions)
    assert compute("gate_growth:conv0_x", one) == pytest.approx(100 * first / convolutions)
    assert compute("gate_widths:conv1_x.0", one) == "8-2-8"


def test_order_and_what_follows_the_gate_are_those_of_execution() -> None:
    one = subject(Block(8, 2), Block(8, 2, after=True))
    assert compute("gate_order:conv0_x.0", one) == "mean Linear relu Linear sigmoid mul"
    assert compute("after_gate:conv0_x.0", one) == "add relu"
    assert compute("after_gate:conv1_x.0", one) == ""


@pytest.mark.parametrize("reduction", [4, 16])
def test_formulas_agree_with_the_network(reduction: int) -> None:
    with torch.device("meta"):
        net = se_resnet50(reduction=reduction)
    linears = [m for m in net.modules() if isinstance(m, nn.Linear) and m is not net.fc]
    assert compute(f"equation_5:{reduction}", None) == sum(m.weight.numel() for m in linears)
    size = sum(p.numel() for p in net.parameters())
    assert compute(f"million_params_with_ratio:{reduction}", None) == pytest.approx(size / 1e6)


def test_work_counts_every_addition_and_multiplication_once() -> None:
    base, values = 3_857_973_248, 3 * 256 * 56**2 + 4 * 512 * 28**2 + 6 * 1024 * 14**2 + 3 * 2048 * 7**2
    linear = compute("equation_5:16", None)
    assert compute("gate_macs_percent:16", None) == pytest.approx(100 * linear / base)
    assert compute("gate_work_percent:16", None) == pytest.approx(100 * (linear + 2 * values) / base)


def test_no_squeeze_costs_what_table_16_says() -> None:
    assert round(float(compute("no_squeeze_gmacs:16", None)), 2) == 4.27


def test_gates_lie_strictly_between_zero_and_one() -> None:
    low, high = compute("lowest_gate:32,4", None), compute("highest_gate:32,4", None)
    assert 0 < float(low) < float(high) < 1
