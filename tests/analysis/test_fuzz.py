"""제멋대로 만든 신경망 수천 개: 실행되는 것은 값이 맞는 표를 내고, 실행되지 않는 것은 한국어로 까닭을 말한다."""

import os
import re

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.analysis import ModelError, UnknownOpError, layer_table
from cnnlab.errors import LearnerError

CASES = 2000
HANGUL = re.compile("[가-힣]")

channels = st.sampled_from([1, 2, 3, 4, 6, 8])
kernels = st.integers(1, 5)


class Residual(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x):
        return x + self.body(x)


class Concat(nn.Module):
    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x):
        return torch.cat([self.first(x), self.second(x)], 1)


class Gate(nn.Module):
    """SE 블록을 닮은 것: 공간을 모두 모아 곱한다."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x):
        return x * self.body(x).mean((2, 3), keepdim=True).sigmoid()


def convs():
    return st.builds(
        lambda i, o, kernel, stride, padding, dilation, depthwise, bias: nn.Conv2d(
            *(i, i if depthwise else o, kernel, stride, padding, dilation), groups=i if depthwise else 1, bias=bias
        ),
        *(channels, channels, kernels, st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)),
        *(st.booleans(), st.booleans()),
    )


def _made(kind: type[nn.Module]) -> nn.Module:
    return kind()


leaves = st.one_of(
    convs(),
    convs(),
    st.builds(nn.BatchNorm2d, channels),
    st.sampled_from([nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Hardswish, nn.Identity, nn.Dropout, nn.Flatten]).map(
        lambda m: m()
    ),
    st.builds(nn.MaxPool2d, kernels, st.integers(1, 3), st.just(0)),
    st.builds(nn.AvgPool2d, kernels, st.integers(1, 3), st.just(0)),
    st.integers(1, 3).map(nn.AdaptiveAvgPool2d),
    st.builds(nn.Linear, st.sampled_from([1, 4, 16, 36, 64, 144]), channels),
    st.just(nn.ConvTranspose2d).flatmap(lambda make: st.builds(make, channels, channels, kernels, st.integers(1, 2))),
)
modules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: nn.Sequential(*parts)),
        st.builds(Residual, inner),
        st.builds(Concat, inner, inner),
        st.builds(Gate, inner),
    ),
    max_leaves=7,
)


BATCHES = (1, 2, 3)  # 배치가 하나일 때만 우연히 모양이 맞는 신경망은 실행되는 것이 아니다


def run(model: nn.Module, size: tuple[int, int, int], batch: int) -> torch.Size | None:
    """torch가 실제로 낸 출력의 모양(배치는 뺀다). 실행되지 않으면 None."""
    try:
        with torch.no_grad():
            return model(torch.zeros(batch, *size)).shape[1:]
    except (RuntimeError, ValueError, IndexError):
        return None


def counted_macs(model: nn.Module, size: tuple[int, int, int]) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *size))
    return counter.get_total_flops() // 2


@settings(
    max_examples=CASES,
    deadline=None,
    derandomize="CNNLAB_FUZZ" not in os.environ,  # 정하면 할 때마다 다른 것을 만든다
    suppress_health_check=list(HealthCheck),
)
@given(model=modules, size=st.tuples(channels, st.integers(1, 12), st.integers(1, 12)))
def test_a_table_is_right_or_refused_in_korean(model: nn.Module, size: tuple[int, int, int]) -> None:
    model.eval()
    names = {name: value.data_ptr() for name, value in model.state_dict().items()}
    outputs = {run(model, size, batch) for batch in BATCHES}
    always = len(outputs) == 1 and None not in outputs
    refused, table = None, None
    try:
        table = layer_table(model, size)
    except LearnerError as error:
        refused = error
    if table is None:
        assert HANGUL.search(str(refused)), repr(refused)
        if always:  # 실행은 되지만 표로 말할 수 없는 것: 계층이 없거나, 뜻을 모르는 연산
            assert isinstance(refused, ModelError | UnknownOpError), repr(refused)
    else:
        assert outputs != {None}, "실행되지 않는 신경망의 표를 냈다"
        assert table.attrs["params"] == sum(p.numel() for p in model.parameters())
        if always:
            assert tuple(table.iloc[-1]["output"])[-1] == outputs.pop()[-1]
            assert table.attrs["macs"] == counted_macs(model, size)
    assert not model.training
    assert {name: value.data_ptr() for name, value in model.state_dict().items()} == names
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())
