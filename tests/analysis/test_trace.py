import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlab.analysis import (
    ForwardError,
    InputSizeError,
    InputTooSmall,
    ModelError,
    UnknownOpError,
    WrongShape,
    layer_table,
    trace,
)
from cnnlab.errors import LearnerError


class FromFunction(nn.Module):
    """forward를 함수로 받는 신경망: 시험마다 클래스를 새로 쓰지 않으려고."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


def small_cnn():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * 16 * 16, 10),
    )


def names_of(model, input_size=(3, 8, 8)):
    return [layer.name for layer in trace(model, input_size).layers]


# --- 이름과 그래프


def test_modules_keep_their_dotted_path_and_functional_ops_hang_under_their_module():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return F.relu(self.conv(x))

    model = nn.Sequential()
    model.add_module("features", Block())
    model.add_module("pool", FromFunction(lambda m, x: F.avg_pool2d(x, 2), unused=nn.Identity()))
    layers = trace(model, (3, 8, 8)).layers
    assert [(layer.name, layer.type) for layer in layers] == [
        ("features.conv", "Conv2d"),
        ("features.relu", "relu"),
        ("pool.avg_pool2d", "avg_pool2d"),
    ]


def test_repeated_names_are_numbered_and_shared_weights_counted_once():
    model = FromFunction(
        lambda m, x: torch.tanh(m.act(m.conv(torch.tanh(m.act(m.conv(x)))))),
        conv=nn.Conv2d(3, 3, 3, padding=1),
        act=nn.ReLU(inplace=True),
    )
    layers = trace(model, (3, 8, 8)).layers
    assert [layer.name for layer in layers] == ["conv", "act", "tanh", "conv:2", "act:2", "tanh:2"]
    assert [layer.params for layer in layers] == [84, 0, 0, 0, 0, 0]
    assert layers[3].macs == layers[0].macs > 0


def test_a_leaf_module_of_several_ops_is_one_row_with_its_own_parameters():
    class Subsampling(nn.Module):
        def __init__(self):
            super().__init__()
            self.coefficient = nn.Parameter(torch.ones(3, 1, 1))
            self.bias = nn.Parameter(torch.zeros(3, 1, 1))

        def forward(self, x):
            return self.coefficient * F.avg_pool2d(x, 2, 2) + self.bias

    (layer,) = trace(nn.Sequential(Subsampling()), (3, 8, 8)).layers
    assert (layer.name, layer.type, layer.params, layer.output_shape) == ("0", "Subsampling", 6, (3, 4, 4))
    assert [node.op for node in layer.nodes] == ["avg_pool2d", "mul", "add"]


def test_nodes_form_a_graph_in_execution_order():
    nodes = trace(small_cnn(), (3, 32, 32)).nodes
    assert [node.id for node in nodes] == list(range(len(nodes)))
    assert [node.inputs for node in nodes[1:]] == [(i,) for i in range(len(nodes) - 1)]


def test_parameters_reached_through_arithmetic_are_counted_where_first_used():
    model = FromFunction(lambda m, x: F.conv2d(x, m.weight * m.mask), weight=nn.Parameter(torch.rand(4, 3, 3, 3)))
    model.register_buffer("mask", torch.ones(4, 3, 3, 3))
    (layer,) = trace(model, (3, 8, 8)).layers
    assert (layer.name, layer.params, layer.macs) == ("conv2d", 108, 108 * 36)


def test_weight_norm_and_parametrizations_are_counted():
    old = nn.Sequential(torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)))
    assert layer_table(old, (3, 8, 8)).params.sum() == sum(p.numel() for p in old.parameters())


def test_forward_follows_the_if_of_the_learner():
    model = FromFunction(lambda m, x: m.big(x) if x.shape[-1] > 16 else m.small(x), big=nn.Tanh(), small=nn.ReLU())
    assert names_of(model, (3, 8, 8)) == ["small"]
    assert names_of(model, (3, 32, 32)) == ["big"]


def test_ops_that_only_look_do_not_become_rows():
    def forward(m, x):
        assert x.mean().isfinite()
        assert x.dim() == 4
        return m.conv(x).contiguous().clone()

    assert names_of(FromFunction(forward, conv=nn.Conv2d(3, 4, 3))) == ["conv"]


def test_item_in_forward_falls_back_to_the_real_device():
    model = FromFunction(lambda m, x: m.conv(x) * (2.0 if x.sum().item() >= 0 else 3.0), conv=nn.Conv2d(3, 4, 3))
    assert names_of(model) == ["conv", "mul"]


# --- 부른 쪽은 그대로


def test_the_callers_model_and_random_state_are_untouched():
    model = FromFunction(lambda m, x: m.body(x + torch.rand(1) * random.random() * np.random.rand()), body=small_cnn())
    model.train()
    model.body[3].eval()
    model.body[0].weight.requires_grad_(False)
    seen = []
    model.body[0].register_forward_hook(lambda *args: seen.append(args))
    model(torch.rand(4, 3, 32, 32)).sum().backward()
    seen.clear()

    def snapshot():
        return (
            {k: v.clone() for k, v in model.state_dict().items()},
            {k: (p.data_ptr(), p.requires_grad, p.device, p.grad is None) for k, p in model.named_parameters()},
            [(m.training, list(m._forward_hooks), list(m._forward_pre_hooks)) for m in model.modules()],
            (random.getstate(), np.random.get_state()[1].tolist(), torch.random.get_rng_state().tolist()),
            torch.is_grad_enabled(),
        )

    before = snapshot()
    layer_table(model, (3, 32, 32))
    after = snapshot()
    assert before[1:] == after[1:]
    assert all(torch.equal(value, after[0][key]) for key, value in before[0].items())
    assert seen == []


def test_random_state_is_kept_even_on_the_real_device():
    def forward(m, x):
        if x.sum().item() >= 0:  # meta로는 실행할 수 없다
            x = x + torch.rand(1) + random.random() + np.random.rand()
        return m.conv(x)

    model = FromFunction(forward, conv=nn.Conv2d(3, 4, 3))
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.random.get_rng_state().tolist()
    trace(model, (3, 8, 8))
    assert states == (random.getstate(), np.random.get_state()[1].tolist(), torch.random.get_rng_state().tolist())


def test_an_error_in_forward_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), FromFunction(lambda m, x: x.view(7, 11, 13)))
    with pytest.raises(ForwardError):
        trace(model, (3, 8, 8))
    assert all(not m._forward_hooks and not m._forward_pre_hooks and m.training for m in model.modules())


def test_batch_norm_works_with_one_picture_in_training_mode():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4)).train()
    assert names_of(model) == ["0", "1", "2"]
    assert model[2].num_batches_tracked == 0


def test_a_huge_model_on_the_meta_device_needs_no_memory():
    with torch.device("meta"):
        model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 2**10, 2**20), nn.Linear(2**20, 2**20))  # 4 TiB
    assert trace(model, (3, 32, 32)).params == 3 * 2**30 + 2**20 + 2**40 + 2**20


def test_weights_are_not_copied(monkeypatch):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 10))

    def forbidden(*args, **kwargs):
        raise AssertionError("가중치를 복사했다")

    monkeypatch.setattr(nn.Parameter, "__deepcopy__", forbidden)
    monkeypatch.setattr(torch.Tensor, "clone", forbidden)
    assert names_of(model) == ["0", "1", "2"]


# --- 거절해야 하는 것


CONV = {"conv": nn.Conv2d(3, 3, 3, padding=1)}


def _overwrite_alias(m, x):
    x = m.conv(x)
    flat = x.flatten(1)
    x.relu_()
    return flat.sum(1, keepdim=True)


def _write_sparsely(m, x):
    out = torch.zeros(x.shape[0], 3, 16, 16)
    out[:, :, ::2, ::2] = m.conv(x)
    return out


def _write_by_mask(m, x):
    x = m.conv(x)
    x[x > 0] = 0
    return x


def _write_corner(m, x):
    x = m.conv(x)
    x[:, :, :2, :2] = 0
    return x


def _write_then_old_view(m, x):
    out = torch.zeros(x.shape[0], 6, 8, 8)
    old = out[:, 3:]
    out[:, 3:] = m.conv(x)
    return old + x


def _add_then_old_view(m, x):
    out = torch.zeros_like(x)
    old = out[:, :3]
    out.add_(m.conv(x))
    return old + x


def _write_then_read_part(m, x):
    x = m.conv(x)
    old = x[:, :2]
    x[:, :2] = 0
    return torch.cat([old, x], 1)


def _write_view(m, x):
    out = torch.zeros(x.shape[0], 6, 8, 8)
    out[:, :3].add_(m.conv(x))
    return out.tanh() + 1


@pytest.mark.parametrize(
    ("forward", "named"),
    [
        (lambda m, x: torch.fft.fft(m.conv(x)), "fft"),
        (lambda m, x: m.conv(x) + m.conv(x).transpose(2, 3), "add.*두 자리"),
        (lambda m, x: m.conv(x).roll(1), "roll"),
        (lambda m, x: m.conv(x).flip(0), "flip.*배치"),
        (lambda m, x: m.conv(x).roll(1, 0), "roll.*배치"),
        (lambda m, x: m.conv(x).cumsum(0), "cumsum.*배치"),
        (lambda m, x: m.conv(x).flatten(1).cumsum(1), "cumsum.*펼친"),
        (lambda m, x: torch.cat([m.conv(x), x], 1).cumsum(1), "cumsum.*채널"),
        (lambda m, x: m.conv(x).repeat(2, 1, 1, 1), "배치"),
        (lambda m, x: m.conv(x).cummax(2)[0], "cummax"),
        (lambda m, x: torch.rot90(m.conv(x), 1, (2, 3)), "rot90"),
        (lambda m, x: F.linear(m.conv(x), torch.ones(4, 8)), "linear"),
        (lambda m, x: m.conv(x).flatten(1)[:, 3:], "getitem"),
        (lambda m, x: m.conv(x).view(-1, 3, 4, 2, 8), "view"),
        (lambda m, x: F.conv2d(x, m.conv(x)), "conv2d"),
        (lambda m, x: torch.from_numpy(m.conv(x).numpy()), "numpy"),
        (lambda m, x: m.conv(x).view(-1), "배치"),
        (lambda m, x: m.conv(x).view(1, -1), "배치"),
        (lambda m, x: m.conv(x)[0], "배치"),
        (lambda m, x: m.conv(x).mean(), "배치"),
        (_overwrite_alias, "제자리"),
        (_write_sparsely, "setitem.*이어진"),
        (_write_by_mask, "setitem"),
        (_write_corner, "setitem.*두 축"),
        (_write_then_old_view, "제자리"),
        (_add_then_old_view, "제자리"),
        (_write_then_read_part, "제자리"),
    ],
)
def test_ops_that_cannot_be_followed_are_named_never_guessed(forward, named):
    with pytest.raises(UnknownOpError, match=named):
        layer_table(FromFunction(forward, **CONV), (3, 8, 8))


def test_writing_into_a_piece_of_a_constant_is_not_taken_for_a_constant():
    with pytest.raises(LearnerError):
        layer_table(FromFunction(_write_view, **CONV), (3, 8, 8))


# --- 메시지


def test_input_too_small_says_layer_sizes_and_the_smallest_input_that_works():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.Conv2d(16, 120, 5)
    )
    with pytest.raises(InputTooSmall) as caught:
        layer_table(model, (1, 20, 28))
    message = str(caught.value)
    assert "4(Conv2d)" in message
    assert "2x4" in message
    assert "5x5" in message
    assert "적어도 32x32" in message
    layer_table(model, (1, 32, 32))


def test_the_smallest_input_is_found_for_each_axis():
    with pytest.raises(InputTooSmall, match="적어도 3x9"):
        layer_table(nn.Sequential(nn.Conv2d(1, 1, (3, 9))), (1, 2, 4))


@pytest.mark.parametrize("pool", [nn.AvgPool2d(3), nn.MaxPool2d(3)])
def test_pooling_larger_than_its_input_is_refused(pool):
    with pytest.raises(InputTooSmall, match="적어도 3x3"):
        layer_table(nn.Sequential(pool), (1, 2, 2))


def test_ceil_mode_lets_a_window_hang_over_the_edge():
    assert layer_table(nn.Sequential(nn.MaxPool2d(3, ceil_mode=True)), (1, 2, 2)).output.tolist() == [(1, 1, 1)]


@pytest.mark.parametrize(
    ("model", "size", "words"),
    [
        (small_cnn(), (1, 32, 32), ["0(Conv2d)", "3개", "1개", "input_size"]),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(4, 8, 3)), (3, 8, 8), ["1(Conv2d)", "4개", "8개"]),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(4)), (3, 8, 8), ["1(BatchNorm2d)", "4개", "8개"]),
        (small_cnn(), (3, 28, 28), ["6(Linear)", "2048", "1568", "in_features"]),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(288, 10)), (3, 8, 8), ["1(Linear)", "nn.Flatten()", "288"]),
        (nn.Sequential(nn.Flatten(), nn.Conv2d(3, 8, 3)), (3, 8, 8), ["1(Conv2d)", "flatten"]),
    ],
)
def test_wrong_channels_and_lengths_say_where_and_what_to_do(model, size, words):
    with pytest.raises(WrongShape) as caught:
        layer_table(model, size)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("size", "word"),
    [
        ((1, 3, 32, 32), "배치"),
        ((32, 32), "양의 정수 셋"),
        (32, "양의 정수 셋"),
        ((3, 32.0, 32), "양의 정수 셋"),
        ((3, 0, 32), "양의 정수 셋"),
        ((3, -1, 32), "양의 정수 셋"),
        ((True, 32, 32), "양의 정수 셋"),
        ("332", "양의 정수 셋"),
        (None, "양의 정수 셋"),
        (torch.zeros(1, 3, 32, 32), "(3, 32, 32)"),
    ],
)
def test_input_size_must_be_three_positive_integers(size, word):
    with pytest.raises(InputSizeError) as caught:
        layer_table(small_cnn(), size)
    assert word in str(caught.value)


def test_input_size_may_be_a_torch_size_or_numpy_integers():
    for size in (torch.Size([3, 32, 32]), [3, 32, 32], tuple(np.array([3, 32, 32]))):
        assert layer_table(small_cnn(), size).attrs["input_size"] == (3, 32, 32)


class NoReturn(nn.Module):
    def forward(self, x):
        torch.tanh(x)


class NoForward(nn.Module):
    pass


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (nn.Tanh, ModelError, ["괄호", "Tanh()"]),
        (lambda x: x, ModelError, ["nn.Module", "function"]),
        (torch.zeros(3), ModelError, ["Tensor"]),
        (nn.Sequential(), ModelError, ["계층이 없습니다"]),
        (nn.Sequential(nn.Identity()), ModelError, ["계층이 없습니다"]),
        (nn.Sequential(nn.LazyConv2d(3, 3)), ModelError, ["Lazy"]),
        (NoReturn(), ForwardError, ["return"]),
        (NoForward(), ForwardError, ["NoForward", "forward가 없습니다"]),
        (FromFunction(lambda m, x: torch.tanh(x) and torch.ones(2, 3)), ForwardError, ["FromFunction"]),
        (
            FromFunction(lambda m, x: (m.conv(x), torch.ones(2, 3))[1], **CONV),
            ForwardError,
            ["입력에서 계산되지 않았습니다"],
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3), FromFunction(lambda m, x: x.nonsense())),
            ForwardError,
            ["1에서", "nonsense", "AttributeError"],
        ),
    ],
)
def test_what_is_not_a_working_network_is_told_in_korean(model, error, words):
    with pytest.raises(error) as caught:
        layer_table(model, (3, 8, 8))
    assert all(word in str(caught.value) for word in words), caught.value
    assert isinstance(caught.value, LearnerError)


def test_a_model_without_parameters_works():
    table = layer_table(nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2)), (3, 8, 8))
    assert table.attrs["params"] == table.attrs["macs"] == 0
    assert table.output.tolist() == [(3, 4, 4), (3, 2, 2)]


def test_a_model_that_cannot_be_copied_is_told():
    import threading

    model = FromFunction(lambda m, x: x.tanh())
    model.lock = threading.Lock()
    with pytest.raises(ModelError, match="사본"):
        trace(model, (3, 8, 8))
