"""작은 숫자 그림 위에서 손으로 하는 합성곱: 창 하나의 곱과 합을 숫자 그대로 보인다."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from cnnlab.errors import LearnerError
from cnnlab.teaching.drawing import COLOURS, Grid, label, svg_card

CELL = 34


class PictureError(LearnerError, ValueError):
    """손으로 계산해 보일 수 없는 그림이나 커널을 받았다."""


@dataclass(frozen=True)
class WindowSum:
    """그림의 (row, column)에 커널을 놓았을 때의 곱과 합.

    image: (H, W), kernel: (K, K), 정수. 스트라이드 1, 패딩 0.
    """

    image: Tensor
    kernel: Tensor
    row: int = 0
    column: int = 0

    def __post_init__(self) -> None:
        for name, value in (("그림", self.image), ("커널", self.kernel)):
            if not isinstance(value, Tensor) or value.ndim != 2:
                raise PictureError(f"{name}에는 2차원 텐서를 넣어 주세요. 예: torch.tensor([[0, 1], [1, 0]])")
        if any(k > n for k, n in zip(self.kernel.shape, self.image.shape, strict=True)):
            raise PictureError(f"커널 {tuple(self.kernel.shape)}의 크기가 그림 {tuple(self.image.shape)}보다 큽니다.")
        rows, columns = self.output_shape
        if not (0 <= self.row < rows and 0 <= self.column < columns):
            raise PictureError(
                f"커널은 {rows}행 {columns}열의 자리에 놓을 수 있습니다. 받은 자리: ({self.row}, {self.column})"
            )

    @property
    def output_shape(self) -> tuple[int, int]:
        (h, w), (kh, kw) = self.image.shape, self.kernel.shape
        return h - kh + 1, w - kw + 1

    @property
    def window(self) -> Tensor:
        kh, kw = self.kernel.shape
        return self.image[self.row : self.row + kh, self.column : self.column + kw]

    @property
    def total(self) -> int:
        return int((self.window * self.kernel).sum())

    @property
    def outputs(self) -> Tensor:
        """모든 자리의 합 (H-K+1, W-K+1)."""
        windows = self.image.unfold(0, self.kernel.shape[0], 1).unfold(1, self.kernel.shape[1], 1)
        return (windows * self.kernel).sum(dim=(2, 3))

    def __str__(self) -> str:
        pairs = zip(self.window.flatten().tolist(), self.kernel.flatten().tolist(), strict=True)
        return " + ".join(f"{x}·({k})" if k < 0 else f"{x}·{k}" for x, k in pairs) + f" = {self.total}"

    __repr__ = __str__

    def svg(self) -> str:
        """그림, 커널, 지금까지 채운 출력을 나란히."""
        (h, w), (kh, kw), (oh, ow) = self.image.shape, self.kernel.shape, self.output_shape
        image, kernel, out = (Grid(x=x, y=42, cell=CELL) for x in (16, 60 + w * CELL, 104 + (w + kw) * CELL))
        done = self.row * ow + self.column
        parts = [
            label(image.x, 28, f"그림 {h}×{w}"),
            label(kernel.x, 28, f"커널 {kh}×{kw}"),
            label(out.x, 28, f"출력 {oh}×{ow}"),
            label(kernel.x - 30, 42 + h * CELL / 2, "∗", size=24),
            label(out.x - 32, 42 + h * CELL / 2, "=", size=24),
            image.area(0, 0, h, w, COLOURS["input"]),
            image.area(self.row, self.column, kh, kw, COLOURS["window"], opacity=0.35),
            image.lines(h, w),
            image.frame(self.row, self.column, kh, kw, COLOURS["window"]),
            *_numbers(image, self.image.tolist()),
            kernel.area(0, 0, kh, kw, COLOURS["window"], opacity=0.35),
            kernel.lines(kh, kw),
            *_numbers(kernel, self.kernel.tolist()),
            out.area(0, 0, oh, ow, COLOURS["output"]),
            out.lines(oh, ow),
            out.frame(self.row, self.column, 1, 1, COLOURS["written"]),
        ]
        for n, value in enumerate(self.outputs.flatten().tolist()[: done + 1]):
            parts.append(out.text(*divmod(n, ow), str(value), bold=n == done))
        height = 42 + h * CELL + 40
        parts.append(label(16, height - 14, str(self), size=13))
        width = max(out.x + ow * CELL + 16, 16 + 7.4 * len(str(self)) + 16)
        return svg_card(width, height, str(self), parts)

    def _repr_svg_(self) -> str:
        return self.svg()


def _numbers(grid: Grid, rows: Sequence[Sequence[int]]) -> list[str]:
    return [grid.text(i, j, str(value)) for i, row in enumerate(rows) for j, value in enumerate(row)]
