"""검산이 계산할 줄 아는 양: 이름 하나에 짧은 함수 하나.

`facts.csv`의 quantity는 "이름:인자,인자" 꼴이다. FORMULAS는 수만으로, MEASURES는 살아 있는 모델에서 계산한다.
새 양은 표에 한 줄을 더한다.
"""

import copy
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.analysis.formulas import activation_kb, conv_macs, conv_output_size, linear_macs
from cnnlab.errors import LearnerError
from cnnlab.teaching.by_block import BLOCK_FORMULAS, BLOCK_MEASURES
from cnnlab.teaching.by_dense import DENSE_FORMULAS, DENSE_MEASURES
from cnnlab.teaching.by_gate import GATE_FORMULAS, GATE_MEASURES
from cnnlab.teaching.by_group import GROUP_FORMULAS, GROUP_MEASURES
from cnnlab.teaching.by_kind import BY_KIND, MORE_FORMULAS
from cnnlab.teaching.by_model import BY_MODEL
from cnnlab.teaching.by_order import BY_ORDER
from cnnlab.teaching.by_row import BY_ROW, ROW_FORMULAS
from cnnlab.teaching.by_separable import SEPARABLE_FORMULAS, SEPARABLE_MEASURES
from cnnlab.teaching.by_stage import BY_STAGE, STAGE_FORMULAS

Value = int | float | str


class UnknownQuantity(LearnerError, ValueError):
    """계산할 줄 모르는 양."""


