"""attention: 첫 attention 뒤로는 그림 전체, 토큰을 이어 붙인 뒤 그 앞까지는 말하지 않는다."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.analysis import (
    UnknownOpError,
    effective_receptive_field,
    layer_table,
    measure_receptive_field,
    receptive_field,
    trace,
)


def on_meta(name):
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None).eval()


def flops(model, size):
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *size))
    return counter.get_total_flops()


def test_vision_transformer_says_nothing_between_the_class_token_and_the_first_attention():
    model = on_meta("vit_b_32")
    table = layer_table(model, (3, 224, 224))
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 224, 224, device="meta"))
    assert 2 * table.macs.sum() == counter.get_total_flops()
    assert table.params.sum() == table.attrs["params"] == sum(p.numel() for p in model.parameters())
    first = table.type.tolist().index("multi_head_attention")
    assert table.name.tolist()[:4] == ["conv_proj", "reshape", "permute", "cat"]
    assert table.rf.tolist()[:3] == [32] * 3
    assert table.jump.tolist()[:3] == [32] * 3
    assert set(table.rf.iloc[3:first]) == {""}
    assert set(table.rf.iloc[first:]) == {"전체"}
    fields = receptive_field(model, (3, 224, 224))
    assert fields[["start", "first", "last"]].iloc[3].tolist() == ["", "", ""]
    assert fields[["first", "last"]].iloc[first].tolist() == [0, 223]


class Tokens(nn.Module):
    """4x8x8 그림의 화소를 토큰으로 펼치고 분류 토큰을 앞에 둔다."""

    def __init__(self, after, token=True, **options):
        super().__init__()
        self.after = after
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.token = nn.Parameter(torch.zeros(1, 1, 4)) if token else None
        self.norm = nn.LayerNorm(4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=options.pop("batch_first", True), **options)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv(x).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat([self.token.expand(x.size(0), -1, -1), x], 1)
        return self.after(self, self.norm(x))


ATTENDED = {
    "residual": lambda m, x: (x + m.attention(x, x, x)[0])[:, 0],
    "no_weights": lambda m, x: m.fc(m.attention(x, x, x, need_weights=False)[0]),
    "by_hand": lambda m, x: torch.softmax(x @ x.mT, -1) @ x,
    "averaged": lambda m, x: m.fc(x.mean(1)),
    "flattened": lambda m, x: nn.functional.linear(x.flatten(1), torch.ones(2, x[0].numel())),
    "one_query": lambda m, x: m.attention(x.mean(1, keepdim=True), x, x)[0],
    "softmax_over_tokens": lambda m, x: x.softmax(1),
}


@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("name", ATTENDED)
def test_what_mixes_every_token_sees_the_whole_picture(name, token):
    model = Tokens(ATTENDED[name], token)
    table = layer_table(model, (4, 8, 8))
    if token or name != "softmax_over_tokens":
        assert table.rf.iloc[-1] == "전체"
        assert table.rf[table.name == "norm"].tolist() == ["" if token else 3]
    assert 2 * table.macs.sum() == flops(model, (4, 8, 8))
    field = measure_receptive_field(model, (4, 8, 8))
    assert field.agrees
    if token:
        assert field.mask.all()


def test_kept_tokens_stay_unsaid():
    table = layer_table(Tokens(lambda m, x: torch.cat([m.fc(x), m.fc(x)], 2).relu()), (4, 8, 8))
    assert set(table.rf.iloc[3:]) == {""}
    with pytest.raises(UnknownOpError, match="자리를 보는지"):
        measure_receptive_field(Tokens(lambda m, x: m.fc(x)), (4, 8, 8))


@pytest.mark.parametrize(
    ("after", "named"),
    [
        (lambda m, x: x[:, 0], "getitem.*토큰"),
        (lambda m, x: x.cumsum(1), "cumsum.*토큰"),
        (lambda m, x: x.flip(1), "flip.*토큰"),
        (lambda m, x: m.conv(x[:, None].expand(-1, 4, -1, -1)), "conv2d.*토큰"),
        (lambda m, x: m.attention(x, x, x)[1] @ x, "attention 가중치"),
        (lambda m, x: x[:, 1:].transpose(1, 2).unflatten(2, (8, 8)), "getitem.*토큰"),
        (lambda m, x: x.view(-1, 5, 4), "창"),
    ],
)
def test_positions_among_tokens_are_not_guessed(after, named):
    with pytest.raises(UnknownOpError, match=named):
        layer_table(Tokens(after), (4, 8, 8))


def test_attention_with_the_batch_in_the_middle_is_refused():
    model = Tokens(lambda m, x: m.attention(x, x, x)[0], batch_first=False)
    with pytest.raises(UnknownOpError, match="multi_head_attention"):
        layer_table(model, (4, 8, 8))


def test_a_mask_computed_from_the_picture_is_refused_and_a_constant_one_is_not():
    def masked(make):
        return Tokens(lambda m, x: nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=make(x)), token=False)

    assert layer_table(masked(lambda x: torch.zeros(64, 64)), (4, 8, 8)).rf.iloc[-1] == "전체"
    with pytest.raises(UnknownOpError, match="마스크"):
        layer_table(masked(lambda x: x @ x.mT), (4, 8, 8))


def test_the_model_itself_keeps_its_own_forward():
    model = Tokens(ATTENDED["residual"])
    x = torch.rand(2, 4, 8, 8)
    before = model(x)
    trace(model, (4, 8, 8))
    assert effective_receptive_field(model, (4, 8, 8), n=2).max() == 1
    assert torch.equal(model(x), before)
    assert "forward" not in vars(model.attention)


@pytest.mark.parametrize("name", ["swin_t", "swin_v2_t"])
def test_attention_in_windows_is_refused_by_name(name):
    with pytest.raises(UnknownOpError, match=r"reshape.*창\(window\)"):
        layer_table(on_meta(name), (3, 224, 224))
