"""단계의 값과 커널을 나누는 값: 손으로 센 것, 그리고 torch의 다른 길과 같다."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.models import build
from cnnlab.teaching.quantities import Subject, compute


@pytest.fixture(scope="module")
def subject() -> Subject:
    with torch.device("meta"):
        return Subject(build("inception_v4_cifar"), (3, 32, 32))


def test_stage_values_are_those_of_the_running_model(subject) -> None:
    assert compute("ends:stem", subject) == "32x32x32"
    assert compute("channels_after:inception_c", subject) == 128
    assert compute("rows_of:add", subject) == 0


def test_repeated_blocks_are_counted() -> None:
    with torch.device("meta"):
        big = Subject(build("inception_v4"), (3, 299, 299))
    assert (
        compute("repeats:inception_a,inception_c", big) == f"{len(big.model.inception_a)}-{len(big.model.inception_c)}"
    )


def test_flops_are_those_of_torchs_own_counter(subject) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        subject.model(torch.zeros(1, 3, 32, 32))
    assert compute("flops", subject) == counter.get_total_flops()


def test_adds_are_counted_where_there_are_shortcuts() -> None:
    with torch.device("meta"):
        residual = Subject(build("inception_resnet_cifar"), (3, 32, 32))
    assert compute("rows_of:add", residual) == 3


@pytest.mark.parametrize(
    ("quantity", "by_hand"),
    [
        ("path_saving:5,5,3,3,3,3", 100 * 7 / 25),
        ("path_saving:7,7,1,7,7,1", 100 * 5 / 7),
        ("path_ratio:5,5,3,3", 25 / 9),
        ("pool_first_saving:36,320", 75),
        ("side_by_side_saving:36,320", 87.5),
        ("smoothed_target:10,10", 91),
    ],
)
def test_formulas_agree_with_arithmetic(quantity, by_hand) -> None:
    assert compute(quantity, None) == pytest.approx(by_hand)


def test_path_field_is_what_gradients_reach() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, (3, 1), bias=False), nn.Conv2d(1, 1, (1, 7), bias=False))
    for conv in net:
        nn.init.ones_(conv.weight)
    x = torch.zeros(1, 1, 9, 9, requires_grad=True)
    net(x)[0, 0, 0, 0].backward()
    rows, columns = (x.grad[0, 0] != 0).nonzero().max(dim=0).values.tolist()
    assert compute("path_field:3,1,1,7", None) == f"{rows + 1}x{columns + 1}"


def test_v3_totals_are_torchvisions() -> None:
    from torchvision.models import inception_v3

    with torch.device("meta"):
        model = inception_v3(weights=None, init_weights=False, aux_logits=False).eval()
        with FlopCounterMode(display=False) as counter:
            model(torch.zeros(1, 3, 299, 299))
    assert compute("v3_params", None) == sum(p.numel() for p in model.parameters())
    assert 2 * compute("v3_macs", None) == counter.get_total_flops()
    assert compute("v3_depth", None) == 48
