"""신경망끼리 견준 검산의 양: torchvision의 매개변수와, 손으로 센 순서로 확인한다."""

import pytest
import torch
import torchvision

from cnnlab.models import build
from cnnlab.teaching.by_model import LINEUP, rank, times, uses_per_parameter
from cnnlab.teaching.quantities import Subject


@pytest.fixture
def vgg() -> Subject:
    with torch.device("meta"):
        return Subject(build("vgg16"), (3, 224, 224))


def test_rank_counts_only_the_larger_ones(vgg: Subject) -> None:
    assert rank(vgg, "params") == rank(vgg, "macs") == 1
    with torch.device("meta"):
        sizes = {name: sum(p.numel() for p in build(name).parameters()) for name in LINEUP}
        net = Subject(build("resnet50"), (3, 224, 224))
    assert rank(net, "params") == sorted(sizes.values(), reverse=True).index(sizes["resnet50"]) + 1


def test_times_agrees_with_torchvision(vgg: Subject) -> None:
    with torch.device("meta"):
        theirs = [sum(p.numel() for p in getattr(torchvision.models, n)().parameters()) for n in ("vgg16", "resnet50")]
    assert times(vgg, "params", "resnet50") == pytest.approx(theirs[0] / theirs[1])


def test_fully_connected_layer_uses_each_weight_once() -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 5, bias=False))
    assert uses_per_parameter(Subject(net, (3, 8, 8))) == 1
