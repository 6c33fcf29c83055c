"""시험할 때 그림을 여러 번 보기: 열 조각(AlexNet), 크기 흔들기와 촘촘한 다중 크기 평가(VGG)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.errors import LearnerError
from cnnlab.training.evaluation import modes_kept


class CropError(LearnerError, ValueError):
    """그림을 그 크기로 자르거나 신경망을 그렇게 바꿀 수 없다."""


def ten_crop(images: Tensor, size: int) -> Tensor:
    """네 귀퉁이와 한가운데를 잘라 내고, 그 다섯을 좌우로 뒤집은 것을 더한다. (N, C, H, W) -> (N, 10, C, size, size)

    차례: 왼쪽 위, 오른쪽 위, 왼쪽 아래, 오른쪽 아래, 한가운데, 뒤집은 다섯(같은 차례).
    32x32 그림을 32로 자르려면 먼저 가장자리를 두른다: ten_crop(F.pad(images, (2,) * 4), 32).
    오류: size가 그림보다 크면 CropError. 출처: Krizhevsky et al. 2012, 4.1절(256x256에서 224를 자른다).
    """
    h, w = images.shape[-2:]
    _need_room(h, w, size)
    bottom, right = h - size, w - size
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (round(bottom / 2), round(right / 2))]
    five = [images[:, :, top : top + size, left : left + size] for top, left in corners]
    return torch.stack([*five, *(crop.flip(3) for crop in five)], dim=1)


def ten_crop_probabilities(model: nn.Module, images: Tensor, size: int) -> Tensor:
    """열 조각의 확률(softmax)을 평균한다. images: 정규화한 실수 (N, C, H, W). 반환: (N, 클래스).

    모델은 size x size의 그림을 받아야 한다. eval 모드로 실행하고 모드는 되돌린다.
    출처: Krizhevsky et al. 2012, 4.1절.
    """
    crops = ten_crop(images, size)
    with modes_kept(model), torch.no_grad():
        model.eval()
        probabilities = model(crops.flatten(0, 1)).float().softmax(dim=1)  # (10 N, 클래스)
    return probabilities.unflatten(0, crops.shape[:2]).mean(dim=1)


def scale_jitter(images: Tensor, low: int, high: int, size: int, generator: torch.Generator | None = None) -> Tensor:
    """그림마다 짧은 변을 low..high에서 고른 길이로 바꾸고, 아무 자리에서나 size x size를 자른다.

    images: (N, C, H, W). 반환: 실수 (N, C, size, size), 받은 값의 단위 그대로.
    오류: size <= low <= high가 아니면 CropError. 출처: Simonyan, Zisserman 2015, 3.1절(256..512에서 224를 자른다).
    """
    if not 1 <= size <= low <= high:
        raise CropError(f"1 <= size <= low <= high여야 합니다. 받은 값: size={size}, low={low}, high={high}")
    count = len(images)
    sides = torch.randint(low, high + 1, (count,), generator=generator)
    corners = torch.rand(count, 2, generator=generator)
    out = images.new_empty((count, images.shape[1], size, size), dtype=_real(images))
    for side in sides.unique().tolist():  # 같은 길이끼리 한꺼번에 바꾼다
        chosen = (sides == side).nonzero().flatten()
        resized = resize(images[chosen.to(images.device)], side)
        h, w = resized.shape[-2:]
        for number, image in zip(chosen.tolist(), resized, strict=True):
            top, left = (int(corners[number, axis] * (room - size + 1)) for axis, room in enumerate((h, w)))
            out[number] = image[:, top : top + size, left : left + size]
    return out


def resize(images: Tensor, side: int) -> Tensor:
    """가로세로 비를 지키며 짧은 변을 side 화소로 바꾼다. (N, C, H, W) -> 실수 (N, C, H', W')"""
    h, w = images.shape[-2:]
    shorter = min(h, w)
    new = (round(h * side / shorter), round(w * side / shorter))
    return F.interpolate(images.to(_real(images)), new, mode="bilinear", align_corners=False, antialias=True)


def fully_convolutional(layers: Iterable[nn.Module], input_size: tuple[int, int, int]) -> nn.Sequential:
    """펼치기(Flatten) 뒤의 완전 연결을 합성곱으로 바꾼다: 더 큰 그림을 받아 자리마다의 로짓 (N, 클래스, h, w)을 낸다.

    layers: 실행 순서대로의 계층들. 예: [model.features, model.flatten, *model.classifier].
    input_size: 원래의 입력 (C, H, W). 그 크기의 그림에서는 출력이 (N, 클래스, 1, 1)이고 원래 로짓과 같다.
    첫 완전 연결은 특징 맵만 한 커널의 합성곱, 나머지는 1x1 합성곱이 된다. 가중치는 원래 계층과 메모리를 나누고,
    다른 계층은 같은 것을 그대로 쓴다.
    오류: Flatten이 없거나, 펼친 길이가 첫 완전 연결과 다르거나, 크기를 맞추는 풀링(AdaptiveAvgPool2d)이 있으면
      CropError.
    출처: Simonyan, Zisserman 2015, 3.2절.
    """
    layers = list(layers)
    _refuse_adaptive(layers)
    flattens = [number for number, layer in enumerate(layers) if isinstance(layer, nn.Flatten)]
    if not flattens:
        raise CropError("펼치는 계층(nn.Flatten)이 layers에 있어야 합니다. 실행 순서대로 모두 넣었는지 확인하세요.")
    before, after = layers[: flattens[0]], layers[flattens[0] + 1 :]
    kernel = _map_size(before, input_size)
    converted: list[nn.Module] = []
    for layer in after:
        if isinstance(layer, nn.Linear):
            converted.append(_as_convolution(layer, kernel))
            kernel = (layer.out_features, 1, 1)
        else:
            converted.append(layer)
    return nn.Sequential(*before, *converted)


def _as_convolution(linear: nn.Linear, kernel: tuple[int, int, int]) -> nn.Conv2d:
    """(출력, C*h*w) 가중치를 (출력, C, h, w)의 커널로 본다."""
    channels, h, w = kernel
    if linear.in_features != channels * h * w:
        raise CropError(
            f"펼친 길이와 완전 연결의 in_features가 다릅니다. 펼친 길이: {channels * h * w}, "
            f"in_features: {linear.in_features}. input_size가 신경망의 원래 입력인지 확인하세요."
        )
    with torch.device("meta"):
        conv = nn.Conv2d(channels, linear.out_features, (h, w), bias=linear.bias is not None)
    conv.weight = nn.Parameter(linear.weight.detach().view(-1, channels, h, w), linear.weight.requires_grad)
    if linear.bias is not None:
        conv.bias = nn.Parameter(linear.bias.detach(), linear.bias.requires_grad)
    return conv.train(linear.training)


def _map_size(layers: list[nn.Module], input_size: tuple[int, int, int]) -> tuple[int, int, int]:
    """Flatten에 들어가는 특징 맵의 형태 (C, h, w)."""
    body = nn.Sequential(*layers)
    home = next(body.parameters(), torch.zeros(()))
    with modes_kept(body), torch.no_grad():
        for module in body.modules():
            module.training = False
        c, h, w = body(torch.zeros(1, *input_size, device=home.device, dtype=home.dtype)).shape[1:]
    return c, h, w


def _refuse_adaptive(layers: list[nn.Module]) -> None:
    for layer in layers:
        if any(isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d) for module in layer.modules()):
            raise CropError(
                "그림이 커져도 특징 맵을 같은 크기로 줄이는 풀링(AdaptiveAvgPool2d)이 있습니다. "
                "입력이 원래 크기일 때 그 풀링이 아무것도 바꾸지 않는다면 layers에서 빼세요."
            )


def dense_probabilities(network: nn.Module, images: Tensor, sides: Sequence[int]) -> Tensor:
    """짧은 변을 sides의 길이마다 바꾼 그림과 그것을 뒤집은 그림을 통째로 보고, 확률을 평균한다. 반환: (N, 클래스).

    network: `fully_convolutional`이 만든 것. images: 정규화한 실수 (N, C, H, W).
    그림 한 장 안에서는 자리마다의 로짓을 평균한 뒤 확률로 바꾼다. eval 모드로 실행하고 모드는 되돌린다.
    출처: Simonyan, Zisserman 2015, 3.2절과 4.2절.
    """
    if not sides:
        raise CropError("그림의 짧은 변 길이를 적어도 하나 주세요. 예: sides=[32, 40]")
    found = []
    with modes_kept(network), torch.no_grad():
        network.eval()
        for side in sides:
            resized = resize(images, side)
            for view in (resized, resized.flip(3)):
                scores = network(view).float().mean(dim=(2, 3))  # (N, 클래스, h, w) -> (N, 클래스)
                found.append(scores.softmax(dim=1))
    return torch.stack(found).mean(dim=0)


def _need_room(h: int, w: int, size: int) -> None:
    if not 1 <= size <= min(h, w):
        raise CropError(
            f"{h}x{w} 그림에서 {size}x{size}를 자를 수 없습니다. size를 1부터 {min(h, w)} 사이로 바꾸거나, "
            "F.pad로 가장자리를 두르세요."
        )


def _real(images: Tensor) -> torch.dtype:
    return images.dtype if images.is_floating_point() else torch.float32
