"""합성곱 하나의 산수: 식에 숫자를 채워 보이고, 입력 위를 움직이는 창을 그린다."""

from dataclasses import dataclass
from functools import cached_property
from html import escape

from cnnlab.analysis.formulas import conv_macs, conv_output_size, conv_params
from cnnlab.errors import LearnerError
from cnnlab.teaching.drawing import COLOURS, Grid, label, svg_card


class ConvolutionError(LearnerError, ValueError):
    """합성곱의 크기나 채널 수로 쓸 수 없는 값을 받았다."""


@dataclass(frozen=True)
class Convolution:
    """정사각형 입력에 합성곱 계층 하나를 놓은 것. 크기의 단위는 화소다.

    맞지 않는 조합도 만들 수 있다: 그때는 `problem`이 까닭을 말하고 나머지 값은 없다.
    노트북에서는 식과 그림이 함께 보인다.
    """

    size: int = 8
    kernel: int = 3
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    in_channels: int = 1
    out_channels: int = 1
    groups: int = 1
    position: int = 0  # 창이 놓인 자리: 왼쪽 위부터 오른쪽으로 센다

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            least = 0 if name in ("padding", "position") else 1
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConvolutionError(f"{name}에는 {least} 이상의 정수를 적어 주세요. 받은 값: {value!r}")

    @property
    def reach(self) -> int:
        """팽창까지 넣은 커널의 폭."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def padded(self) -> int:
        """패딩까지 넣은 입력의 폭."""
        return self.size + 2 * self.padding

    @cached_property
    def problem(self) -> str | None:
        """이 조합을 쓸 수 없는 까닭. 쓸 수 있으면 None."""
        if self.in_channels % self.groups:
            return (
                f"입력 채널 {self.in_channels}개를 {self.groups}개의 그룹으로 똑같이 나눌 수 없습니다. "
                "그룹 수를 입력 채널의 약수로 바꾸세요."
            )
        if self.out_channels % self.groups:
            return (
                f"출력 채널 {self.out_channels}개를 {self.groups}개의 그룹으로 똑같이 나눌 수 없습니다. "
                "그룹 수를 출력 채널의 약수로 바꾸세요."
            )
        if self.reach > self.padded:
            return (
                f"커널의 폭 {self.reach}칸이 패딩을 더한 입력 {self.padded}칸보다 커서 한 번도 놓을 수 없습니다. "
                "입력이나 패딩을 키우거나, 커널이나 팽창을 줄이세요."
            )
        return None

    @cached_property
    def output(self) -> int:
        """출력의 폭."""
        if self.problem:
            raise ConvolutionError(self.problem)
        return conv_output_size(self.size, self.kernel, self.stride, self.padding, self.dilation)

    @property
    def weight(self) -> tuple[int, int, int, int]:
        """nn.Conv2d의 weight와 같은 형태 (출력 채널, 그룹당 입력 채널, 커널, 커널)."""
        return (self.out_channels, self.in_channels // self.groups, self.kernel, self.kernel)

    @property
    def params(self) -> int:
        """매개변수 수(편향 포함)."""
        return conv_params(self.in_channels, self.out_channels, self.kernel, groups=self.groups)

    @property
    def macs(self) -> int:
        """곱셈-덧셈 수(편향 제외)."""
        return conv_macs(self.weight, (1, self.out_channels, self.output, self.output))

    @property
    def memory_kb(self) -> float:
        """출력 특징 맵의 메모리(float32, KB)."""
        return self.out_channels * self.output**2 * 4 / 1024

    @property
    def leftover(self) -> int:
        """오른쪽과 아래에서 어떤 창도 닿지 못하는 칸 수(패딩까지 센다)."""
        return self.padded - ((self.output - 1) * self.stride + self.reach)

    def formulas(self) -> list[tuple[str, str, str]]:
        """(이름, 숫자를 채운 식, 값)의 목록."""
        o, c_in, c_out, k, g = self.output, self.in_channels, self.out_channels, self.kernel, self.groups
        kernel = f"{self.dilation}×({k}−1) − 1" if self.dilation > 1 else f"{k}"
        per_group = f"{c_in}/{g}" if g > 1 else f"{c_in}"
        moves = self.padded - self.reach
        return [
            (
                "출력 크기",
                f"⌊({self.size} + 2×{self.padding} − {kernel}) / {self.stride}⌋ + 1 = ⌊{moves}/{self.stride}⌋ + 1",
                f"{o}",
            ),
            ("매개변수", f"{c_out} × {per_group} × {k} × {k} + {c_out}", f"{self.params:,}"),
            ("MAC", f"{o} × {o} × {c_out} × {per_group} × {k} × {k}", f"{self.macs:,}"),
            ("FLOP", f"2 × {self.macs:,}", f"{2 * self.macs:,}"),
            ("출력 메모리", f"{c_out} × {o} × {o} × 4바이트 / 1024", f"{self.memory_kb:,.2f} KB"),
        ]

    def __str__(self) -> str:
        if self.problem:
            return f"맞지 않는 조합: {self.problem}"
        return "\n".join(f"{name}: {formula} = {value}" for name, formula, value in self.formulas())

    __repr__ = __str__

    def html(self) -> str:
        """식과 값의 표, 또는 쓸 수 없는 까닭."""
        if self.problem:
            return (
                f'<div style="border-left:4px solid {COLOURS["wrong"]};padding:.4em .8em">'
                f"<b>✕ 맞지 않는 조합</b><br>{escape(self.problem)}</div>"
            )
        cell = "padding:.15em .7em;border-bottom:1px solid rgba(128,128,128,.35);text-align:left"
        rows = "".join(
            f'<tr><th style="{cell};white-space:nowrap">{name}</th><td style="{cell}">{formula}</td>'
            f'<td style="{cell};white-space:nowrap">= <b>{value}</b></td></tr>'
            for name, formula, value in self.formulas()
        )
        note = ""
        if self.leftover:
            note = f"<div>{self._note()}</div>"
        return f'<table style="border-collapse:collapse;margin:0">{rows}</table>{note}'

    def svg(self, with_formulas: bool = True) -> str:
        """패딩을 더한 입력, 그 위의 창, 창이 쓰는 출력 칸. 그 아래에 식과 값(또는 쓸 수 없는 까닭)."""
        drawn = max(self.padded, self.reach)
        cell = max(6, min(24, 260 // drawn))
        left = Grid(x=16, y=40, cell=cell)
        width, height = 2 * 16 + drawn * cell, 40 + drawn * cell + 14
        seen = self.padded if self.problem else self.padded - self.leftover
        inside = min(self.size, seen - self.padding)
        row, column = (0, 0) if self.problem else divmod(min(self.position, self.output**2 - 1), self.output)
        top, side = row * self.stride, column * self.stride
        colour = COLOURS["wrong" if self.problem else "window"]
        taps = [
            left.area(top + a * self.dilation, side + b * self.dilation, 1, 1, colour, opacity=0.7)
            for a in range(self.kernel)
            for b in range(self.kernel)
        ]
        parts = [
            left.area(0, 0, self.padded, self.padded, COLOURS["unused"]),
            left.area(0, 0, seen, seen, COLOURS["padding"]),
            left.area(self.padding, self.padding, inside, inside, COLOURS["input"]),
            *taps,
            left.lines(self.padded, self.padded),
            left.frame(top, side, self.reach, self.reach, colour),
            label(16, 26, f"입력 {self.size}×{self.size}" + (f", 패딩 {self.padding}" if self.padding else "")),
        ]
        if not self.problem:
            right = Grid(x=width + 34, y=40, cell=cell)
            parts += [
                label(width + 4, 40 + drawn * cell / 2, "→", size=22),
                label(width + 34, 26, f"출력 {self.output}×{self.output}"),
                right.area(0, 0, self.output, self.output, COLOURS["output"]),
                right.area(row, column, 1, 1, COLOURS["written"]),
                right.lines(self.output, self.output),
            ]
            width += 34 + max(self.output * cell, 110) + 16
        if with_formulas:
            lines = self._lines()
            parts += [
                label(x, height + 14 + 21 * n, text, size=13, colour=ink)
                for n, line in enumerate(lines)
                for x, text, ink in line
            ]
            width, height = max(width, 620), height + 21 * len(lines) + 6
        return svg_card(width, height, str(self), parts)

    def _lines(self) -> list[list[tuple[int, str, str]]]:
        """그림 아래의 글: 줄마다 (가로 자리, 글, 색)."""
        if self.problem:
            colour = COLOURS["wrong"]
            return [[(16, "✕ 맞지 않는 조합", colour)], *([(16, text, colour)] for text in self.problem.split(". "))]
        lines = [
            [(16, name, COLOURS["soft"]), (112, formula, COLOURS["ink"]), (470, f"= {value}", COLOURS["ink"])]
            for name, formula, value in self.formulas()
        ]
        return [*lines, [(16, self._note(), COLOURS["soft"])]] if self.leftover else lines

    def _note(self) -> str:
        return f"붉은 칸: 오른쪽과 아래의 {self.leftover}칸(패딩 포함)에는 어떤 창도 닿지 않습니다."

    def panel(self) -> str:
        """조절기 곁에 놓는 HTML: 그림과 식이 화면의 폭에 따라 나란히 또는 위아래로 놓인다."""
        style = "display:flex;flex-wrap:wrap;gap:1em;align-items:center"
        return f'<div style="{style}">{self.svg(with_formulas=False)}{self.html()}</div>'

    def _repr_svg_(self) -> str:
        return self.svg()
