"""보조 출력: 학습 모드에서만 나오는 것도, 언제나 나오는 것도, 모두 그래프에 있다."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.analysis import (
    InputTooSmall,
    effective_receptive_field,
    layer_table,
    measure_receptive_field,
    receptive_field,
    trace,
)


def build(name):
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None, init_weights=False, aux_logits=True)


HEADS = {"googlenet": (["aux1", "aux2"], (3, 224, 224), 22), "inception_v3": (["AuxLogits"], (3, 299, 299), 48)}


@pytest.mark.parametrize("name", HEADS)
def test_in_training_mode_every_head_has_rows_and_every_parameter_is_in_a_row(name):
    heads, size, depth = HEADS[name]
    model = build(name).train()
    table = layer_table(model, size)
    assert table.params.sum() == table.attrs["params"] == sum(p.numel() for p in model.parameters())
    assert table.attrs["unused_params"] == 0
    assert [head for head in heads if table.name.str.startswith(head).any()] == heads
    assert table.attrs["depth"] == depth
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(2, *size, device="meta"))
    assert 2 * 2 * table.macs.sum() == counter.get_total_flops()  # 그림 두 장


@pytest.mark.parametrize("name", HEADS)
def test_in_eval_mode_the_heads_are_unused_parameters(name):
    heads, size, depth = HEADS[name]
    model = build(name).eval()
    table = layer_table(model, size)
    unused = sum(p.numel() for head in heads for p in getattr(model, head).parameters())
    assert table.attrs["unused_params"] == unused == table.attrs["params"] - table.params.sum()
    assert not table.name.str.startswith(tuple(heads)).any()
    assert table.attrs["depth"] == depth


def test_outputs_are_in_the_order_that_forward_returns_them():
    traced = trace(build("googlenet").train(), (3, 224, 224))
    assert [traced.nodes[number].layer for number in traced.outputs] == ["fc", "aux2.fc2", "aux1.fc2"]
    assert traced.training
    assert not trace(build("googlenet").eval(), (3, 224, 224)).training


def test_the_trunk_has_the_same_rows_in_either_mode_and_the_heads_see_the_whole_picture():
    model = build("googlenet")
    trained = receptive_field(model.train(), (3, 224, 224)).set_index("name")
    plain = receptive_field(model.eval(), (3, 224, 224)).set_index("name")
    pd_equal = trained.loc[plain.index].astype(str).eq(plain.astype(str))
    assert pd_equal.all(axis=None)
    assert trained.rf["aux1.fc2"] == "전체"
    assert (trained.rf["aux1.conv.conv"], trained.jump["aux1.conv.conv"]) != (plain.rf["inception4a.cat"], 16)


class Supervised(nn.Module):
    """학습할 때에만 중간에서 보조 출력을 내는 신경망."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.aux = nn.Sequential(nn.Conv2d(4, 4, 5, stride=2), nn.Dropout(0.9), nn.Conv2d(4, 2, 3))
        self.head = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 3))

    def forward(self, x):
        x = F.dropout(self.stem(x), 0.5, self.training)
        if self.training:
            return {"out": self.head(x), "aux": self.aux(x)}
        return self.head(x)


def test_field_of_an_auxiliary_head_is_measured_too_and_repeats():
    model = Supervised().train()
    state = {key: value.clone() for key, value in model.state_dict().items()}
    for name in ("aux.0", "aux.2", "head.2"):
        field = measure_receptive_field(model, (3, 21, 21), layer=name)
        assert field.agrees
        assert field.size == field.theory
    heat = effective_receptive_field(model, (3, 21, 21), layer="aux.2", n=2)
    assert (heat == effective_receptive_field(model, (3, 21, 21), layer="aux.2", n=2)).all()
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_an_input_too_small_for_the_head_alone_says_how_to_see_the_rest():
    model = Supervised()
    with pytest.raises(InputTooSmall, match=r"aux\.2.*적어도 9x9.*model\.eval\(\)"):
        layer_table(model, (3, 8, 8))
    assert layer_table(model.eval(), (3, 8, 8)).attrs["unused_params"] > 0


def test_a_mode_that_drops_layers_at_random_does_not_change_the_table():
    class Stochastic(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.spare = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return x if self.training and torch.rand(1) < 0.9 else F.dropout(self.conv(x), training=self.training)

    model = Stochastic()
    tables = [layer_table(model, (3, 8, 8)) for _ in range(5)]
    assert all(table.name.tolist() == ["conv", "dropout"] for table in tables)
    assert tables[0].attrs["unused_params"] == 12


def test_a_training_forward_that_needs_targets_is_seen_in_its_eval_form():
    class Detector(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.loss = nn.Conv2d(3, 3, 3), nn.Linear(4, 4)

        def forward(self, x, targets=None):
            if self.training:
                raise ValueError("targets should not be none")
            return self.conv(x)

    assert layer_table(Detector(), (3, 8, 8)).name.tolist() == ["conv"]


@pytest.mark.parametrize("name", ["fcn_resnet50", "deeplabv3_resnet50"])
def test_the_auxiliary_head_of_segmentation_is_there_in_either_mode(name):
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None, weights_backbone=None, aux_loss=True)
    for mode in (model.train(), model.eval()):
        table = layer_table(mode, (3, 96, 96))
        assert table.attrs["unused_params"] == 0
        assert table.name.str.startswith("aux_classifier").sum() == 5
        traced = trace(mode, (3, 96, 96))
        assert [traced.nodes[n].output_shape for n in traced.outputs] == [(21, 96, 96)] * 2
