"""가림 민감도: 그림의 한 곳을 회색으로 가리면 정답의 확률이 얼마나 떨어지는가."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnlab.analysis.errors import InputSizeError, LayerNameError
from cnnlab.analysis.probe import evaluating, images_for

if TYPE_CHECKING:
    import numpy as np


def occlusion_map(
    model: nn.Module,
    image: Tensor,
    label: int,
    size: int = 8,
    step: int = 1,
    grey: float | Tensor = 0.0,
    batch: int = 256,
) -> "np.ndarray[Any, Any]":
    """size x size의 회색 사각형을 step 화소씩 옮겨 가며 그림을 가리고, 그때마다 label의 확률을 잰다.

    image: (C, H, W), 신경망이 받는 그대로(정규화한 것). label: 확률을 볼 클래스의 번호.
    grey: 가리는 값, 수 하나나 채널마다의 값 (C,). 정규화한 그림에서 0은 학습 그림의 평균 색이다.
    batch: 한 번에 흘리는 그림 수(메모리만 달라진다).
    반환: (H', W') 확률 0..1, H' = (H - size) // step + 1.
      [i, j]는 사각형의 왼쪽 위가 (i * step, j * step)일 때의 값이다.
      가리지 않은 그림보다 확률이 낮은 곳이 신경망이 보고 있던 곳이다.
    신경망은 eval 모드로 실행하고 바꾸지 않는다.
    오류: 그림이나 사각형의 크기가 틀리면 InputSizeError, 없는 클래스면 LayerNameError.
    출처: Zeiler, Fergus 2014, 4.2절과 그림 7(논문은 50x50 사각형으로 224x224를 가렸다).
    """
    if not isinstance(image, Tensor) or image.ndim != 3:
        got = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise InputSizeError(f"그림은 한 장, (채널, 높이, 너비) 모양이어야 합니다. 받은 것: {got}")
    image = images_for(model, image[None])[0]
    channels, h, w = image.shape
    if not 1 <= size <= min(h, w) or step < 1:
        raise InputSizeError(
            f"가리는 사각형의 한 변은 1부터 {min(h, w)}까지, 옮기는 간격은 1 이상이어야 합니다. "
            f"받은 값: size={size}, step={step}"
        )
    colour = torch.as_tensor(grey, dtype=image.dtype, device=image.device).flatten()
    if len(colour) not in (1, channels):
        raise InputSizeError(f"grey는 수 하나이거나 채널마다 하나씩 {channels}개여야 합니다. 받은 개수: {len(colour)}")
    tops, lefts = range(0, h - size + 1, step), range(0, w - size + 1, step)
    places = [(top, left) for top in tops for left in lefts]
    found = []
    with evaluating(model):
        for start in range(0, len(places), batch):
            covered = [_cover(image, top, left, size, colour) for top, left in places[start : start + batch]]
            logits = model(torch.stack(covered))  # (B, 클래스)
            if not 0 <= label < logits.shape[1]:
                raise LayerNameError(f"클래스는 0부터 {logits.shape[1] - 1}까지입니다. 받은 클래스: {label}")
            found.append(logits.float().softmax(dim=1)[:, label])
    return torch.cat(found).view(len(tops), len(lefts)).cpu().numpy()


def _cover(image: Tensor, top: int, left: int, size: int, colour: Tensor) -> Tensor:
    covered = image.clone()
    covered[:, top : top + size, left : left + size] = colour.view(-1, 1, 1)
    return covered
