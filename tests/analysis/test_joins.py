"""손으로 쓴 가지 하나하나: 합쳐지는 곳, 나뉘는 곳, 게이트, 확대, attention, 여러 입력과 출력."""

import copy

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.analysis import (
    ForwardError,
    InputSizeError,
    ModelError,
    UnknownOpError,
    layer_table,
    measure_receptive_field,
    receptive_field,
    trace,
)


class Net(nn.Module):
    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def conv(kernel=3, **options):
    return nn.Conv2d(4, 4, kernel, padding=options.pop("padding", kernel // 2), **options)


def non_local(m, x):
    n, c, h, w = x.shape
    y = m.a(x).flatten(2)
    scores = torch.softmax(y.transpose(1, 2) @ y, dim=-1)
    return x + (y @ scores.mT).view(n, c, h, w)


def multi_head(m, x):
    n, c, h, w = x.shape
    y = m.a(x).flatten(2).transpose(1, 2).reshape(n, h * w, 2, c // 2).transpose(1, 2)
    out = F.scaled_dot_product_attention(y, y, y)
    return out.transpose(1, 2).reshape(n, h * w, c).transpose(1, 2).view(n, c, h, w)


# forward, 마지막 행의 rf (입력 4x16x16, a는 3x3, b는 5x5 합성곱)
CASES = {
    "residual": (lambda m, x: x + m.a(x), 3),
    "union": (lambda m, x: torch.cat([m.a(m.a(x)), m.b(x)], 1), 5),
    "shifted": (lambda m, x: F.pad(x, (0, 0, 1, 0))[:, :, :-1] + F.pad(x, (0, 0, 0, 1))[:, :, 1:], (3, 1)),
    "crosses": (lambda m, x: F.max_pool2d(x, (1, 5), 1, (0, 2)) + F.max_pool2d(x, (3, 1), 1, (1, 0)), (3, 5)),
    "strided": (lambda m, x: m.a(x)[:, :, ::2, ::2] + F.avg_pool2d(x, 2), 3),
    "shortcut_a": (lambda m, x: m.a(x) + F.pad(x[:, :2], (0, 0, 0, 0, 1, 1)), 3),
    "half": (lambda m, x: torch.cat([m.a(x), x], 1).chunk(2, 1)[1], 1),
    "split": (lambda m, x: torch.cat([m.a(x), x], 1).split([3, 5], 1)[0], 3),
    "narrow": (lambda m, x: torch.cat([m.b(x), x], 1).narrow(1, 4, 2), 1),
    "grouped_after_cat": (lambda m, x: m.grouped(torch.cat([m.b(x), x], 1))[:, 4:], 3),
    "gate": (lambda m, x: x * torch.sigmoid(m.one(F.adaptive_avg_pool2d(m.a(x), 1))), "전체"),
    "gate_linear": (lambda m, x: x * m.fc(x.mean((2, 3)))[:, :, None, None].sigmoid(), "전체"),
    "spatial_gate": (
        lambda m, x: x * torch.cat([x.max(1, keepdim=True)[0], x.mean(1, keepdim=True)], 1).sum(1, True),
        1,
    ),
    "shared": (lambda m, x: m.a(m.a(x)), 5),
    "inplace": (lambda m, x: m.a(x).relu_().add_(x).mul_(2), 3),
    "iadd": (lambda m, x: m.act(m.a(x)) + m.b(m.act(m.a(x))), 7),
    "layer_norm_last": (lambda m, x: m.norm(m.a(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2), 3),
    "up": (lambda m, x: m.a(F.interpolate(F.max_pool2d(x, 2), scale_factor=2)), 4),
    "bilinear": (lambda m, x: F.interpolate(x, size=(32, 32), mode="bilinear", align_corners=False), 2),
    "transposed": (lambda m, x: m.up(m.a(x)), 4),
    "non_local": (non_local, "전체"),
    "multi_head": (multi_head, "전체"),
    "einsum": (lambda m, x: torch.einsum("nchw,dc->ndhw", m.a(x), torch.ones(6, 4)), 3),
    "rows": (lambda m, x: m.a(x).mean(3, keepdim=True) + x, (3, 18)),  # 패딩 두 화소까지
    "stack": (lambda m, x: torch.stack([m.a(x), x], 1).sum(1), 3),
    "if_on_shape": (lambda m, x: m.a(x) if x.shape[-1] > 8 else x.tanh(), 3),
    "place": (lambda m, x: torch.cat([x[:, :, :8], x[:, :, 8:]], 2), 1),
    "depth_to_space": (lambda m, x: F.pixel_shuffle(m.a(x), 2), 3),
    "space_by_hand": (lambda m, x: torch.einsum("nchw,nkhw->nck", x, m.a(x)), "전체"),
}


def model_of(forward):
    parts = {"a": conv(3), "b": conv(5), "one": nn.Conv2d(4, 4, 1), "grouped": nn.Conv2d(8, 8, 3, padding=1, groups=2)}
    parts |= {"fc": nn.Linear(4, 4), "act": nn.ReLU(inplace=True), "norm": nn.LayerNorm(4)}
    return Net(forward, **parts, up=nn.ConvTranspose2d(4, 4, 4, 2, 1)).eval()


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_join_by_hand_and_by_gradient(name):
    forward, expected = CASES[name]
    model = model_of(forward)
    table = layer_table(model, (4, 16, 16))
    assert table.rf.iloc[-1] == expected
    x = torch.zeros(1, 4, 16, 16)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        out = model(x)
    assert table.output.iloc[-1] == tuple(out.shape[1:])
    assert 2 * table.macs.sum() == counter.get_total_flops()
    for row in table.itertuples():
        if row.name.startswith("matmul") and row.output == (256, 256):
            continue  # attention의 점수 하나는 두 자리만 보지만 그림 전체로 친다
        field = measure_receptive_field(model, (4, 16, 16), layer=row.name)
        assert field.agrees, row.name


def test_the_field_without_the_gate_stands_beside_it():
    table = receptive_field(model_of(CASES["gate"][0]), (4, 16, 16))
    assert table[["rf", "rf_without_gate"]].iloc[-1].tolist() == ["전체", 1]
    assert "rf_without_gate" not in receptive_field(model_of(CASES["residual"][0]), (4, 16, 16))
    plain, gated = (torchvision.models.get_model(n, weights=None) for n in ("regnet_x_400mf", "regnet_y_400mf"))
    trunk = receptive_field(gated, (3, 224, 224)).set_index("name").rf_without_gate
    assert trunk.iloc[-5] != "전체"
    assert "rf_without_gate" not in receptive_field(plain, (3, 224, 224))


@pytest.mark.parametrize("outputs", [tuple, list, lambda pair: {"out": pair[0], "aux": pair[1]}])
def test_auxiliary_outputs_are_rows_too(outputs):
    model = model_of(lambda m, x: outputs([m.a(x), m.b(x)]))
    assert layer_table(model, (4, 16, 16)).name.tolist() == ["a", "b"]


def test_a_result_that_is_thrown_away_is_still_counted():
    model = model_of(lambda m, x: (m.b(x), m.a(x))[1])
    table = layer_table(model, (4, 16, 16))
    assert table.name.tolist() == ["b", "a"]
    traced = trace(model, (4, 16, 16))
    assert [traced.nodes[number].layer for number in traced.unused] == ["b"]


def test_googlenet_and_inception_with_auxiliary_heads_in_either_mode():
    for build in (torchvision.models.googlenet, torchvision.models.inception_v3):
        with torch.device("meta"):
            model = build(init_weights=False, aux_logits=True)
        assert layer_table(model.train(), (3, 299, 299)).equals(layer_table(model.eval(), (3, 299, 299)))
        assert layer_table(model, (3, 299, 299)).attrs["unused_params"] > 0


@pytest.mark.parametrize("name", ["fcn_resnet50", "deeplabv3_resnet50", "lraspp_mobilenet_v3_large"])
def test_segmentation_heads(name):
    options = {} if name.startswith("lraspp") else {"aux_loss": True}
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None, **options).eval()
    table = layer_table(model, (3, 96, 96))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        out = copy.deepcopy(model).to("meta")(torch.zeros(1, 3, 96, 96, device="meta"))
    assert 2 * table.macs.sum() == counter.get_total_flops()
    assert tuple(out["out"].shape[1:]) in table.output.tolist()


def test_two_inputs_are_measured_on_the_first():
    model = Net(lambda m, x, z: m.a(x) * m.fc(z)[:, :, None, None], a=conv(), fc=nn.Linear(5, 4))
    table = layer_table(model, ((4, 8, 8), (5,)))
    assert table.rf.tolist()[:2] == [3, ""]
    assert table.rf.iloc[-1] == 3
    assert measure_receptive_field(model, ((4, 8, 8), (5,))).size == 3
    with pytest.raises(ForwardError, match="입력의 수"):
        layer_table(model, (4, 8, 8))
    with pytest.raises(InputSizeError, match="둘째"):
        layer_table(model, ((4, 8, 8), (0,)))


def test_scripted_and_quantised_modules_are_told():
    with pytest.raises(ModelError, match="TorchScript"):
        layer_table(torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3))), (3, 8, 8))


def test_a_forward_that_fails_shows_the_table_so_far():
    model = model_of(lambda m, x: m.b(m.a(x)) + torch.ones(3, 3))
    with pytest.raises(ForwardError, match="a 4x16x16, b 4x16x16"):
        layer_table(model, (4, 16, 16))


@pytest.mark.parametrize("name", ["swin_t", "vit_b_16"])
def test_networks_beyond_reach_are_refused_by_name(name):
    with pytest.raises(UnknownOpError):
        layer_table(torchvision.models.get_model(name, weights=None), (3, 224, 224))