class Subject:
    """검산할 모델 하나와, 거기서 한 번만 재면 되는 것들."""

    def __init__(self, model: nn.Module, input_size: tuple[int, ...]) -> None:
        self.model = model.eval()
        self.input_size = input_size

    @cached_property
    def table(self) -> Any:
        from cnnlab.analysis.tables import layer_table

        return layer_table(self.model, self.input_size)

    @cached_property
    def traffic(self) -> dict[str, tuple[Tensor, Tensor]]:
        """바로 아래 계층의 이름 -> (입력, 출력), 둘 다 (1, ...)."""
        seen: dict[str, tuple[Tensor, Tensor]] = {}

        def listen(name: str) -> Any:
            return lambda module, args, out: seen.update({name: (args[0], out)})

        hooks = [layer.register_forward_hook(listen(name)) for name, layer in self.model.named_children()]
        image = torch.randn(1, *self.input_size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            self.model(image)
        for hook in hooks:
            hook.remove()
        return seen

    @property
    def layers(self) -> list[str]:
        """가중치나 고정된 부호를 가진 계층의 이름."""
        return [name for name, layer in self.model.named_children() if layer.state_dict()]

    def row(self, layer: str) -> Any:
        """layer_table에서 그 계층의 (마지막) 행."""
        rows = self.table[(self.table["name"] == layer) | self.table["name"].str.startswith(f"{layer}.")]
        if rows.empty:
            raise UnknownQuantity(f"layer_table에 그런 계층이 없습니다. 받은 이름: {layer}")
        return rows.iloc[-1]


# ---- 모델에서 재는 양 ----------------------------------------------------------------------------------------------


def params(subject: Subject, layer: str = "") -> int:
    return sum(p.numel() for p in subject.model.get_submodule(layer).parameters())


def trainable_params(subject: Subject, layer: str = "") -> int:
    return sum(p.numel() for p in subject.model.get_submodule(layer).parameters() if p.requires_grad)


def macs(subject: Subject) -> int:
    return int(subject.table.attrs["macs"])


def out(subject: Subject, layer: str) -> str:
    """배치를 뺀 출력의 형태: "6x28x28"."""
    return "x".join(str(size) for size in subject.traffic[layer][1].shape[1:])


def size_after(subject: Subject, layer: str) -> int:
    return int(subject.traffic[layer][1].shape[-1])


def rf(subject: Subject, layer: str) -> Value:
    return subject.row(layer)["rf"]


def centers(subject: Subject, layer: str) -> int:
    """수용 영역의 중심들이 덮는 한 변: 간격 x 출력의 한 변, 화소."""
    return int(subject.row(layer)["jump"]) * size_after(subject, layer)


def connections(subject: Subject, layers: str = "") -> int:
    """이어진 (입력, 출력) 쌍의 수. 편향은 출력마다 한 쌍으로 센다(LeCun 1998의 셈법). layers: "c1+s2", 비우면 전부.

    공식 없이 센다: 가중치를 모두 1로 두고 입력을 하나씩 켠다. 그때 달라지는 출력이 그 입력과 이어진 것이다.
    """
    return sum(_connections(subject, layer) for layer in (layers.split("+") if layers else subject.layers))


def _connections(subject: Subject, layer: str) -> int:
    x, y = subject.traffic[layer]
    module = copy.deepcopy(subject.model.get_submodule(layer))
    found = y.numel() if getattr(module, "bias", None) is not None else 0
    with torch.no_grad():
        for weight in module.parameters():
            weight.fill_(1)
        off = module(torch.zeros_like(x))
        for on in torch.eye(x.numel()).split(1024):
            found += int(((module(on.reshape(-1, *x.shape[1:])) - off).abs() > 0.5).sum())
    return found


def layers_with_training(subject: Subject) -> int:
    return sum(trainable_params(subject, layer) > 0 for layer in subject.layers)


def params_outside(subject: Subject, kind: str) -> int:
    """kind가 "conv"이면 합성곱이 아닌 계층의 매개변수."""
    inside = {"conv": nn.Conv2d}[kind]
    held = sum(p.numel() for m in subject.model.modules() if isinstance(m, inside) for p in m.parameters())
    return params(subject) - held


def share(subject: Subject, column: str, *layers: str) -> float:
    """layer_table의 한 열에서 그 계층들이 차지하는 몫, %."""
    return 100 * sum(float(subject.row(layer)[column]) for layer in layers) / float(subject.table[column].sum())


def _same(subject: Subject, attribute: str, layers: tuple[str, ...]) -> Value:
    """계층들이 한결같이 쓰는 커널이나 스트라이드. 서로 다르거나 정사각형이 아니면 적힌 그대로의 글."""
    found = {getattr(subject.model.get_submodule(layer), attribute) for layer in layers}
    sides = {side for value in found for side in (value if isinstance(value, tuple) else (value,))}
    return sides.pop() if len(sides) == 1 else str(sorted(map(str, found)))


def kernel(subject: Subject, *layers: str) -> Value:
    return _same(subject, "kernel_size", layers)


def stride(subject: Subject, *layers: str) -> Value:
    return _same(subject, "stride", layers)


# ---- 수만으로 계산하는 양 ------------------------------------------------------------------------------------------


def field(*kernels: int) -> int:
    """스트라이드 1인 커널을 쌓은 수용 영역의 한 변."""
    return 1 + sum(kernel - 1 for kernel in kernels)


def _conv(c_in: int, c_out: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, kernel, device="meta")


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _conv_work(c_in: int, c_out: int, kernel: int, h: int, w: int) -> int:
    return conv_macs((c_out, c_in, kernel, kernel), (1, c_out, h, w))


def stack_ratio(channels: int, times: int, big: int) -> float:
    """3x3 커널을 times번 쌓은 매개변수 / big x big 커널 한 번의 매개변수."""
    return times * _size(_conv(channels, channels, 3)) / _size(_conv(channels, channels, big))


def stack_macs_ratio(channels: int, times: int, big: int) -> float:
    """3x3 커널을 times번 쌓은 MAC / big x big 커널 한 번의 MAC. 출력의 크기는 같다."""
    return times * _conv_work(channels, channels, 3, 28, 28) / _conv_work(channels, channels, big, 28, 28)


def bottleneck_weights(channels: int, narrow: int, kernel: int) -> int:
    """1x1로 channels -> narrow, 그다음 kernel x kernel로 narrow -> channels의 가중치."""
    return _conv(channels, narrow, 1).weight.numel() + _conv(narrow, channels, kernel).weight.numel()


_BY_NAME: tuple[Callable[..., Value], ...] = (
    *(params, trainable_params, params_outside, macs, share, kernel, stride),
    *(out, size_after, rf, centers, connections, layers_with_training),
)
MEASURES: dict[str, Callable[..., Value]] = {
    **{measure.__name__: measure for measure in _BY_NAME},
    **BY_KIND,
    **BLOCK_MEASURES,
    **BY_MODEL,
    **DENSE_MEASURES,
    **GATE_MEASURES,
    **GROUP_MEASURES,
    **SEPARABLE_MEASURES,
    **BY_ORDER,
    **BY_ROW,
    **BY_STAGE,
}

FORMULAS: dict[str, Callable[..., Value]] = {
    "size": conv_output_size,
    "field": field,
    "elements": lambda *shape: math.prod(shape),
    "memory_kb": lambda *shape: activation_kb(shape),
    "conv_params": lambda *conv: _size(_conv(*conv)),
    "conv_weights": lambda *conv: _conv(*conv).weight.numel(),
    "conv_macs": _conv_work,
    "conv_flops": lambda *work: 2 * _conv_work(*work),
    "linear_params": lambda i, o: _size(nn.Linear(i, o, device="meta")),
    "linear_macs": lambda i, o: linear_macs((o, i), (1, o)),
    "pool_params": lambda kernel, stride: _size(nn.MaxPool2d(kernel, stride)),
    "pool_ops": lambda c, h, w, kernel: c * h * w * kernel**2,
    "stack_ratio": stack_ratio,
    "stack_macs_ratio": stack_macs_ratio,
    "bottleneck_weights": bottleneck_weights,
    # 채널을 times배로 했을 때의 비. 어떤 채널 수에서나 같으므로 64에서 잰다.
    "conv_weights_ratio": lambda times: (
        _conv(64 * times, 64 * times, 3).weight.numel() / _conv(64, 64, 3).weight.numel()
    ),
    "stage_memory_ratio": lambda times: (64 * times * 28 * 28) / (64 * (28 * times) * (28 * times)),
    "stage_macs_ratio": lambda times: (
        _conv_work(64 * times, 64 * times, 3, 28, 28) / _conv_work(64, 64, 3, 28 * times, 28 * times)
    ),
    **MORE_FORMULAS,
    **BLOCK_FORMULAS,
    **DENSE_FORMULAS,
    **GATE_FORMULAS,
    **GROUP_FORMULAS,
    **SEPARABLE_FORMULAS,
    **ROW_FORMULAS,
    **STAGE_FORMULAS,
}


def compute(quantity: str, subject: Subject | None) -> Value:
    """ "이름:인자,인자"를 지금 계산한다. 모델이 없으면 FORMULAS, 있으면 MEASURES에서 찾는다.

    오류: 모르는 이름이면 UnknownQuantity(아는 이름의 목록).
    """
    name, _, rest = quantity.partition(":")
    arguments = rest.split(",") if rest else []
    known = FORMULAS if subject is None else MEASURES
    if name not in known:
        raise UnknownQuantity(f"계산할 줄 모르는 양입니다. 아는 것: {', '.join(known)}. 받은 것: {quantity}")
    if subject is None:
        return FORMULAS[name](*map(int, arguments))
    return MEASURES[name](subject, *arguments)
