"""남의 신경망을 건드리지 않고 실행하기: 받은 것을 살피고, 사본을 만들고, 난수 상태를 지킨다."""

import copy
import operator
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab.analysis.errors import ForwardError, InputSizeError, ModelError
from cnnlab.analysis.tracing.attention import attend
from cnnlab.analysis.tracing.ops import op_name


def check_model(model: object) -> None:
    """nn.Module이 아니면 ModelError."""
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise ModelError(
            f"신경망이 아니라 클래스를 주었습니다. 괄호를 붙여 신경망을 만든 뒤에 주세요: {model.__name__}()"
        )
    if not isinstance(model, nn.Module):
        raise ModelError(f"PyTorch 신경망(nn.Module)을 주세요. 받은 것의 종류: {type(model).__name__}")
    for name, module in model.named_modules():
        where = name or type(module).__name__
        if isinstance(module, torch.jit.ScriptModule):
            raise ModelError(
                "TorchScript로 굳힌 신경망은 안을 들여다볼 수 없습니다. "
                f"torch.jit.script나 torch.jit.trace 하기 전의 신경망을 주세요: {where}"
            )
        if ".quantized" in type(module).__module__:
            raise ModelError(f"양자화한 계층은 분석할 수 없습니다. 양자화하기 전의 신경망을 주세요: {where}")
    if any(nn.parameter.is_lazy(p) for p in [*model.parameters(), *model.buffers()]):
        raise ModelError(
            "아직 크기가 정해지지 않은 계층(Lazy...)이 있습니다. 채널 수를 적은 계층(nn.Conv2d 등)으로 바꾸거나, "
            "입력을 한 번 통과시킨 뒤에 다시 하세요."
        )


def check_input_size(input_size: object) -> tuple[int, int, int]:
    """(C, H, W)를 정수 튜플로. 아니면 InputSizeError."""
    if isinstance(input_size, Tensor):
        raise InputSizeError(
            f"input_size에는 텐서가 아니라 형태 (채널, 높이, 너비)를 주세요: {tuple(input_size.shape[-3:])}"
        )
    try:
        size = tuple(operator.index(value) for value in input_size)  # type: ignore[attr-defined]
    except TypeError:
        raise InputSizeError(
            f"input_size는 (채널, 높이, 너비), 양의 정수 셋이어야 합니다. 예: (3, 32, 32). 받은 값: {input_size!r}"
        ) from None
    if len(size) == 4 and min(size) > 0:
        raise InputSizeError(f"input_size에서 맨 앞의 배치 크기를 빼세요: {size[1:]}. 받은 값: {size}")
    if len(size) != 3 or min(size) <= 0 or any(isinstance(value, bool) for value in input_size):  # type: ignore[attr-defined]
        raise InputSizeError(
            f"input_size는 (채널, 높이, 너비), 양의 정수 셋이어야 합니다. 예: (3, 32, 32). 받은 값: {size}"
        )
    return size[0], size[1], size[2]


def check_input_sizes(input_size: object) -> tuple[tuple[int, ...], ...]:
    """(C, H, W) 하나, 또는 그런 형태의 튜플을 형태의 튜플로. 첫 입력은 그림이어야 한다."""
    if not isinstance(input_size, (tuple, list)) or not all(isinstance(item, (tuple, list)) for item in input_size):
        return (check_input_size(input_size),)
    if not input_size:
        return (check_input_size(input_size),)
    rest = []
    for item in input_size[1:]:
        if not item or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in item):
            raise InputSizeError(f"둘째부터의 입력은 배치를 뺀 양의 정수의 튜플이어야 합니다. 받은 값: {item!r}")
        rest.append(tuple(item))
    return (check_input_size(input_size[0]), *rest)


