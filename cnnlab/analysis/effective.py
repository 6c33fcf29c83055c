"""유효 수용 영역: 연결된 화소 가운데 실제로 얼마나 영향을 주는가."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnlab.analysis.errors import InputSizeError, ModelError
from cnnlab.analysis.fields.field import fields_of
from cnnlab.analysis.receptive_field import central_unit, find_layer, sight_of
from cnnlab.analysis.trace import trace
from cnnlab.analysis.tracing.recorder import Recorder
from cnnlab.analysis.tracing.sandbox import copy_model, duplicate, explain_failure, keep_random_state
from cnnlab.errors import LearnerError

if TYPE_CHECKING:
    import numpy as np

_BATCH = 8


def effective_receptive_field(
    model: nn.Module,
    input_size: tuple[int, ...] = (3, 32, 32),
    layer: str | None = None,
    images: Tensor | None = None,
    n: int = 32,
    seed: int = 0,
) -> "np.ndarray[Any, Any]":
    """출력 하나(특징 맵의 한가운데)를 입력으로 미분한 크기의 평균. 신경망의 지금 가중치를 그대로 쓴다(eval 모드).

    layer: `layer_table`의 name, 생략하면 마지막 계층. images: (N, C, H, W) 실수 텐서. 생략하면 표준정규분포의 그림 n장.
    반환: (H, W) 열지도, 0 이상이고 가장 큰 값이 1이다(영향이 전혀 없으면 모두 0).
      그림마다 출력 채널을 모두 더한 값을 미분하여, 절댓값을 입력 채널로 더하고 그림으로 평균한다.
    원래 신경망과 난수 상태는 그대로다.
    오류: 값이 없는 meta 신경망이면 ModelError, images의 형태가 다르면 InputSizeError; 나머지는 `trace`와 같다.
    출처: Luo et al. 2016, "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", 3절.
    """
    traced = trace(model, input_size)
    if len(traced.inputs) > 1:
        raise InputSizeError("유효 수용 영역은 입력이 하나인 신경망에서만 잴 수 있습니다.")
    tensors = [*model.parameters(), *model.buffers()]
    if any(tensor.is_meta for tensor in tensors):
        raise ModelError("meta 장치의 신경망에는 가중치의 값이 없습니다. 장치를 정하지 않고 신경망을 다시 만드세요.")
    if images is None:
        images = torch.randn(n, *traced.input_size, generator=torch.Generator().manual_seed(seed))
    if tuple(images.shape[1:]) != traced.input_size or not len(images) or not images.is_floating_point():
        raise InputSizeError(
            f"images는 (장수, {', '.join(map(str, traced.input_size))}) 모양의 실수 텐서여야 합니다. "
            f"받은 것: {tuple(images.shape)}, {images.dtype}"
        )
    chosen = find_layer(traced, layer)
    sight = sight_of(fields_of(traced), chosen)
    unit = tuple(central_unit(axis, size) for axis, size in zip(sight.axes, traced.input_size[1:], strict=True))
    home = next((tensor for tensor in tensors if tensor.is_floating_point()), torch.zeros(()))
    total = torch.zeros(traced.input_size[1:], dtype=torch.float64)
    for batch in images.split(_BATCH):
        twin, pairs = copy_model(model, duplicate, training=traced.training)
        recorder = _Until(pairs, chosen.nodes[-1].id)
        recorder.watch(twin)
        x = batch.to(home.device, home.dtype).detach().requires_grad_()
        given = x.clone()
        recorder.start([given])
        with keep_random_state(home.device), torch.enable_grad():
            try:
                with recorder:
                    twin(given)
            except _Reached as reached:
                (gradient,) = torch.autograd.grad(sight.units(reached.out, (unit[0], unit[1])).sum(), x)
            except LearnerError:
                raise
            except Exception as error:
                explain_failure(error, recorder.place(), model)
        total += gradient.abs().sum(dim=(0, 1)).double().cpu()
    peak = float(total.max())
    return (total / peak if peak > 0 else total).numpy()


class _Reached(Exception):
    def __init__(self, out: Tensor) -> None:
        super().__init__()
        self.out = out


class _Until(Recorder):
    """정한 노드까지만 실행한다."""

    def __init__(self, pairs: list[tuple[nn.Parameter, nn.Parameter]], target: int) -> None:
        super().__init__(pairs)
        self._target = target

    def _remember(self, tensor: Tensor, number: int) -> None:
        super()._remember(tensor, number)
        if number == self._target:
            raise _Reached(tensor)
