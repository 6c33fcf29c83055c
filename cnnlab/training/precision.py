"""학습 걸음의 셈법: 실수의 길이, 메모리에 놓는 차례, 컴파일. 짐작하지 않고 이 컴퓨터와 이 모델로 재어 고른다.

2코어(AVX512-BF16)에서 ResNet-20의 한 걸음은 bfloat16과 channels_last로 2배쯤 빠르고, 그런 명령이 없는 CPU에서는 느리다.
"""

from __future__ import annotations

import copy
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AUTO = "auto"  # minutes이면 재어 고르고, epochs이면 PLAIN: 되풀이할 수 있어야 하는 결과를 시계가 정하지 않게 한다
MEASURE = "measure"  # epochs에서도 재어 고른다. 고른 값(History.precision)을 다음에 넣으면 같은 결과가 나온다
PLAIN = "float32"

MEASURE_SECONDS = 1.0
MEASURE_SHARE = 0.02  # 정해진 시간에서 이보다 많이 쓰지 않는다
SHORTEST = 0.1  # 이보다 짧은 시간에는 믿을 만하게 잴 수 없다
REPEATS = 50  # 후보마다 많아야 이만큼 잰다: 여러 번 잴수록 가장 짧은 시간이 다른 프로그램에 덜 흔들린다
FEWEST = 3  # 이만큼은 재되, 그러느라 TOO_LATE초 넘게 늦어지면 그만둔다
TOO_LATE = 1.0
STEP_SECONDS = 0.02  # 재어 볼 한 걸음의 길이. 이쯤 되게 그림 수를 고른다
FEW_IMAGES = 16
GAIN = 1.05  # 단순한 쪽보다 이만큼 빨라야 바꾼다
TOLERANCE = 0.05  # 낮은 정밀도의 손실이 float32의 것과 이 비율보다 다르면 쓰지 않는다
COMPILE_BUDGET = 600.0  # 컴파일은 수십 초가 걸린다: 남은 학습이 이보다 길 때만 재어 본다(초)

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """셈법 하나. 이름은 str()로 얻고 parse()로 되돌린다: "bfloat16 channels_last"."""

    dtype: str = "float32"
    channels_last: bool = False
    compiled: bool = False

    def __str__(self) -> str:
        flags = (("channels_last", self.channels_last), ("compile", self.compiled))
        return " ".join([self.dtype, *(name for name, on in flags if on)])

    @property
    def low(self) -> bool:
        """float32보다 낮은 정밀도인가."""
        return self.dtype != "float32"

    def place(self, images: Tensor) -> Tensor:
        """그림 (N, C, H, W)를 이 셈법의 차례로 놓는다."""
        return images.contiguous(memory_format=torch.channels_last) if self.channels_last else images

    @contextmanager
    def casting(self, device: torch.device) -> Iterator[None]:
        """이 안의 forward는 이 정밀도로 셈한다. 가중치는 float32로 남는다."""
        if not self.low:
            yield
            return
        with torch.autocast(device.type, dtype=_DTYPES[self.dtype]):
            yield


def parse(text: Any) -> Precision | None:
    """str(Precision)을 되돌린다. 그런 이름이 아니면 None."""
    words = text.split() if isinstance(text, str) else []
    if not words or words[0] not in _DTYPES or not {*words[1:]} <= {"channels_last", "compile"}:
        return None
    return Precision(words[0], "channels_last" in words, "compile" in words)


def candidates(device: torch.device) -> list[Precision]:
    """이 장치에서 재어 볼 만한 것들. 앞에 있을수록 단순하다."""
    found = [Precision(), Precision(channels_last=True)]
    if device.type == "cpu":
        found.append(Precision("bfloat16", channels_last=True))
    elif device.type == "cuda":
        dtype = "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float16"
        found += [Precision(dtype), Precision(dtype, channels_last=True)]
    return found


def choose(
    model: nn.Module, images: Tensor, labels: Tensor, seconds: float, budget: float | None
) -> tuple[Precision, dict[str, float]]:
    """후보마다 모델의 사본으로 몇 걸음씩 재어, 가장 빠른 것과 잰 값(셈법 -> 초당 그림 수)을 돌려준다.

    images, labels: 정규화한 그림 (B, C, H, W), 정답 (B,). seconds: 재는 시간. budget: 학습할 시간(초), 모르면 None.
    모델의 가중치와 배치 정규화의 통계는 그대로다. 난수는 부르는 쪽이 지킨다(random_state_kept).
    낮은 정밀도의 손실이 float32와 다르거나 유한하지 않으면 그 후보는 버린다.
    """
    if seconds < SHORTEST:
        return Precision(), {}
    try:
        trial = copy.deepcopy(model)
    except Exception:  # 베낄 수 없는 모델이면 재지 않고 가장 단순한 것을 쓴다
        return Precision(), {}
    trial.train()
    with _one_thread(images.device):
        return _choose(trial, images, labels, seconds, budget)