def explain_failure(error: Exception, place: str, model: nn.Module, so_far: Sequence[str] = ()) -> NoReturn:
    """forward에서 난 오류를 어디에서 났는지, 어디까지 계산했는지와 함께 ForwardError로 바꾼다."""
    if isinstance(error, TypeError) and "positional argument" in str(error) and not so_far and not place:
        raise ForwardError(
            f"{type(model).__name__}.forward가 받는 입력의 수가 다릅니다. input_size에 그만큼의 형태를 주세요. "
            f"하나면 (3, 32, 32), 둘이면 ((3, 32, 32), (3, 32, 32)). 원래 메시지: {error}"
        ) from error
    if isinstance(error, NotImplementedError) and 'missing the required "forward"' in str(error):
        raise ForwardError(
            f"{place or type(model).__name__}: forward가 없습니다. forward 메서드를 정의하세요."
        ) from error
    where = f"{place}에서" if place else f"{type(model).__name__}.forward에서"
    raise ForwardError(
        f"{where} 오류가 났습니다. 입력 크기와 그 계층의 설정을 확인하세요. "
        f"원래 메시지: {type(error).__name__}: {error}"
        + (f" 여기까지 계산했습니다: {', '.join(so_far)}" if so_far else "")
    ) from error


def to_meta(tensor: Tensor) -> Tensor:
    """형태만 있는 대역: 메모리를 쓰지 않는다."""
    return torch.empty_like(tensor, device="meta")


def duplicate(tensor: Tensor) -> Tensor:
    """값까지 같은 대역."""
    return tensor.detach().clone()


def copy_model(
    model: nn.Module, replace: Callable[[Tensor], Tensor], *, training: bool = False
) -> tuple[nn.Module, list[tuple[nn.Parameter, nn.Parameter]]]:
    """신경망을 텐서만 바꾸어 eval 모드로 복사한다. 둘째 값은 (원래 매개변수, 사본의 매개변수)의 목록이다.

    training이면 다른 모듈을 담은 모듈은 원래의 모드를 지킨다: forward의 `if self.training`은 학습하는 쪽으로 가고,
    드롭아웃과 배치 정규화 같은 말단 모듈은 eval이다.
    deepcopy의 memo에 텐서의 대역을 미리 적어 두므로 원래 가중치는 복사되지 않는다.
    사용자가 단 hook은 옮기지 않는다: 특징을 모으는 hook이 가짜 값으로 채워지면 안 된다.
    torch 자신의 hook(weight_norm 등)은 가중치를 만드는 일을 하므로 남긴다.
    """
    memo: dict[int, Any] = {}
    pairs = []
    for parameter in model.parameters():
        twin = nn.Parameter(replace(parameter.detach()), requires_grad=parameter.requires_grad)
        memo[id(parameter)] = twin
        pairs.append((parameter, twin))
    memo.update({id(buffer): replace(buffer.detach()) for buffer in model.buffers()})
    try:
        with _ReplaceWhileCopying(replace):
            copied = copy.deepcopy(model, memo)
    except Exception as error:
        raise ModelError(
            f"{type(model).__name__}의 사본을 만들 수 없습니다. "
            "신경망 안에 파일이나 잠금(lock)처럼 복사할 수 없는 것이 있는지 확인하세요. "
            f"원래 메시지: {type(error).__name__}: {error}"
        ) from error
    for module in copied.modules():
        if type(module) is nn.MultiheadAttention:
            module.forward = partial(attend, module)  # type: ignore[method-assign]
        module.training = training and module.training and next(module.children(), None) is not None
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            for key in [key for key, hook in hooks.items() if not type(hook).__module__.startswith("torch.")]:
                del hooks[key]
    return copied, pairs


class _ReplaceWhileCopying(TorchFunctionMode):
    """등록되지 않은 텐서 속성(self.index = torch.tensor(...))도 복사할 때 바꾼다."""

    def __init__(self, replace: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.replace = replace

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if op_name(func) == "deepcopy":
            tensor, memo = args[0], args[1]
            if id(tensor) not in memo:
                memo[id(tensor)] = self.replace(tensor.detach())
            return memo[id(tensor)]
        return func(*args, **(kwargs or {}))


@contextmanager
def keep_random_state(device: torch.device) -> Iterator[None]:
    """forward가 난수를 뽑아도 바깥의 난수 상태는 그대로 둔다."""
    import numpy as np

    python, numpy = random.getstate(), np.random.get_state()
    mps = torch.mps.get_rng_state() if device.type == "mps" else None
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        if mps is not None:
            torch.mps.set_rng_state(mps)
