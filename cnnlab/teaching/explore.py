"""움직여 보는 것들: 조절기를 바꾸면 식, 표, 그림이 따라 바뀐다."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cnnlab.analysis import draw_network, layer_table
from cnnlab.analysis.tracing.sandbox import check_model
from cnnlab.teaching.architecture import explore_architecture
from cnnlab.teaching.by_hand import WindowSum
from cnnlab.teaching.convolution import Convolution
from cnnlab.teaching.explorer import Explorer, Views, checkbox, dropdown, said_in_place, set_range, slider
from cnnlab.teaching.feature_explorer import explore_feature_maps, explore_filters
from cnnlab.teaching.receptive_explorer import explore_receptive_field
from cnnlab.teaching.stage_bars import bars_svg, stages
from cnnlab.teaching.tables import show_table
from cnnlab.teaching.thumbnails import picture_tag

if TYPE_CHECKING:
    from cnnlab.training.image_data import ImageData

__all__ = [
    "explore",
    "explore_architecture",
    "explore_by_hand",
    "explore_convolution",
    "explore_feature_maps",
    "explore_filters",
    "explore_predictions",
    "explore_receptive_field",
]


def explore(model: nn.Module, input_size: tuple[int, ...] = (3, 32, 32), data: ImageData | None = None) -> Views:
    """내 신경망을 한 번에 본다: 표, 그림, 수용 영역, 특징 맵.

    input_size: 배치를 뺀 입력 형태 (C, H, W), 화소. data: 사진을 꺼낼 데이터(생략하면 내장 shapes10).
    보기는 고를 때 만든다. 볼 수 없는 것이 있으면 그 자리에 까닭이 나오고 나머지는 그대로 볼 수 있다.
    커널이 없는 곳에는 그림이, 그릴 수 없으면 그 까닭이 보인다.
    오류: 신경망이 아니면 ModelError.
    """
    from cnnlab.training.shapes10 import make_shapes10

    check_model(model)
    pictures = data or make_shapes10()

    def table() -> str:
        rows = layer_table(model, input_size)
        return show_table(rows)._repr_html_() + bars_svg(stages(rows), rows.attrs["model"])

    def picture() -> str:
        return draw_network(model, input_size).svg

    views: dict[str, Callable[[], str | Explorer]] = {
        "표": table,
        "그림": picture,
        "수용 영역": lambda: explore_receptive_field(model, pictures, input_size=input_size),
        "특징 맵": lambda: explore_feature_maps(model, pictures, input_size=input_size),
    }
    return Views(views, said_in_place(picture))


def explore_by_hand(image: Tensor, kernels: Mapping[str, Tensor]) -> Explorer:
    """숫자 그림 위에서 창을 한 칸씩 옮기며 곱과 합을 본다.

    image: (H, W) 정수. kernels: 이름 -> (K, K) 정수. 커널은 모두 같은 크기여야 한다.
    """
    rows, columns = WindowSum(image, next(iter(kernels.values()))).output_shape

    def render(kernel: str, row: int, column: int) -> str:
        return WindowSum(image, kernels[kernel], row, column).svg()

    controls = {
        "kernel": dropdown("커널", kernels),
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

    def keep_window_inside() -> None:
        # 출력이 작아지면 창의 자리도 그 안으로 들어온다
        now = Convolution(**{name: control.value for name, control in controls.items()})
        if not now.problem:
            set_range(controls["position"], now.output**2 - 1)

    return Explorer(
        controls, lambda **values: Convolution(**values).panel(), still=first.svg(), follow=keep_window_inside
    )


def explore_predictions(model: nn.Module, data: ImageData, *, pictures: int = 1000) -> Explorer:
    """시험 사진을 열 장씩 넘기며 예측과 정답을 견준다.

    pictures: 몇 장을 무작위로 뽑아 볼 것인가. 사진은 조절기 안에만 나타난다: 저장된 출력에는 남지 않는다.
    """
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
        "only_missed": checkbox("틀린 것만", False),
    }
    right = len(images) - len(missed)
    return Explorer(
        controls, render, still=f"{data.name}의 시험 사진 {len(images):,}장 가운데 {right:,}장을 맞혔습니다."
    )


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
