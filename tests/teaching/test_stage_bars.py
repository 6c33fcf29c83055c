"""단계마다의 몫: 손으로 센 값과 같고, 합이 1이며, 언제나 같은 그림이다."""

import re

import pytest
from torch import nn

from cnnlab.analysis import fold_table, layer_table
from cnnlab.models import build
from cnnlab.teaching.stage_bars import bars_svg, shares, stages


def test_shares_are_those_counted_by_hand():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))
    found = shares(layer_table(model, (3, 8, 8)))
    conv, linear = 4 * 3 * 9 + 4, 4 * 36 * 10 + 10
    assert found["0"][0] == pytest.approx(conv / (conv + linear))
    assert found["3"][1] == pytest.approx(1440 / (1440 + 144 * 27))
    assert found["0"][2] == pytest.approx(144 / (3 * 144 + 10))


@pytest.mark.parametrize("name", ["lenet5", "resnet20_cifar", "densenet40_cifar"])
def test_shares_of_all_stages_add_up_to_one(name):
    table = stages(layer_table(build(name), (1 if name == "lenet5" else 3, 32, 32)))
    for part in zip(*shares(table).values(), strict=True):
        assert sum(part) == pytest.approx(1, abs=0.01)


def test_deep_networks_fold_into_few_stages_and_small_ones_stay():
    deep = layer_table(build("resnet56_cifar"))
    assert 5 <= len(stages(deep)) <= 10
    one = layer_table(nn.Sequential(nn.Conv2d(3, 4, 3)))
    assert len(stages(one)) == 1


def test_longest_bar_fills_its_column_and_the_picture_is_the_same_every_time():
    table = fold_table(layer_table(build("lenet5_cifar")), 1)
    first = bars_svg(table, "LeNet-5")
    assert first == bars_svg(table, "LeNet-5")
    widths = [float(width) for width in re.findall(r'<rect x="\d+" y="\d+" width="([\d.]+)"', first)]
    assert widths.count(190.0) == 3
    assert max(widths) == 190.0
