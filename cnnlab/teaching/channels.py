"""채널이 여럿인 합성곱의 그림: 커널 한 벌이 입력 채널을 모두 보고 특징 맵 한 장을 만든다."""

from dataclasses import dataclass

from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.teaching.drawing import COLOURS, Grid, label, svg_card

INPUT_FILLS = ("#fecaca", "#bbf7d0", "#bfdbfe", "#e5e7eb")  # 앞의 셋은 빨강, 초록, 파랑 채널
KERNEL_FILLS = ("#fdba74", "#fcd34d", "#c4b5fd", "#f9a8d4")
ROWS = 3  # 그림에 그리는 커널의 수. 나머지는 ⋮로 줄인다
CELL = 11


class ChannelError(LearnerError, TypeError):
    """채널의 그림을 그릴 수 없는 계층을 받았다."""


@dataclass(frozen=True)
class ChannelPicture:
    """nn.Conv2d 하나의 채널 관계. 노트북에서는 그림이 보인다."""

    layer: nn.Conv2d

    def __post_init__(self) -> None:
        if not isinstance(self.layer, nn.Conv2d) or self.layer.groups != 1:
            raise ChannelError("그룹이 하나인 nn.Conv2d를 넣어 주세요. 예: nn.Conv2d(3, 16, 5)")

    def __repr__(self) -> str:
        c_out, c_in, height, width = self.layer.weight.shape
        return f"커널 {c_out}벌, 한 벌은 {c_in}×{height}×{width}: 특징 맵 {c_out}장"

    def _repr_svg_(self) -> str:
        c_out, c_in, kernel, _ = self.layer.weight.shape
        shown, layers = min(c_out, ROWS), min(c_in, len(INPUT_FILLS))
        step = kernel * CELL + 14 * layers + 26
        height = 58 + shown * step + (24 if c_out > shown else 0)
        parts = [
            label(16, 26, f"입력 {c_in}채널"),
            label(196, 26, f"커널 {c_out}벌"),
            label(520, 26, f"특징 맵 {c_out}장"),
        ]
        parts += _stack(16, 48, 9, layers, INPUT_FILLS, window=kernel)
        parts.append(label(164, 48 + 54, "∗", size=24))
        for n in range(shown):
            top = 48 + n * step
            middle = top + (kernel * CELL + 10 * (layers - 1)) / 2 + 4
            parts += _stack(196, top, kernel, layers, (KERNEL_FILLS[n],) * layers)
            right = 196 + kernel * CELL + 10 * layers + 8
            bias = " + 편향 1개" if self.layer.bias is not None else ""
            parts.append(label(right, middle, f"{c_in}겹을 곱해 모두 더함{bias}", size=12, colour=COLOURS["soft"]))
            parts.append(label(right + 178, middle, "→", size=18))
            out = Grid(x=520, y=top, cell=CELL)
            parts += [out.area(0, 0, 6, 6, KERNEL_FILLS[n]), out.lines(6, 6)]
        if c_out > shown:
            parts += [label(214, height - 12, "⋮", size=20), label(546, height - 12, "⋮", size=20)]
        return svg_card(660, max(height, 190), repr(self), parts)


def draw_channels(layer: nn.Conv2d) -> ChannelPicture:
    """합성곱 계층의 weight (출력, 입력, 커널, 커널)를 그린다: 커널이 몇 벌이고 한 벌이 몇 겹인가."""
    return ChannelPicture(layer)


def _stack(x: int, y: int, cells: int, layers: int, fills: tuple[str, ...], window: int = 0) -> list[str]:
    """비스듬히 겹친 모눈. window가 있으면 겹마다 같은 자리에 창을 그린다."""
    parts = []
    for n in reversed(range(layers)):
        grid = Grid(x=x + 10 * n, y=y + 10 * n, cell=CELL)
        parts += [grid.area(0, 0, cells, cells, fills[n % len(fills)]), grid.lines(cells, cells)]
        if window:
            parts.append(grid.frame(0, 0, window, window, COLOURS["window"]))
    return parts
