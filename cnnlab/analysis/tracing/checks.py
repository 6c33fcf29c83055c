"""연산을 실행하기 전에 크기가 맞는지 보고, 맞지 않으면 한국어로 말한다.

torch의 오류는 버전과 장치마다 다르고 계층 이름이 없다. 여기서는 어느 계층에서 무엇이 몇이어야 하는지를 말한다.
"""

from collections.abc import Callable
from typing import Any

from cnnlab.analysis.errors import InputTooSmall, WrongShape
from cnnlab.analysis.formulas import conv_output_size
from cnnlab.analysis.tracing.ops import OPS, Call, Window


def times(sizes: tuple[int, ...]) -> str:
    """(16, 5, 5) -> "16x5x5"."""
    return "x".join(str(size) for size in sizes)


def check_call(op: str, call: Call, where: str) -> None:
    """맞지 않으면 InputTooSmall이나 WrongShape."""
    if op in _CHECKS:
        _CHECKS[op](call, where)


def _check_conv(call: Call, where: str) -> None:
    weight, groups = call.get(1, "weight"), call.get(6, "groups", 1)
    _need_map(call, where, "합성곱")
    _need_channels(call, where, "합성곱", weight.shape[1] * groups)
    _check_window("conv2d", call, where)


def _check_transposed_conv(call: Call, where: str) -> None:
    _need_map(call, where, "전치 합성곱")
    _need_channels(call, where, "전치 합성곱", call.get(1, "weight").shape[0])


def _check_pool(call: Call, where: str) -> None:
    _need_map(call, where, "풀링")
    _check_window("max_pool2d", call, where)


def _check_avg_pool(call: Call, where: str) -> None:
    _need_map(call, where, "풀링")
    _check_window("avg_pool2d", call, where)


def _check_window(op: str, call: Call, where: str) -> None:
    window = OPS[op].read(call).window
    if not isinstance(window, Window):
        return
    size = tuple(call.x.shape[-2:])
    try:
        for axis in range(2):
            conv_output_size(size[axis], *window.along(axis), window.ceil_mode)
    except InputTooSmall:
        reach = tuple(d * (k - 1) + 1 for k, d in zip(window.kernel, window.dilation, strict=True))
        padded = tuple(s + sum(p) for s, p in zip(size, window.padding, strict=True))
        padding = f"(패딩을 더하면 {times(padded)})" if padded != size else ""
        raise InputTooSmall(
            f"{where}: 들어온 특징 맵보다 커널이 커서 놓을 자리가 없습니다. "
            f"특징 맵: {times(size)}{padding}, 커널이 덮는 크기: {times(reach)}."
        ) from None


def _check_linear(call: Call, where: str) -> None:
    expected, got = call.get(1, "weight").shape[-1], call.x.shape[-1]
    if expected == got:
        return
    shape = tuple(call.x.shape[1:])
    if len(shape) > 1:
        raise WrongShape(
            f"{where}: 완전 연결 계층에 펼치지 않은 특징 맵이 들어왔습니다. 앞에 nn.Flatten()을 두세요. "
            f"들어온 모양: {times(shape)}, 펼친 길이: {call.x[0].numel()}, 이 계층의 in_features: {expected}."
        )
    raise WrongShape(
        f"{where}: 완전 연결 계층이 기대하는 입력 길이(in_features)는 {expected}인데 받은 길이는 {got}입니다. "
        f"in_features를 바꾸거나, 이 길이가 나오도록 input_size를 바꾸세요."
    )


def _check_batch_norm(call: Call, where: str) -> None:
    mean: Any = call.get(1, "running_mean")
    known = mean if mean is not None else call.kwargs.get("weight")
    if known is not None and known.shape[0] != call.x.shape[1]:
        raise WrongShape(
            f"{where}: 배치 정규화가 기대하는 채널은 {known.shape[0]}개인데 {call.x.shape[1]}개를 받았습니다. "
            "num_features를 앞 계층의 출력 채널 수와 맞추세요."
        )


def _need_map(call: Call, where: str, what: str) -> None:
    if call.x.ndim != 4:
        raise WrongShape(
            f"{where}: {what}에는 (채널, 높이, 너비) 모양의 특징 맵이 필요합니다. 배치를 뺀 입력 모양: "
            f"{times(tuple(call.x.shape[1:]))}. 이 계층보다 앞에서 펼치지(flatten) 않았는지 확인하세요."
        )


def _need_channels(call: Call, where: str, what: str, expected: int) -> None:
    if call.x.shape[1] != expected:
        raise WrongShape(
            f"{where}: {what}이 기대하는 입력 채널은 {expected}개인데 {call.x.shape[1]}개를 받았습니다. "
            f"이 계층의 in_channels나, 앞 계층의 출력 채널 수(첫 계층이라면 input_size의 첫 수)를 맞추세요."
        )


_CHECKS: dict[str, Callable[[Call, str], None]] = {
    "conv2d": _check_conv,
    "conv_transpose2d": _check_transposed_conv,
    "max_pool2d": _check_pool,
    "max_pool2d_with_indices": _check_pool,
    "avg_pool2d": _check_avg_pool,
    "linear": _check_linear,
    "batch_norm": _check_batch_norm,
}
