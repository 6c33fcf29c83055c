"""논문의 표의 행을 가리키는 값: 손으로 센 것, 그리고 torch의 다른 길과 같다."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.models import build
from cnnlab.models.googlenet import INCEPTIONS, NaiveInception
from cnnlab.teaching.quantities import Subject, compute


def subject(name: str, side: int) -> Subject:
    with torch.device("meta"):
        return Subject(build(name), (3, side, side))


@pytest.fixture(scope="module")
def googlenet() -> Subject:
    return subject("googlenet", 224)


def test_weights_of_a_row_leave_the_biases_out(googlenet) -> None:
    assert compute("kilo_weights:fc", googlenet) == 1000
    by_hand = 192 * (64 + 96 + 16 + 32) + 9 * 96 * 128 + 25 * 16 * 32
    assert compute("kilo_weights:inception3a", googlenet) == by_hand / 1024


def test_macs_of_the_rows_add_up_to_torchs_own_counter(googlenet) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        googlenet.model(torch.zeros(1, 3, 224, 224))
    rows = [name for name, _ in googlenet.model.named_children()]
    assert compute(f"million_macs:{','.join(rows)}", googlenet) * 2e6 == pytest.approx(counter.get_total_flops())
    assert compute("million_macs", googlenet) * 2e6 == pytest.approx(counter.get_total_flops())


def test_a_row_does_not_swallow_one_whose_name_begins_alike(googlenet) -> None:
    assert compute("million_macs:pool", googlenet) == 0  # pool3과 pool4, inception의 pool이 아니다


def test_structure_is_counted_on_the_model(googlenet) -> None:
    assert compute("stages:inception", googlenet) == len(INCEPTIONS)
    assert compute("branches:inception5b", googlenet) == 4
    assert compute("stage_kernels:stem", googlenet) == "1, 3, 7"
    assert compute("depth_with_pools", googlenet) == 22 + 5
    assert compute("cell:stem,output", googlenet) == "192x28x28"


def test_macs_before_a_size_are_those_of_the_layers_by_hand() -> None:
    vgg = subject("vgg11", 224)
    by_hand = 224**2 * 64 * 27 + 112**2 * 128 * 64 * 9
    assert compute("macs_until:56", vgg) * 1e6 == by_hand
    assert compute("macs_until:1", vgg) * 1e6 == sum(
        row.macs for row in vgg.table.itertuples() if len(row.output) == 3
    ) + sum(row.macs for row in vgg.table.itertuples() if len(row.output) == 1)


def test_times_fewer_is_one_against_itself() -> None:
    assert compute("times_fewer:lenet5", subject("lenet5_cifar", 32)) < 1
    assert compute("times_fewer:googlenet_cifar", subject("googlenet_cifar", 32)) == 1


def test_naive_channels_are_those_of_the_module() -> None:
    widths = INCEPTIONS["3a"]
    with torch.device("meta"):
        out = NaiveInception(192, widths)(torch.zeros(1, 192, 28, 28))
    assert compute(f"naive_channels:192,{widths.one},{widths.three},{widths.five}", None) == out.shape[1]


def test_reduced_share_is_the_ratio_of_two_weights() -> None:
    ratio = compute("bottleneck_weights:96,24,5", None) / compute("conv_weights:96,96,5", None)
    assert compute("reduced_share:96,24,5", None) == pytest.approx(100 * ratio)