def _choose(
    trial: nn.Module, images: Tensor, labels: Tensor, seconds: float, budget: float | None
) -> tuple[Precision, dict[str, float]]:
    deadline = time.perf_counter() + seconds
    count = _probe_size(trial, images, labels)
    images, labels = images[:count], labels[:count]
    losses = {option: _step(trial, trial, option, images, labels) for option in candidates(images.device)}
    plain_loss = losses[Precision()]
    options = [
        option
        for option, result in losses.items()
        if result is not None and plain_loss is not None and _close(result[1], plain_loss[1])
    ]
    times = _race(dict.fromkeys(options, trial), trial, images, labels, deadline)
    best = _fastest(times)
    if images.device.type != "mps" and budget is not None and budget >= COMPILE_BUDGET and _can_compile():
        compiled = replace(best, compiled=True)
        runners: dict[Precision, Callable[[Tensor], Tensor]] = {best: trial, compiled: torch.compile(trial)}
        if _step(trial, runners[compiled], compiled, images, labels) is not None:  # 여기서 컴파일한다
            times |= _race(runners, trial, images, labels, time.perf_counter() + seconds)
            best = _fastest({option: times[option] for option in runners if option in times}, best)
    return best, {str(option): count / each for option, each in times.items()}


def _race(
    runners: Mapping[Precision, Callable[[Tensor], Tensor]],
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    deadline: float,
) -> dict[Precision, float]:
    """번갈아 달리게 해서 저마다 가장 짧았던 한 걸음의 시간: 잠깐 바쁜 때가 한쪽에만 걸리지 않게 한다."""
    times = dict.fromkeys(runners, math.inf)
    for turn in range(REPEATS):
        late = time.perf_counter() - deadline
        if (turn >= FEWEST and late > 0) or (turn >= 1 and late > TOO_LATE):
            break
        for option, forward in runners.items():
            result = _step(model, forward, option, images, labels)
            times[option] = min(times[option], math.inf if result is None else result[0])
    return {option: seconds for option, seconds in times.items() if math.isfinite(seconds)}


def step_seconds(model: nn.Module, precision: Precision, images: Tensor, labels: Tensor) -> float | None:
    """이 셈법의 한 걸음(순전파와 역전파)에 걸린 시간(초). 돌지 않으면 None. 가중치는 바꾸지 않는다."""
    result = _step(model, model, precision, images, labels)
    return None if result is None else result[0]


def _probe_size(model: nn.Module, images: Tensor, labels: Tensor) -> int:
    """한 걸음이 STEP_SECONDS쯤 걸리는 그림 수: 느린 모델도 정해진 시간 안에 여러 번 잰다."""
    few = min(FEW_IMAGES, len(labels))
    _step(model, model, Precision(), images[:few], labels[:few])  # 첫걸음에는 준비가 섞인다
    result = _step(model, model, Precision(), images[:few], labels[:few])
    return few if result is None else max(few, min(len(labels), int(few * STEP_SECONDS / result[0])))


def _close(loss: float, reference: float) -> bool:
    return abs(loss - reference) <= TOLERANCE * max(1.0, abs(reference))


def _fastest(step_seconds: Mapping[Precision, float], best: Precision | None = None) -> Precision:
    """가장 빠른 것. 앞의(단순한) 것보다 GAIN배 넘게 빨라야 자리를 빼앗는다."""
    best = best or Precision()
    for option, seconds in step_seconds.items():
        if seconds * GAIN < step_seconds.get(best, math.inf):
            best = option
    return best


def _step(
    model: nn.Module, forward: Callable[[Tensor], Tensor], option: Precision, images: Tensor, labels: Tensor
) -> tuple[float, float] | None:
    """한 걸음(순전파와 역전파)에 걸린 시간과 손실. 이 셈법이 돌지 않거나 손실이 유한하지 않으면 None."""
    device = images.device
    images = option.place(images)
    torch.manual_seed(0)  # 드롭아웃이 지우는 자리가 후보마다 같아야 손실을 견줄 수 있다
    _wait(device)
    began = time.perf_counter()
    try:
        with option.casting(device):
            logits = forward(images)
        loss = F.cross_entropy(logits.float(), labels)
        loss.backward()
        _wait(device)
    except Exception:  # 이 장치나 모델이 못 하는 셈법이다: 후보에서 뺄 뿐이다
        return None
    finally:
        model.zero_grad()
    seconds = time.perf_counter() - began
    return (seconds, loss.item()) if math.isfinite(loss.item()) else None


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    """CPU에서는 스레드 하나로 잰다: 다른 프로그램이 함께 돌면 스레드끼리 기다리는 시간이 차이를 덮어 버린다."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if device.type == "cpu":
            torch.set_num_threads(threads)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _can_compile() -> bool:
    return shutil.which("cc") is not None or shutil.which("gcc") is not None or shutil.which("clang") is not None
