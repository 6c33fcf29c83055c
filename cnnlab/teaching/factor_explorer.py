"""n x n 커널 하나와, 그것을 나눈 두 길(3x3 여럿, 1xn과 nx1)을 나란히: 보는 자리는 같고 가중치의 수가 다르다."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnlab.teaching.drawing import COLOURS, Grid, label, svg_card

if TYPE_CHECKING:
    from cnnlab.teaching.explorer import Explorer

SIZES = (3, 5, 7, 9, 11)
WIDTHS = (16, 32, 64, 128, 192, 256, 384)
CELL, COLUMN, TOP = 11, 270, 64  # 커널 한 칸, 길 하나의 너비, 커널을 그리기 시작하는 높이
_FILL = ("#93c5fd", "#fcd34d", "#86efac", "#fca5a5", "#c4b5fd")
_BAR = 230


@dataclass(frozen=True)
class Path:
    """이어지는 커널 (세로, 가로)들. 가운데의 채널은 middle, 끝의 채널은 outputs."""

    name: str
    kernels: tuple[tuple[int, int], ...]
    inputs: int
    middle: int
    outputs: int

    @property
    def weights(self) -> int:
        """편향을 뺀 가중치의 수. 출력 한 칸의 MAC과 같다."""
        ends = [self.inputs, *[self.middle] * (len(self.kernels) - 1), self.outputs]
        return sum(height * width * ends[n] * ends[n + 1] for n, (height, width) in enumerate(self.kernels))

    @property
    def field(self) -> tuple[int, int]:
        """수용 영역 (세로, 가로)."""
        height, width = (1 + sum(kernel[axis] - 1 for kernel in self.kernels) for axis in (0, 1))
        return height, width


def paths(size: int, inputs: int, middle: int, outputs: int) -> tuple[Path, ...]:
    """size x size를 보는 세 길. size는 홀수."""
    return (
        Path(f"{size}×{size} 하나", ((size, size),), inputs, middle, outputs),
        Path(f"3×3 {(size - 1) // 2}개", ((3, 3),) * ((size - 1) // 2), inputs, middle, outputs),
        Path(f"1×{size}와 {size}×1", ((1, size), (size, 1)), inputs, middle, outputs),
    )


def paths_svg(chosen: tuple[Path, ...]) -> str:
    """길마다 커널의 모양, 가중치의 수, 수용 영역. 막대는 첫 길을 1로 한 비."""
    whole, longest = chosen[0].weights, max(path.weights for path in chosen)
    size = chosen[0].field[0]
    below = TOP + CELL * max(size, 9) + 24
    drawn = []
    for n, path in enumerate(chosen):
        x = 18 + COLUMN * n
        drawn.append(label(x, 34, path.name, 15, COLOURS["ink"]))
        left = x
        for k, (height, width) in enumerate(path.kernels):
            grid = Grid(left, TOP + CELL * (size - height) // 2, CELL)
            drawn += [grid.area(0, 0, height, width, _FILL[k % len(_FILL)]), grid.lines(height, width)]
            left += CELL * width + 10
        share = path.weights / whole
        length = _BAR * path.weights / longest
        drawn.append(f'<rect x="{x}" y="{below}" width="{length:.1f}" height="12" fill="#2563eb"/>')
        drawn.append(label(x, below + 34, f"가중치 {path.weights:,} (×{share:.2f})", 14, COLOURS["ink"]))
        drawn.append(label(x, below + 56, f"수용 영역 {path.field[0]}×{path.field[1]}", 14, COLOURS["ink"]))
    return svg_card(18 + COLUMN * len(chosen), below + 74, "커널을 나누는 세 길", drawn)


def explore_factoring(size: int = 7, inputs: int = 192, middle: int = 192, outputs: int = 192) -> Explorer:
    """커널의 크기와 채널을 바꾸며, 나누면 가중치가 얼마나 주는지 본다.

    size: 3, 5, 7, 9, 11. inputs, middle, outputs: 들어오는, 가운데의, 나가는 채널(WIDTHS).
    특징 맵의 크기가 그대로이면 MAC의 비도 가중치의 비와 같다.
    """
    from cnnlab.teaching.explorer import Explorer, steps

    controls = {
        "size": steps("커널 n", SIZES, size),
        "inputs": steps("입력 채널", WIDTHS, inputs),
        "middle": steps("가운데 채널", WIDTHS, middle),
        "outputs": steps("출력 채널", WIDTHS, outputs),
    }
    return Explorer(controls, lambda **values: paths_svg(paths(**values)), place="위")
