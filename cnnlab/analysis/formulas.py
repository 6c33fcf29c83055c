"""합성곱 신경망의 산수: 출력 크기, 매개변수, MAC, 메모리.

약속: MAC(multiply-accumulate) 하나는 곱셈 하나와 덧셈 하나다. 합성곱과 완전 연결만 센다.
편향, 정규화, 활성화는 세지 않는다. 따라서 `torch.utils.flop_counter.FlopCounterMode`가 세는 FLOP의 꼭 절반이다.
torch 없이 정수만 다루므로, 논문의 숫자를 그대로 넣어 볼 수 있다.
"""

import math

from cnnlab.analysis.errors import InputTooSmall

Pair = tuple[int, int]


def pair(value: int | Pair) -> Pair:
    """3 -> (3, 3); (3, 5)는 그대로."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def conv_output_size(
    size: int, kernel: int, stride: int = 1, padding: int | Pair = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """한 축의 출력 크기: floor((size + 2·padding - dilation·(kernel - 1) - 1) / stride) + 1. 풀링도 같다.

    padding: 양쪽에 같은 수, 또는 (앞, 뒤). ceil_mode: 나머지를 올린다(풀링만).
    올리면 창이 입력 끝을 넘어갈 수 있지만, 시작은 입력이나 앞쪽 패딩 안이어야 한다(PyTorch의 규칙).
    오류: 커널을 한 번도 놓을 수 없으면 InputTooSmall.
    출처: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", 관계식 6과 15.
    """
    before, after = pair(padding)
    reach = dilation * (kernel - 1) + 1
    room = size + before + after - reach
    windows = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (windows - 1) * stride >= size + before:
        windows -= 1
    if windows < 1:
        raise InputTooSmall(
            f"커널이 입력보다 커서 놓을 자리가 없습니다. 패딩까지 더한 입력 크기: {size + before + after}, "
            f"커널이 덮는 크기: {reach}. 입력을 키우거나 커널을 줄이거나 패딩을 늘리세요."
        )
    return windows


def conv_params(in_channels: int, out_channels: int, kernel: int | Pair, groups: int = 1, bias: bool = True) -> int:
    """합성곱의 매개변수: out·(in/groups)·kh·kw, 그리고 편향 out개."""
    return out_channels * (in_channels // groups) * math.prod(pair(kernel)) + (out_channels if bias else 0)


def linear_params(in_features: int, out_features: int, bias: bool = True) -> int:
    """완전 연결 계층의 매개변수: out·in, 그리고 편향 out개."""
    return out_features * in_features + (out_features if bias else 0)


def conv_macs(weight: tuple[int, ...], out: tuple[int, ...]) -> int:
    """weight (c_out, c_in/groups, kh, kw), out (c_out, H, W) 또는 (N, c_out, H, W) -> 곱셈-덧셈 수.

    출력의 값 하나마다 (c_in/groups)·kh·kw번 곱한다.
    """
    return math.prod(out) * math.prod(weight[1:])


def linear_macs(weight: tuple[int, int], out: tuple[int, ...]) -> int:
    """weight (out, in), out (out,) 또는 (N, out) -> 곱셈-덧셈 수. 출력의 값 하나마다 in번 곱한다."""
    return math.prod(out) * weight[1]


def activation_kb(shape: tuple[int, ...], bytes_per_value: int = 4) -> float:
    """특징 맵 하나를 담는 메모리(KiB = 1024바이트). 기본은 float32."""
    return math.prod(shape) * bytes_per_value / 1024
