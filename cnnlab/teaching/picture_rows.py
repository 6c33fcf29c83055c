"""사진 여러 장을 줄로 늘어놓은 그림: 줄마다 이름이 붙는다."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from cnnlab.runtime import use_korean_font
from cnnlab.teaching.plots import Picture, PlotError


def show_picture_rows(rows: Mapping[str, Tensor], caption: str = "사진") -> Picture:
    """줄의 이름 -> 사진들 (N, 3, H, W) 또는 (N, 1, H, W), 0..255. 줄마다 장수와 크기가 달라도 된다.

    실수이면 화면에 나타낼 수 있게 0..255로 자른다.
    오류: 사진이 없거나 형태가 다르면 PlotError.
    """
    from matplotlib.figure import Figure

    shapes = {name: tuple(images.shape) for name, images in rows.items()}
    if not rows or any(len(shape) != 4 or shape[1] not in (1, 3) or not shape[0] for shape in shapes.values()):
        raise PlotError(f"줄마다 (N, 3, H, W)나 (N, 1, H, W)의 사진을 주세요. 받은 형태: {shapes or '없음'}")
    columns = max(shape[0] for shape in shapes.values())
    size = min(1.15, 9.2 / columns)
    use_korean_font()
    figure = Figure(figsize=(size * columns + 1.5, (size + 0.06) * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes, (name, images) in zip(grid, rows.items(), strict=True):
        for ax in axes:
            ax.axis("off")
        for ax, image in zip(axes, images, strict=False):
            pixels = image.detach().float().clamp(0, 255).round().byte().permute(1, 2, 0).squeeze(-1)
            ax.imshow(pixels.cpu().numpy(), cmap="gray", vmin=0, vmax=255)
        axes[0].text(-0.12, 0.5, name, transform=axes[0].transAxes, ha="right", va="center", fontsize=9)
    return Picture(figure, caption)
