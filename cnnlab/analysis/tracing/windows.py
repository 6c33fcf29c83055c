"""창과 자리 읽기: 합성곱, 풀링, 패딩, 확대의 인자."""

import math
from typing import Any

import torch

from cnnlab.analysis.formulas import Pair, conv_macs, pair
from cnnlab.analysis.tracing.calls import Adaptive, Call, Details, Window


def _pair(value: Any) -> Pair:
    """torch는 3, (3,), [3, 3]을 모두 받는다."""
    values = [value] if isinstance(value, int) else list(value)
    return pair(values[0] if len(values) == 1 else (values[0], values[1]))


def _both(padding: Pair) -> tuple[Pair, Pair]:
    return (padding[0], padding[0]), (padding[1], padding[1])


def _same_padding(kernel: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    """padding='same': 홀수가 남으면 뒤쪽(아래, 오른쪽)에 하나 더 붙인다."""
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    top_bottom, left_right = ((total // 2, total - total // 2) for total in totals)
    return top_bottom, left_right


def read_conv(call: Call) -> Details:
    weight = tuple(call.get(1, "weight").shape)
    kernel = (weight[2], weight[3])
    padding, dilation = call.get(4, "padding", 0), _pair(call.get(5, "dilation", 1))
    numbers = 0 if padding == "valid" else padding
    sides = _same_padding(kernel, dilation) if padding == "same" else _both(_pair(numbers))
    window = Window(kernel, _pair(call.get(3, "stride", 1)), sides, dilation)
    macs = 0 if call.out is None else conv_macs(weight, tuple(call.out.shape[1:]))
    return Details(window, call.get(6, "groups", 1), weight, macs=macs)


def _pool_window(call: Call, padding: Any, dilation: Any, ceil_mode: bool, first: int = 1) -> Window:
    kernel = _pair(call.get(first, "kernel_size"))
    stride = call.get(first + 1, "stride")
    stride = kernel if stride is None or stride == [] else _pair(stride)  # 생략하면 커널과 같다
    return Window(kernel, stride, _both(_pair(padding)), _pair(dilation), bool(ceil_mode))


def read_max_pool(call: Call) -> Details:
    return Details(
        _pool_window(call, call.get(3, "padding", 0), call.get(4, "dilation", 1), call.get(5, "ceil_mode", False))
    )


def read_avg_pool(call: Call) -> Details:
    return Details(_pool_window(call, call.get(3, "padding", 0), 1, call.get(4, "ceil_mode", False)))


def read_lp_pool(call: Call) -> Details:
    return Details(_pool_window(call, 0, 1, call.get(4, "ceil_mode", False), first=2))


def read_adaptive(call: Call) -> Details:
    size = call.get(1, "output_size")
    height, width = (size, size) if size is None or isinstance(size, int) else tuple(size) * (2 // len(size))
    h, w = call.x.shape[-2:]
    return Details(Adaptive((h if height is None else height, w if width is None else width)))


def read_pad(call: Call) -> Details:
    """F.pad의 순서는 (왼쪽, 오른쪽, 위, 아래, 채널 앞, 채널 뒤)이다. 음수는 잘라 내는 것이다."""
    pads = list(call.get(1, "pad"))
    left, right, top, bottom = [*pads, 0, 0][:4]
    if any(pads[6:]) or min(pads[4:], default=0) < 0 or call.x.ndim != 4:
        raise NotImplementedError
    return Details(Window((1, 1), padding=((top, bottom), (left, right))))


def read_conv_transpose(call: Call) -> Details:
    """출력 i는 i = t·stride - padding + k·dilation인 입력 t를 본다."""
    weight, out = tuple(call.get(1, "weight").shape), call.out
    assert out is not None
    stride, padding = _pair(call.get(3, "stride", 1)), _pair(call.get(4, "padding", 0))
    dilation = _pair(call.get(7, "dilation", 1))
    window = Window((weight[2], weight[3]), stride, _both(padding), dilation)
    taps = []
    for axis in range(2):
        kernel, step, (before, _), apart = window.along(axis)
        size = call.x.shape[2 + axis]
        reached = [[i + before - k * apart for k in range(kernel)] for i in range(out.shape[2 + axis])]
        taps.append(tuple(tuple(t // step for t in row if t % step == 0 and 0 <= t // step < size) for row in reached))
    macs = math.prod(weight) * math.prod(call.x.shape[2:])
    return Details(window, call.get(6, "groups", 1), weight, macs=macs, taps=(taps[0], taps[1]))


def read_interpolate(call: Call) -> Details:
    """확대와 축소: 어느 자리를 섞는지 torch의 연산 자신에게 한 축씩 물어본다."""
    if call.x.ndim != 4 or call.out is None:
        raise NotImplementedError
    names = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias")
    options = {name: value for at, name in enumerate(names) if (value := call.get(at + 1, name)) is not None}
    taps = []
    for axis in range(2):
        one = {
            name: (value[axis], 1) if isinstance(value, (tuple, list)) else (value, 1)
            for name, value in options.items()
            if name in ("size", "scale_factor")
        }
        basis = torch.eye(call.x.shape[2 + axis], device="cpu")[:, None, :, None]
        weights = torch.nn.functional.interpolate(basis, **{**options, **one})[:, 0, :, 0]
        taps.append(tuple(tuple(torch.nonzero(column.abs() > 1e-5).flatten().tolist()) for column in weights.T))
    return Details(taps=(taps[0], taps[1]))


def read_pixel_shuffle(call: Call) -> Details:
    """(C·r², H, W) -> (C, H·r, W·r): 출력 i는 입력 i // r에서 온다."""
    factor = call.get(1, "upscale_factor")
    y, x = (tuple((i // factor,) for i in range(size * factor)) for size in call.x.shape[-2:])
    return Details(taps=(y, x))
