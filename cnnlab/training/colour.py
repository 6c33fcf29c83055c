"""PCA 색 증강: 학습 그림의 색이 실제로 흩어진 방향으로 그림 전체의 색을 조금 옮긴다.

Krizhevsky, Sutskever, Hinton 2012, 4.1절의 두 번째 증강. 한 그림의 모든 화소에 같은 값을 더하므로 밝기와 빛깔만 바뀐다.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.errors import LearnerError

_CHUNK = 1000  # 실수 복사본의 크기를 묶는다: 32x32 그림 1000장이면 25 MB


class ColourError(LearnerError, ValueError):
    """색 증강에 쓸 수 없는 그림이다."""


@dataclass(frozen=True)
class ColourAxes:
    """RGB 공분산의 고유 벡터와 고윳값. 화소가 0..1일 때의 값이다.

    vectors: (3, 3), 열 하나가 방향 하나(길이 1). sizes: (3,), 고윳값(그 방향의 분산), 큰 것부터.
    """

    vectors: Tensor
    sizes: Tensor


def colour_axes(images: Tensor) -> ColourAxes:
    """학습 그림의 모든 화소로 RGB 공분산을 구해 그 축을 찾는다. images: uint8 (N, 3, H, W).

    오류: RGB가 아니면 ColourError.
    """
    if images.ndim != 4 or images.shape[1] != 3 or not len(images) or images.dtype != torch.uint8:
        raise ColourError(
            f"그림은 uint8 (N, 3, H, W)여야 합니다. 받은 것: {str(images.dtype).removeprefix('torch.')} "
            f"{tuple(images.shape)}"
        )
    total = torch.zeros(3, dtype=torch.float64)
    products = torch.zeros(3, 3, dtype=torch.float64)
    for part in images.split(_CHUNK):
        pixels = part.transpose(0, 1).flatten(1).cpu().double() / 255  # (3, 화소 수)
        total += pixels.sum(dim=1)
        products += pixels @ pixels.T
    count = images.numel() // 3
    mean = total / count
    sizes, vectors = torch.linalg.eigh(products / count - mean.outer(mean))  # 작은 것부터
    return ColourAxes(vectors.flip(1).float(), sizes.flip(0).clamp_min(0).float())


def shift_colours(
    images: Tensor, axes: ColourAxes, scale: float = 0.1, generator: torch.Generator | None = None
) -> Tensor:
    """그림마다 하나씩 뽑은 색을 모든 화소에 더한다: p1 a1 l1 + p2 a2 l2 + p3 a3 l3, a는 N(0, scale).

    images: (N, 3, H, W), 0..255. 반환: 실수 (N, 3, H, W), 0..255 단위. 0보다 작거나 255보다 커도 자르지 않으므로
    `augment.normalise`에 그대로 넣는다. 무작위 수는 CPU에서 뽑는다: 같은 시드면 어느 장치에서나 같다.
    논문은 l에 고윳값(분산)을 썼는데, 분산에는 화소의 단위가 두 번 곱해져 0..255의 화소에 그대로 쓰면 색이 사라진다.
    그래서 0..1 단위에서 셈한다. 단위와 무관하게 하려고 표준편차를 쓰는 구현도 많다(더 크게 옮긴다):
    ColourAxes(axes.vectors, axes.sizes.sqrt()).
    """
    alpha = scale * torch.randn(len(images), 3, generator=generator)
    shift = (alpha * axes.sizes.cpu()) @ axes.vectors.cpu().T  # (N, 3): 그림마다 RGB 하나
    return images + 255 * shift.to(images.device)[:, :, None, None]
