"""움직여 보는 것들: 조절기를 바꾸면 식, 표, 그림이 따라 바뀐다."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cnnlab.teaching.by_hand import WindowSum
from cnnlab.teaching.convolution import Convolution
from cnnlab.teaching.explorer import Explorer, load_widgets, slider
from cnnlab.teaching.thumbnails import feature_mosaic, picture_tag

if TYPE_CHECKING:
    from cnnlab.training.image_data import ImageData


def explore_by_hand(image: Tensor, kernels: Mapping[str, Tensor]) -> Explorer:
    """숫자 그림 위에서 창을 한 칸씩 옮기며 곱과 합을 본다.

    image: (H, W) 정수. kernels: 이름 -> (K, K) 정수. 커널은 모두 같은 크기여야 한다.
    """
    widgets = load_widgets()
    rows, columns = WindowSum(image, next(iter(kernels.values()))).output_shape

    def render(kernel: str, row: int, column: int) -> str:
        return WindowSum(image, kernels[kernel], row, column).svg()

    style = {"description_width": "88px"}
    choice = widgets.Dropdown(options=list(kernels), description="커널", style=style)
    controls = {
        "kernel": choice,
        "row": slider("창의 행", 0, 0, rows - 1),
        "column": slider("창의 열", 0, 0, columns - 1),
    }
    return Explorer(controls, render)


def explore_convolution(start: Convolution | None = None) -> Explorer:
    """입력 크기, 커널, 스트라이드, 패딩, 팽창, 채널, 그룹을 바꾸며 식과 그림을 본다.

    start: 처음 값. 맞지 않는 조합에서는 식 대신 까닭이 나온다.
    """
    first = start or Convolution()
    ranges = {
        "size": ("입력 크기", 3, 32),
        "kernel": ("커널", 1, 11),
        "stride": ("스트라이드", 1, 4),
        "padding": ("패딩", 0, 5),
        "dilation": ("팽창", 1, 4),
        "in_channels": ("입력 채널", 1, 64),
        "out_channels": ("출력 채널", 1, 64),
        "groups": ("그룹", 1, 64),
        "position": ("창의 자리", 0, 63),
    }
    controls = {
        name: slider(text, getattr(first, name), low, max(high, getattr(first, name)))
        for name, (text, low, high) in ranges.items()
    }

    def keep_window_inside(_change: object) -> None:
        # 출력이 작아지면 창의 자리도 그 안으로 들어온다
        now = Convolution(**{name: control.value for name, control in controls.items()})
        if not now.problem:
            controls["position"].max = now.output**2 - 1

    for control in controls.values():
        control.observe(keep_window_inside, names="value")
    keep_window_inside(None)
    return Explorer(controls, lambda **values: Convolution(**values).panel(), still=first.svg())


def explore_predictions(model: nn.Module, data: ImageData, *, pictures: int = 1000) -> Explorer:
    """시험 사진을 열 장씩 넘기며 예측과 정답을 견준다.

    pictures: 몇 장을 무작위로 뽑아 볼 것인가. 사진은 조절기 안에만 나타난다: 저장된 출력에는 남지 않는다.
    """
    widgets = load_widgets()
    chosen = _sample(data, pictures)
    images, labels = data.test_images[chosen], data.test_labels[chosen]
    chances = _logits(model, data, images).softmax(dim=1).cpu()  # (N, 클래스)
    confidence, guesses = chances.max(dim=1)
    missed = (guesses != labels).nonzero().flatten().tolist()

    def render(page: int, only_missed: bool) -> str:
        shown = (missed if only_missed else range(len(images)))[10 * page : 10 * page + 10]
        if not shown:
            return "이 쪽에는 사진이 없습니다. 쪽 번호를 줄이세요."
        cards = []
        for n in shown:
            mark, colour = ("○", "#059669") if guesses[n] == labels[n] else ("✕", "#dc2626")
            cards.append(
                f'<figure style="margin:0;width:104px;font-size:12px;line-height:1.35">{picture_tag(images[n], 96)}'
                f'<figcaption><b style="color:{colour}">{mark} {data.classes[guesses[n]]}</b> {confidence[n]:.0%}<br>'
                f"정답: {data.classes[labels[n]]}</figcaption></figure>"
            )
        return f'<div style="display:flex;flex-wrap:wrap;gap:10px;max-width:600px">{"".join(cards)}</div>'

    controls = {
        "page": slider("쪽", 0, 0, (len(images) - 1) // 10),
        "only_missed": widgets.Checkbox(value=False, description="틀린 것만", indent=False),
    }
    right = len(images) - len(missed)
    return Explorer(
        controls, render, still=f"{data.name}의 시험 사진 {len(images):,}장 가운데 {right:,}장을 맞혔습니다."
    )


def explore_feature_maps(model: nn.Module, data: ImageData, layers: Sequence[str]) -> Explorer:
    """사진과 계층을 고르면 그 계층의 특징 맵이 보인다.

    layers: 고를 수 있는 계층의 이름(model.named_modules()의 이름), 출력이 (N, C, H, W)인 것.
    커널이 없는 곳에는 내장 그림(shapes10) 한 장의 특징 맵이 보인다.
    """
    from cnnlab.training.shapes10 import make_shapes10

    widgets = load_widgets()
    chosen = _sample(data, 100)

    def draw(picture: Tensor, layer: str) -> str:
        maps = _layer_output(model, data, picture, layer)
        return (
            f'<div style="display:flex;flex-wrap:wrap;gap:14px;align-items:center">{picture_tag(picture, 128)}'
            f"<div>{layer}: {maps.shape[0]}장, {maps.shape[1]}×{maps.shape[2]}<br>{feature_mosaic(maps)}</div></div>"
        )

    def render(number: int, layer: str) -> str:
        return draw(data.test_images[chosen[number]], layer)

    controls = {
        "number": slider("사진 번호", 0, 0, len(chosen) - 1),
        "layer": widgets.Dropdown(options=list(layers), description="계층", style={"description_width": "88px"}),
    }
    embedded = make_shapes10().test_images[0]
    return Explorer(controls, render, still="".join(draw(embedded, layer) for layer in layers))


def _sample(data: ImageData, count: int) -> Tensor:
    """시험 사진의 번호를 늘 같은 순서로 섞어 count개: 폴더에서 읽은 사진은 클래스 순서로 놓여 있다."""
    return torch.randperm(len(data.test_labels), generator=torch.Generator().manual_seed(0))[:count]


def _logits(model: nn.Module, data: ImageData, images: Tensor) -> Tensor:
    """uint8 (N, 3, 32, 32) -> 평가 모드의 로짓 (N, 클래스). 학습 때와 같은 값으로 정규화한다."""
    from cnnlab.training.augment import channel_stats, normalise

    device = next(model.parameters()).device
    mean, std = channel_stats(data.train_images)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return torch.cat([model(normalise(part, mean, std).to(device)) for part in images.split(500)])
    finally:
        model.train(was_training)


def _layer_output(model: nn.Module, data: ImageData, picture: Tensor, layer: str) -> Tensor:
    """한 장을 넣었을 때 계층 layer의 출력 (C, H, W)."""
    seen: list[Tensor] = []
    hook = model.get_submodule(layer).register_forward_hook(lambda _module, _inputs, output: seen.append(output[0]))
    try:
        _logits(model, data, picture.unsqueeze(0))
    finally:
        hook.remove()
    return seen[0].cpu()
