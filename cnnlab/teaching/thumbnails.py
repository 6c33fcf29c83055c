"""작은 그림을 HTML 안에 넣는다: 조절기를 움직일 때마다 다시 그려도 될 만큼 빠르다."""

import base64
import io

import torch
from torch import Tensor


def picture_tag(picture: Tensor, width: int) -> str:
    """uint8 (3, H, W) 또는 (H, W) -> 화소를 뭉개지 않고 키운 <img>."""
    from PIL import Image

    pixels = picture.permute(1, 2, 0) if picture.ndim == 3 else picture
    buffer = io.BytesIO()
    Image.fromarray(pixels.contiguous().cpu().numpy()).save(buffer, format="PNG")
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img width="{width}" style="image-rendering:pixelated" src="data:image/png;base64,{code}" alt="">'


def feature_mosaic(maps: Tensor, *, columns: int = 8, width: int = 480) -> str:
    """특징 맵 (C, H, W) -> 바둑판 한 장. 맵마다 가장 작은 값이 검정, 가장 큰 값이 흰색이다."""
    c, h, w = maps.shape
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    grey = (255 * (maps - low) / (high - low).clamp_min(1e-12)).to(torch.uint8)
    columns = min(columns, c)
    rows = -(-c // columns)
    gap = 1 if max(h, w) < 40 else 2
    board = torch.full((rows * (h + gap) - gap, columns * (w + gap) - gap), 128, dtype=torch.uint8)
    for n in range(c):
        top, left = (n // columns) * (h + gap), (n % columns) * (w + gap)
        board[top : top + h, left : left + w] = grey[n]
    return picture_tag(board, width * columns // 8)
