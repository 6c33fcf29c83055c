"""사진을 신경망의 입력에 맞추고, 화소를 SVG 안에 넣는다."""

from __future__ import annotations

import base64
import struct
import zlib

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnlab.errors import LearnerError


class PictureError(LearnerError, ValueError):
    """신경망에 넣을 수 없는 사진을 받았다."""


def fit_picture(picture: Tensor, input_size: tuple[int, ...]) -> tuple[Tensor, str]:
    """uint8 (3, H, W)를 입력 크기 (C, H', W')에 맞춘다.

    반환: (uint8 (C, H', W'), 무엇을 바꾸었는지 말하는 문장. 그대로면 빈 글).
    오류: 입력 채널이 1이나 3이 아니면 PictureError.
    """
    if picture.dtype != torch.uint8 or picture.ndim != 3 or len(picture) not in (1, 3):
        raise PictureError(
            f"사진은 uint8 (3, 높이, 너비)여야 합니다. 받은 것: {str(picture.dtype).removeprefix('torch.')} "
            f"{tuple(picture.shape)}"
        )
    channels, height, width = input_size
    if channels not in (1, 3):
        raise PictureError(f"사진을 넣으려면 입력 채널이 1이나 3이어야 합니다. 이 신경망의 입력 채널: {channels}")
    said = []
    pixels = picture.float()
    if len(pixels) > channels:
        pixels = pixels.mean(dim=0, keepdim=True)
        said.append("색을 회색으로 바꾸었습니다")
    elif len(pixels) < channels:
        pixels = pixels.expand(channels, -1, -1)
    if pixels.shape[1:] != (height, width):
        was = f"{pixels.shape[1]}×{pixels.shape[2]}"
        pixels = F.interpolate(pixels[None], (height, width), mode="bilinear", antialias=True)[0]
        change = "키웠습니다" if height * width > picture.shape[1] * picture.shape[2] else "줄였습니다"
        said.append(f"{was} 사진을 입력 크기 {height}×{width}에 맞게 {change}")
    return pixels.round().clamp(0, 255).to(torch.uint8), ". ".join(said) + "." if said else ""


def picture_uri(picture: Tensor) -> str:
    """uint8 (1 또는 3 또는 4, H, W) -> data:image/png 주소.

    압축하지 않은 PNG를 직접 적는다: 압축 라이브러리의 판이 달라도 글자 하나까지 같아야 저장된 출력과 비교할 수 있다.
    """
    kind = {1: 0, 3: 2, 4: 6}[len(picture)]  # 회색, RGB, RGBA
    _, height, width = picture.shape
    lines = picture.permute(1, 2, 0).reshape(height, -1).cpu()
    raw = F.pad(lines, (1, 0)).contiguous().numpy().tobytes()  # 줄마다 앞에 0: 거르지 않는다
    blocks = [raw[at : at + 65535] for at in range(0, len(raw), 65535)]
    stored = b"".join(
        struct.pack("<BHH", block is blocks[-1], len(block), 65535 - len(block)) + block for block in blocks
    )
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(raw))
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def mask_path(mask: Tensor) -> str:
    """칠해진 화소를 덮는 SVG 경로의 d. 단위는 화소다. 위아래로 같은 줄은 직사각형 하나로 합친다."""
    parts: list[str] = []
    open_runs: dict[tuple[int, int], int] = {}  # (처음 열, 길이) -> 시작한 행
    rows: list[list[bool]] = mask.tolist()
    for y, row in enumerate([*rows, []]):
        runs = _runs(row)
        for run in [run for run in open_runs if run not in runs]:
            top = open_runs.pop(run)
            parts.append(f"M{run[0]} {top}h{run[1]}v{y - top}h{-run[1]}z")
        for run in runs:
            open_runs.setdefault(run, y)
    return "".join(parts)


def _runs(row: list[bool]) -> list[tuple[int, int]]:
    runs, start = [], None
    for x, on in enumerate([*row, False]):
        if on and start is None:
            start = x
        elif not on and start is not None:
            runs.append((start, x - start))
            start = None
    return runs


def as_input(pictures: Tensor, input_size: tuple[int, ...], mean: Tensor, std: Tensor) -> Tensor:
    """uint8 (N, 3, H, W)를 입력 크기에 맞추고, 학습 때와 같은 값으로 정규화한다. 실수 (N, C, H', W').

    회색으로 바꾼 사진은 세 채널의 평균값으로 정규화한다.
    """
    from cnnlab.training.augment import normalise

    fitted = torch.stack([fit_picture(picture, input_size)[0] for picture in pictures])
    if input_size[0] == 1:
        mean, std = mean.mean().view(1), std.mean().view(1)
    return normalise(fitted, mean, std)
