"""움직여 보는 두 가지: 채널 하나를 가장 크게 울리는 조각 아홉, 그림의 한 곳을 가렸을 때의 확률."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnlab.analysis.deconvnet import deconvnet
from cnnlab.analysis.occlusion import occlusion_map
from cnnlab.analysis.patches import top_patches
from cnnlab.analysis.probe import evaluating, layer_output
from cnnlab.analysis.receptive_field import receptive_field
from cnnlab.teaching.explorer import Explorer, dropdown, said_in_place, set_range, slider, steps
from cnnlab.teaching.thumbnails import picture_tag
from cnnlab.teaching.unit_view import cut_patches, signal_pictures

if TYPE_CHECKING:
    from cnnlab.training.image_data import ImageData

NINE = 9  # 논문의 그림 2도 아홉 장이다


def explore_units(model: nn.Module, data: ImageData, layers: Sequence[str], *, pictures: int = 2000) -> Explorer:
    """계층과 채널을 고르면, 그 채널을 가장 크게 울린 시험 사진의 조각 아홉과 그것을 deconvnet으로 되돌린 것이 보인다.

    layers: 고를 수 있는 계층의 이름(`layer_table`의 name). 입력까지 합성곱, ReLU, 최대 풀링이 한 줄로 이어져야 한다.
    pictures: 시험 사진 가운데 무작위로 뽑아 살필 장수. 계층을 처음 고를 때 한 번 살핀다.
    커널이 없는 곳에는 내장 그림(shapes10)에서 고른 것이 보인다. 정규화는 어느 쪽이나 data의 것이다.
    출처: Zeiler, Fergus 2014, 그림 2.
    """
    from cnnlab.training.shapes10 import make_shapes10

    order = torch.randperm(len(data.test_images), generator=torch.Generator().manual_seed(0))[:pictures]
    names = [data.classes[n] for n in data.test_labels[order].tolist()]
    real = _Pictures(model, data, data.test_images[order], names)

    def follow() -> None:
        set_range(controls["channel"], real.strongest(controls["layer"].value).shape[1] - 1)

    def render(layer: str, channel: int) -> str:
        return real.panel(layer, channel)

    def still() -> str:
        drawn = make_shapes10()
        shapes = _Pictures(model, data, drawn.test_images[:500], [drawn.classes[n] for n in drawn.test_labels[:500]])
        return "".join(shapes.panel(layer, 0) for layer in layers[:3])

    controls: dict[str, Any] = {
        "layer": dropdown("계층", layers, layers[min(1, len(layers) - 1)]),
        "channel": slider("채널", 0, 0, 0),
    }
    return Explorer(controls, render, said_in_place(still), follow=follow)


class _Pictures:
    """그림들과, 계층마다 채널이 그림마다 낸 가장 큰 값."""

    def __init__(self, model: nn.Module, data: ImageData, images: Tensor, names: Sequence[str]) -> None:
        self._model, self._images, self._names = model, images, names
        self._inputs = _normalised(data, images)
        self._fields = receptive_field(model, tuple(images.shape[1:])).set_index("name")["rf"]
        self._values: dict[str, Tensor] = {}

    def strongest(self, layer: str) -> Tensor:
        """(그림 수, 채널)."""
        if layer not in self._values:
            parts = [layer_output(self._model, x, layer).amax((2, 3)).cpu() for x in self._on_device().split(500)]
            self._values[layer] = torch.cat(parts)
        return self._values[layer]

    def panel(self, layer: str, channel: int) -> str:
        best = self.strongest(layer)[:, channel].argsort(descending=True, stable=True)[:NINE]
        images, inputs = self._images[best], self._on_device()[best]
        patches = top_patches(self._model, inputs, layer, channel, NINE)
        side = int(self._fields[layer])
        numbers = [patch.image for patch in patches]
        signals = signal_pictures(deconvnet(self._model, inputs, layer, channel))
        seen = "사진 전체" if side > images.shape[-1] else f"{side}×{side} 조각"
        names = ", ".join(self._names[int(best[n])] for n in numbers)
        quiet = "" if patches[0].value > 0 else "<div>이 채널은 어느 사진에서도 울리지 않았습니다.</div>"
        parts = [
            f"<div>가장 크게 울린 {seen}<br>{_board(cut_patches(images, patches, side))}</div>",
            f"<div>화소로 되돌린 것<br>{_board(cut_patches(signals, patches, side))}</div>",
        ]
        return (
            f"<div><b>{layer}, 채널 {channel}</b> · 값 {patches[0].value:.2f}–{patches[-1].value:.2f}</div>{quiet}"
            f'<div style="display:flex;flex-wrap:wrap;gap:14px">{"".join(parts)}</div><div>정답: {names}</div>'
        )

    def _on_device(self) -> Tensor:
        home = next(self._model.parameters())
        return self._inputs.to(home.device, home.dtype)


def _board(pictures: Tensor, columns: int = 3, gap: int = 1, width: int = 240) -> str:
    """(N, 3, h, w) -> 바둑판 한 장."""
    n, channels, h, w = pictures.shape
    rows = -(-n // columns)
    board = torch.full((channels, rows * (h + gap) - gap, columns * (w + gap) - gap), 255, dtype=torch.uint8)
    for number, picture in enumerate(pictures):
        top, left = (number // columns) * (h + gap), (number % columns) * (w + gap)
        board[:, top : top + h, left : left + w] = picture
    return picture_tag(board, width)


def explore_occlusion(model: nn.Module, data: ImageData, *, pictures: int = 100) -> Explorer:
    """시험 사진 위로 회색 사각형을 옮겨 가며 가리고, 정답의 확률이 어디에서 떨어지는지 본다.

    pictures: 시험 사진 가운데 무작위로 뽑아 볼 장수. 커널이 없는 곳에는 내장 그림(shapes10)에서 신경망이 고른 클래스의
    확률이 보인다. 출처: Zeiler, Fergus 2014, 4.2절과 그림 7.
    """
    from cnnlab.training.shapes10 import make_shapes10

    order = torch.randperm(len(data.test_images), generator=torch.Generator().manual_seed(0))[:pictures]

    def render(number: int, size: int) -> str:
        image, label = data.test_images[order[number]], int(data.test_labels[order[number]])
        return _occlusion_panel(model, data, image, label, size, "정답")

    def still() -> str:
        image = make_shapes10().test_images[0]
        label = int(_probabilities(model, _normalised(data, image[None])).argmax())
        return _occlusion_panel(model, data, image, label, 8, "신경망이 고른 클래스")

    controls: dict[str, Any] = {
        "number": slider("사진 번호", 0, 0, len(order) - 1),
        "size": steps("사각형의 한 변", (4, 8, 12, 16), 8),
    }
    return Explorer(controls, render, said_in_place(still))


def _occlusion_panel(model: nn.Module, data: ImageData, image: Tensor, label: int, size: int, what: str) -> str:
    x = _normalised(data, image[None])[0]
    found = torch.from_numpy(occlusion_map(model, x, label, size=size))  # (H', W')
    before = _probabilities(model, x[None])[0]
    worst = int(found.argmin())
    top, left = divmod(worst, found.shape[1])
    covered = x.clone()
    covered[:, top : top + size, left : left + size] = 0
    after = _probabilities(model, covered[None])[0]
    grey = image.clone()
    grey[:, top : top + size, left : left + size] = _mean_colour(data)
    drop = (before[label].item() - found).clamp_min(0)
    pictures = {
        "사진": image,
        "확률이 떨어지는 곳(붉은색)": _tinted(image, drop, size),
        "가장 많이 떨어지게 가린 것": grey,
    }
    cards = "".join(f"<div>{name}<br>{picture_tag(one, 160)}</div>" for name, one in pictures.items())
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:14px">{cards}</div>'
        f"<div>{what}: <b>{data.classes[label]}</b> · 가리기 전 {before[label]:.0%}, "
        f"가장 낮을 때 {found.min():.0%}</div>"
        f"<div>예측: 가리기 전 {data.classes[int(before.argmax())]}({before.max():.0%}), "
        f"가린 뒤 {data.classes[int(after.argmax())]}({after.max():.0%})</div>"
    )


def _tinted(image: Tensor, drop: Tensor, size: int) -> Tensor:
    """사각형의 한가운데마다 떨어진 만큼 붉게 칠한다. 가장 많이 떨어진 곳이 가장 붉다."""
    strength = torch.zeros(image.shape[1:])
    first = size // 2
    strength[first : first + drop.shape[0], first : first + drop.shape[1]] = drop / drop.max().clamp_min(1e-6)
    paper = image.float().mean(0, keepdim=True).expand(3, -1, -1)
    red = torch.tensor([220.0, 38.0, 38.0]).view(3, 1, 1)
    return (paper + 0.75 * strength * (red - paper)).round().to(torch.uint8)


def _mean_colour(data: ImageData) -> Tensor:
    """학습 사진의 평균 색: 정규화하면 0이 된다. uint8 (3, 1, 1)."""
    from cnnlab.training.augment import channel_stats

    mean, _ = channel_stats(data.train_images)
    return (255 * mean).round().to(torch.uint8).view(-1, 1, 1).cpu()


def _normalised(data: ImageData, images: Tensor) -> Tensor:
    from cnnlab.training.augment import channel_stats, normalise

    mean, std = channel_stats(data.train_images)
    return normalise(images, mean, std)


def _probabilities(model: nn.Module, images: Tensor) -> Tensor:
    home = next(model.parameters())
    with evaluating(model):
        return model(images.to(home.device, home.dtype)).float().softmax(dim=1).cpu()
