"""한 장의 사진이 계층마다 무엇이 되는가: 특징 맵과, 그것을 만든 커널."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.analysis.errors import LayerNameError, ModelError
from cnnlab.analysis.trace import trace
from cnnlab.analysis.tracing.recorder import Recorder
from cnnlab.analysis.tracing.sandbox import copy_model, keep_random_state
from cnnlab.teaching.thumbnails import feature_mosaic, picture_tag

PAGE = 64  # 한 쪽에 보일 특징 맵이나 커널의 수


def map_layers(model: nn.Module, input_size: tuple[int, ...]) -> list[str]:
    """특징 맵을 내는 계층의 이름, 실행 순서로: 출력이 (C, H, W)이고 한 점이 아닌 것. 갈래와 함수형 연산도 든다."""
    layers = trace(model, input_size).layers
    return [layer.name for layer in layers if len(layer.output_shape) == 3 and max(layer.output_shape[1:]) > 1]


def conv_layers(model: nn.Module) -> list[str]:
    """커널을 그릴 수 있는 계층의 이름: 1x1이 아닌 합성곱. 모두 1x1이면 그것들."""
    found = {name: kernels for name, module in model.named_modules() if (kernels := _weight(module)) is not None}
    return [name for name, kernels in found.items() if max(kernels.shape[2:]) > 1] or list(found)


def kernels_of(model: nn.Module, layer: str) -> Tensor | None:
    """합성곱 계층의 커널 (출력 채널, 그룹마다의 입력 채널, kh, kw). 합성곱이 아니면 None."""
    modules = dict(model.named_modules())
    return _weight(modules[layer]) if layer in modules else None


def _weight(module: nn.Module) -> Tensor | None:
    weight = getattr(module, "weight", None)
    known = isinstance(module, nn.Conv2d) and isinstance(weight, Tensor) and not weight.is_meta
    return weight.detach().float().cpu() if known and weight is not None else None


def layer_output(model: nn.Module, x: Tensor, layer: str) -> Tensor:
    """x (1, C, H, W)를 넣었을 때 계층 layer의 출력 (C', H', W'). 평가 모드로, 기울기 없이.

    layer: `layer_table`의 name, 또는 model.named_modules()의 이름.
    신경망은 사본에서 실행하므로(가중치는 함께 쓴다) 모드와 hook은 그대로다.
    오류: 그런 계층이 없거나 forward가 쓰지 않으면 LayerNameError, 값이 없는 meta 신경망이면 ModelError.
    """
    if any(tensor.is_meta for tensor in [*model.parameters(), *model.buffers()]):
        raise ModelError("meta 장치의 신경망에는 가중치의 값이 없습니다. 장치를 정하지 않고 신경망을 다시 만드세요.")
    twin, pairs = copy_model(model, Tensor.detach)
    seen: list[Tensor] = []
    modules = dict(twin.named_modules())
    device = next((parameter.device for parameter in model.parameters()), x.device)
    given = x.to(device)
    with keep_random_state(device), torch.no_grad():
        if layer in modules:
            modules[layer].register_forward_hook(lambda _module, _inputs, output: _remember(seen, output))
            twin(given)
        else:
            recorder = _Watch(pairs, layer, seen)
            recorder.watch(twin)
            recorder.start([given])
            with recorder:
                twin(given)
    if not seen:
        raise LayerNameError(f"그런 이름의 계층이 없거나 forward가 쓰지 않습니다. 받은 이름: {layer!r}")
    if seen[-1].ndim != 3:
        raise LayerNameError(f"{layer}: 출력이 특징 맵 (채널, 높이, 너비)가 아닙니다. 출력: {tuple(seen[-1].shape)}")
    return seen[-1].float().cpu()


def _remember(seen: list[Tensor], output: object) -> None:
    if isinstance(output, Tensor) and not seen:
        seen.append(output[0].clone())  # 뒤따르는 제자리 ReLU가 값을 바꾸기 전에


class _Watch(Recorder):
    """이름이 layer인 행의 출력을 모은다: 모듈이 아닌 함수형 연산(덧셈, 이어 붙이기)도 본다."""

    def __init__(self, pairs: list[Any], layer: str, seen: list[Tensor]) -> None:
        super().__init__(pairs)
        self._layer = layer
        self._seen = seen

    def _remember(self, tensor: Tensor, number: int) -> None:
        super()._remember(tensor, number)
        if self.nodes[number].layer == self._layer:
            self._seen.append(tensor[0].clone())


def pages(count: int) -> int:
    """count개를 보이는 데 드는 쪽의 수."""
    return max(1, -(-count // PAGE))


def maps_html(maps: Tensor, page: int) -> str:
    """특징 맵 (C, H, W)의 page쪽. 맵마다 가장 작은 값이 검정, 가장 큰 값이 흰색이다."""
    shown = maps[PAGE * page : PAGE * page + PAGE]
    # 넓은 맵은 흐려지지 않을 만큼만 줄인다: 사진 한 장의 무게를 줄이려는 것이다
    step = max(1, maps.shape[-1] // 56)
    return f"{_which('특징 맵', len(maps), page)}{feature_mosaic(shown[:, ::step, ::step])}"


def kernels_html(kernels: Tensor, page: int, channel: int = 0) -> str:
    """커널의 page쪽. 입력 채널이 셋이면 색으로, 아니면 입력 채널 하나를 회색으로.

    커널마다 가장 작은 값이 검정, 가장 큰 값이 흰색이다: 커널끼리 밝기를 견줄 수는 없다.
    """
    shown = kernels[PAGE * page : PAGE * page + PAGE]
    inputs = kernels.shape[1]
    size = f"{kernels.shape[2]}×{kernels.shape[3]}"
    if inputs == 3:
        return f"{_which(f'{size} 커널', len(kernels), page)}{_tiles(shown)}"
    which = "" if inputs == 1 else f", 입력 채널 {inputs}개 가운데 {channel}번"
    one = shown[:, min(channel, inputs - 1), None].expand(-1, 3, -1, -1)
    return f"{_which(f'{size} 커널', len(kernels), page, which)}{_tiles(one)}"


def _which(what: str, count: int, page: int, more: str = "") -> str:
    last = min(count, PAGE * page + PAGE)
    part = f" 가운데 {PAGE * page}–{last - 1}번" if count > PAGE else ""
    return f"<div>{what} {count:,}장{part}{more}</div>"


def _tiles(kernels: Tensor, columns: int = 8) -> str:
    """(N, 3, kh, kw) -> 커널을 또렷이 키워 바둑판에 놓은 그림 한 장. 커널 사이는 비운다."""
    low, high = kernels.amin((1, 2, 3), keepdim=True), kernels.amax((1, 2, 3), keepdim=True)
    tiles = (255 * (kernels - low) / (high - low).clamp_min(1e-12)).to(torch.uint8)
    larger = max(1, 33 // max(tiles.shape[2:]))
    tiles = tiles.repeat_interleave(larger, 2).repeat_interleave(larger, 3)
    n, _, high_px, wide_px = tiles.shape
    columns = min(columns, n)
    rows, gap = -(-n // columns), 4
    board = torch.full((3, rows * (high_px + gap) - gap, columns * (wide_px + gap) - gap), 255, dtype=torch.uint8)
    for at, tile in enumerate(tiles):
        top, left = (at // columns) * (high_px + gap), (at % columns) * (wide_px + gap)
        board[:, top : top + high_px, left : left + wide_px] = tile
    return picture_tag(board, board.shape[2])


def feature_panel(picture: Tensor, layer: str, maps: Tensor, kernels: Tensor | None, page: int, channel: int) -> str:
    """사진, 커널(합성곱이면), 특징 맵을 나란히."""
    size = f"{maps.shape[1]}×{maps.shape[2]}"
    parts = [f"<div>사진<br>{picture_tag(picture.squeeze(0), 128)}</div>"]
    if kernels is not None and max(kernels.shape[2:]) > 1:
        parts.append(f"<div>{kernels_html(kernels, page, channel)}</div>")
    parts.append(f"<div>{maps_html(maps, page)}</div>")
    style = "display:flex;flex-wrap:wrap;gap:14px;align-items:flex-start"
    return f'<div><b>{layer}: {maps.shape[0]}장, {size}</b></div><div style="{style}">{"".join(parts)}</div>'
