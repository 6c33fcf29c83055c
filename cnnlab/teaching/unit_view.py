"""특징 맵 하나가 무엇을 찾는지 그림으로: 가장 크게 울린 조각과, deconvnet으로 되돌린 것."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cnnlab.analysis.patches import Patch

GREY = 128  # 그림 밖이나 되돌아온 값이 없는 곳


def cut_patches(images: Tensor, patches: Sequence[Patch], side: int) -> Tensor:
    """patches가 가리키는 조각들, uint8 (조각 수, C, side, side).

    images: uint8 (N, C, H, W), 조각을 고를 때 쓴 그림과 같은 차례. side: 수용 영역의 한 변(화소).
    그림의 가장자리에서 잘린 조각은 모자란 쪽을 회색으로 채운다. 수용 영역이 그림보다 크면 그림 전체다.
    """
    _, channels, height, width = images.shape
    tall, wide = min(side, height), min(side, width)
    board = torch.full((len(patches), channels, tall, wide), GREY, dtype=torch.uint8)
    for place, patch in zip(board, patches, strict=True):
        (top, left), (bottom, right) = patch.first, patch.last
        pixels = images[patch.image, :, top : bottom + 1, left : right + 1].cpu()
        h, w = pixels.shape[1:]
        y = 0 if top else tall - h  # 위가 잘렸으면 아래에 붙인다
        x = 0 if left else wide - w
        place[:, y : y + h, x : x + w] = pixels
    return board


def signal_pictures(signals: Tensor) -> Tensor:
    """deconvnet이 되돌린 값 (N, C, H, W) -> uint8 그림. 0이 회색이고, 그림마다 가장 큰 절댓값에 맞춘다.

    그림끼리 세기를 견줄 수는 없다. 되돌아온 것이 없으면 모두 회색이다.
    """
    largest = signals.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
    return (GREY + 127 * signals / largest).round().to(torch.uint8).cpu()
