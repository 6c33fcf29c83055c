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


def by_hand_padding(m, x):
    out = torch.zeros(x.shape[0], 4, 18, 18)
    out[:, :, 1:-1, 1:-1] = x
    return F.max_pool2d(out, 3, 1)


def written_halves(m, x):
    out = torch.zeros(x.shape[0], 8, 16, 16)
    out[:, :4] = m.b(x)
    out[:, 4:] = x
    return m.grouped(out)[:, 4:]


def written_channel(m, x):
    out = x.new_zeros(x.shape)
    for c in range(4):
        out[:, c] = m.a(x)[:, c]
    return out


def written_border(m, x):
    x = m.a(x)
    x[:, :, 0] = 0
    x[:, :, -2:] = x[:, :, :2]
    return x


def written_over(m, x):
    y = m.b(x).clone()
    y[:] = m.a(x)
    return y


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
    "flip": (lambda m, x: m.a(x).flip(2, 3), 3),
    "flip_joined": (
        lambda m, x: torch.flip(m.a(x), [3]) + x,
        (3, 17),
    ),  # 첫 열은 마지막 화소와 그 오른쪽의 패딩까지 본다
    "flip_channels": (lambda m, x: torch.cat([m.b(x), x], 1).flip(1)[:, :4], 1),
    "roll": (lambda m, x: torch.roll(m.a(x), shifts=(2, -1), dims=(2, 3)), 3),
    "roll_joined": (lambda m, x: m.a(x) + m.a(x).roll(1, 2), (18, 3)),
    "roll_channels": (lambda m, x: torch.cat([m.b(x), x], 1).roll(4, 1)[:, :4], 1),
    "roll_whole_turn": (lambda m, x: m.a(x).roll(16, 2), 3),
    "repeat": (lambda m, x: m.a(m.a(x).repeat(1, 1, 2, 1)), (18, 5)),
    "repeat_channels": (lambda m, x: m.grouped(x.repeat(1, 2, 1, 1)), 3),
    "tile": (lambda m, x: F.adaptive_max_pool2d(m.a(x), 1).tile(1, 1, 16, 16) + x, "전체"),
    "repeat_interleave": (lambda m, x: m.a(F.max_pool2d(x, 2).repeat_interleave(2, 2).repeat_interleave(2, dim=3)), 4),
    "expand": (lambda m, x: F.max_pool2d(x, (16, 1)).expand(-1, -1, 16, -1) + x, (16, 1)),
    "cumsum": (lambda m, x: m.a(x).cumsum(2), (18, 3)),
    "cumsum_channels": (lambda m, x: m.a(x).cumsum(1), 3),
    "padding_by_hand": (by_hand_padding, 3),
    "written_halves": (written_halves, 3),
    "written_channel": (written_channel, 3),
    "written_border": (written_border, 3),
    "written_over": (written_over, 3),
    "expand_as": (lambda m, x: x + torch.ones(1, 4, 1, 1).expand_as(m.b(x)), 1),
    "type_as": (lambda m, x: x * torch.ones(16, 16).type_as(m.b(x)), 1),
    "view_as": (lambda m, x: m.a(x).flatten(1).view_as(m.b(x)), 3),
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
