"""특징 맵과 커널을 넘겨 본다: 사진과 계층을 고르면 그 계층이 무엇을 내는지 보인다."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnlab.analysis.errors import LayerNameError
from cnnlab.analysis.tracing.sandbox import check_input_size
from cnnlab.teaching.explorer import Explorer, dropdown, said_in_place, set_range, slider
from cnnlab.teaching.feature_view import (
    conv_layers,
    feature_panel,
    kernels_html,
    kernels_of,
    layer_output,
    map_layers,
    pages,
)
from cnnlab.teaching.pixels import as_input, fit_picture

if TYPE_CHECKING:
    from cnnlab.training.image_data import ImageData

_STILL = 4  # 커널이 없는 곳에 보일 계층의 수


def explore_feature_maps(
    model: nn.Module,
    data: ImageData,
    layers: Sequence[str] | None = None,
    *,
    input_size: tuple[int, ...] = (3, 32, 32),
) -> Explorer:
    """사진과 계층을 고르면 그 계층의 특징 맵이, 합성곱이면 그것을 만든 커널도 함께 보인다.

    layers: 고를 수 있는 계층의 이름(`layer_table`의 name이나 model.named_modules()의 이름).
      생략하면 특징 맵을 내는 계층 모두(갈래와 덧셈, 이어 붙이기도).
    input_size: 배치를 뺀 입력 형태 (C, H, W). 사진의 크기가 다르면 여기에 맞춘다.
    채널이 많으면 64장씩 넘겨 본다. 커널이 없는 곳에는 내장 그림(shapes10) 한 장의 특징 맵이 보인다.
    오류: 특징 맵을 내는 계층이 없으면 LayerNameError, 나머지는 `trace`와 같다.
    """
    from cnnlab.training.augment import channel_stats
    from cnnlab.training.shapes10 import make_shapes10

    input_size = check_input_size(input_size)
    names = list(layers) if layers else map_layers(model, input_size)
    if not names:
        raise LayerNameError("특징 맵 (채널, 높이, 너비)를 내는 계층이 없습니다. 합성곱이 있는 신경망을 주세요.")
    chosen = torch.randperm(len(data.test_labels), generator=torch.Generator().manual_seed(0))[:100]
    mean, std = channel_stats(data.train_images)

    def draw(picture: Tensor, layer: str, page: int, channel: int) -> str:
        maps = layer_output(model, as_input(picture[None], input_size, mean, std), layer)
        kernels = kernels_of(model, layer)
        last = pages(len(maps)) - 1
        set_range(controls["page"], last)
        set_range(controls["channel"], 0 if kernels is None or kernels.shape[1] == 3 else kernels.shape[1] - 1)
        fitted, _ = fit_picture(picture, input_size)
        return feature_panel(fitted, layer, maps, kernels, min(page, last), channel)

    def render(number: int, layer: str, page: int, channel: int) -> str:
        return draw(data.test_images[chosen[number]], layer, page, channel)

    controls: dict[str, Any] = {
        "number": slider("사진 번호", 0, 0, len(chosen) - 1),
        "layer": dropdown("계층", names),
        "page": slider("쪽", 0, 0, 0),
        "channel": slider("커널의 입력", 0, 0, 0),
    }
    embedded = make_shapes10().test_images[0]
    still = said_in_place(lambda: "".join(draw(embedded, layer, 0, 0) for layer in names[:_STILL]))
    return Explorer(controls, render, still)


def explore_filters(model: nn.Module, layers: Sequence[str] | None = None) -> Explorer:
    """합성곱 계층의 커널을 넘겨 본다. 첫 계층처럼 입력 채널이 셋이면 색으로, 아니면 입력 채널 하나씩 회색으로.

    layers: 고를 수 있는 합성곱 계층의 이름. 생략하면 1x1이 아닌 합성곱 모두.
    오류: 그릴 커널이 없으면 LayerNameError.
    """
    names = list(layers) if layers else conv_layers(model)
    missing = [name for name in names if kernels_of(model, name) is None]
    if missing or not names:
        raise LayerNameError(
            "커널을 그리려면 가중치의 값이 있는 합성곱 계층(nn.Conv2d)의 이름이 필요합니다. "
            f"합성곱이 아닌 이름: {', '.join(missing) or '(이 신경망에는 합성곱이 없습니다)'}"
        )

    def follow() -> None:
        kernels = kernels_of(model, controls["layer"].value)
        assert kernels is not None
        set_range(controls["page"], pages(len(kernels)) - 1)
        set_range(controls["channel"], 0 if kernels.shape[1] == 3 else kernels.shape[1] - 1)

    def render(layer: str, page: int, channel: int) -> str:
        kernels = kernels_of(model, layer)
        assert kernels is not None
        return f"<b>{layer}</b>{kernels_html(kernels, page, channel)}"

    controls: dict[str, Any] = {
        "layer": dropdown("계층", names),
        "page": slider("쪽", 0, 0, 0),
        "channel": slider("입력 채널", 0, 0, 0),
    }
    return Explorer(controls, render, follow=follow)
