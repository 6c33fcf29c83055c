"""신경망의 사본을 한 번 실행하고 기록을 얻는다."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.analysis.errors import ForwardError
from cnnlab.analysis.tracing.calls import Shape, tensors_in
from cnnlab.analysis.tracing.recorder import BATCH, Recorder
from cnnlab.analysis.tracing.sandbox import copy_model, duplicate, explain_failure, keep_random_state, to_meta
from cnnlab.errors import LearnerError

Run = tuple[Recorder, list[Tensor]]  # 기록과, forward가 돌려준 텐서들


def run(model: nn.Module, sizes: tuple[Shape, ...], *, training: bool = False) -> Run:
    """meta에서 먼저, 안 되면 원래 장치에서 실행한다. training: 학습할 때의 길로(`copy_model`)."""
    home = next((t.device for t in [*model.parameters(), *model.buffers()]), torch.device("cpu"))
    try:
        return _record(model, sizes, torch.device("meta"), to_meta, training)
    except LearnerError as error:
        # 크기나 구조의 문제는 장치를 바꾸어도 같다. forward 안의 오류만 진짜 장치에서 다시 해 본다
        if not isinstance(error, ForwardError) or home.type == "meta":
            raise
    return _record(model, sizes, home, duplicate, training)


def _record(
    model: nn.Module,
    sizes: tuple[Shape, ...],
    device: torch.device,
    replace: Callable[[Tensor], Tensor],
    training: bool,
) -> Run:
    twin, pairs = copy_model(model, replace, training=training)
    recorder = Recorder(pairs)
    recorder.watch(twin)
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    with keep_random_state(device), torch.no_grad(), device:
        inputs = [torch.zeros(BATCH, *size, dtype=dtype) for size in sizes]
        recorder.start(inputs)
        try:
            with recorder:
                result: Any = twin(*inputs)
        except LearnerError:
            raise
        except Exception as error:
            explain_failure(error, recorder.place(), model, recorder.so_far())
    if result is None:
        raise ForwardError(f"{type(model).__name__}의 forward가 값을 돌려주지 않았습니다. 마지막 줄에 return을 쓰세요.")
    return recorder, list(tensors_in(result))
