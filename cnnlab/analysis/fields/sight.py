"""한 노드의 출력이 입력을 보는 모습(Sight): 어느 축이 세로이고 가로인지, 채널마다 어디를 보는지.

텐서의 축마다 무엇이 들어 있는지를 인자(factor)의 목록으로 적는다. (C, H, W)는 ((c), (y), (x))이고, 펼치면 ((c, y, x)),
(H, W, C)로 바꾸면 ((y), (x), (c))다. 형태를 바꾸는 연산은 이 목록을 다시 묶을 뿐이므로 자리를 잃지 않는다.
펼친 자리에 다른 것을 이어 붙이면(ViT의 분류 토큰) 자리를 말할 수 없게 되고, 그 축은 인자 p다.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cnnlab.analysis.fields.axis import Axis, union
from cnnlab.analysis.formulas import Pair
from cnnlab.analysis.tracing.ops import Shape

Axes = tuple[Axis, Axis]
Factor = tuple[str, int]  # ("c" 채널, "y" 세로, "x" 가로, "p" 어느 자리인지 모름; 크기)
Dim = tuple[Factor, ...]
Channels = np.ndarray[Any, Any]
AXIS = {"y": 0, "x": 1}
PLACES = ("y", "x", "p")


class CannotFollow(Exception):
    """자리를 따라갈 수 없는 까닭."""


@dataclass(frozen=True, eq=False)
class Sight:
    """parts: 채널에 따라 다르게 볼 수 있는 (세로, 가로)의 종류들. layout: 배치를 뺀 축마다의 인자.

    channel: 채널 인자들의 크기를 형태로 갖는 배열, 그 채널이 보는 parts의 번호. 모두 같으면 None이다.
    세로(가로)의 출력이 둘 이상일 때에만 layout에 y(x)가 있다.
    """

    parts: tuple[Axes, ...]
    layout: tuple[Dim, ...]
    channel: Channels | None = None

    @cached_property
    def axes(self) -> Axes:
        """모든 채널을 합쳐 본 (세로, 가로)."""
        return merge_axes(self.parts)

    @property
    def merged(self) -> bool:
        return all(axis.merged for axis in self.axes)

    @property
    def vague(self) -> bool:
        """값마다 보는 곳이 다르지만 어디인지 말할 수 없는가. axes는 모두를 합쳐 본 것이다."""
        return self.place("p") is not None

    @property
    def size(self) -> Pair:
        """(세로, 가로) 출력의 수."""
        return self.axes[0].count, self.axes[1].count

    @property
    def shape(self) -> Shape:
        return tuple(math.prod(size for _, size in dim) for dim in self.layout)

    def place(self, kind: str) -> int | None:
        """y나 x가 있는 축의 번호."""
        return next((at for at, dim in enumerate(self.layout) if any(name == kind for name, _ in dim)), None)

    def single(self, kind: str) -> bool:
        return all(part[AXIS[kind]].single for part in self.parts)

    def gathered(self, kinds: Iterable[str]) -> "Sight":
        """그 축의 출력을 모두 합쳐 본다. y(x)는 구별 없는 인자 c가 된다."""
        kinds = [k for k in kinds if self.place(k) is not None or (k in AXIS and not self.axes[AXIS[k]].merged)]
        if not kinds:
            return self
        parts = tuple(
            tuple(a.all() if k in kinds else a for k, a in zip("yx", part, strict=True)) for part in self.parts
        )
        layout = tuple(tuple(("c" if name in kinds else name, size) for name, size in dim) for dim in self.layout)
        return blend(Sight(parts, layout)) if len(parts) > 1 else Sight(parts, layout)  # type: ignore[arg-type]

    def reshaped(self, shape: Shape) -> "Sight":
        """값의 순서는 그대로, 축을 다시 묶는다."""
        try:
            return build(self.parts, _regroup(self.layout, shape), self.channel)
        except CannotFollow:
            kinds = [kind for kind in "yx" if self.place(kind) is not None and self.single(kind)]
            if not kinds:
                raise
            return self.gathered(kinds).reshaped(shape)

    def permuted(self, order: Sequence[int]) -> "Sight":
        layout = tuple(self.layout[at] for at in order)
        channel = self.channel
        if channel is not None:
            numbers = iter(range(channel.ndim))
            owned = [[next(numbers) for name, _ in dim if name == "c"] for dim in self.layout]
            channel = channel.transpose([number for at in order for number in owned[at]])
        return build(self.parts, layout, channel)

    def units(self, tensor: Any, unit: Pair) -> Any:
        """(배치, ...) 텐서에서 세로와 가로가 unit인 값들만."""
        factors = [factor for dim in self.layout for factor in dim]
        tensor = tensor.reshape(tensor.shape[0], *(size for _, size in factors))
        for at in reversed(range(len(factors))):
            if factors[at][0] in AXIS:
                tensor = tensor.select(at + 1, unit[AXIS[factors[at][0]]])
        return tensor


def build(parts: tuple[Axes, ...], layout: Iterable[Dim], channel: Channels | None = None) -> Sight:
    """이웃한 채널 인자를 묶고 쓰이지 않는 parts를 버린다."""
    layout = tuple(_joined(dim) for dim in layout)
    if channel is None or len(parts) == 1:
        return Sight(parts if len(parts) == 1 else (merge_axes(parts),), layout)
    used, flat = np.unique(channel, return_inverse=True)
    if len(used) == 1:
        return Sight((parts[int(used[0])],), layout)
    sizes = [size for dim in layout for name, size in dim if name == "c"]
    return Sight(tuple(parts[int(number)] for number in used), layout, flat.reshape(sizes))


def need_places(sight: Sight, dims: Iterable[int]) -> None:
    if any(name == "p" for at in dims for name, _ in sight.layout[at]):
        raise CannotFollow("토큰을 이어 붙인 뒤라 어느 자리의 값인지 말할 수 없습니다")


def blend(sight: Sight) -> Sight:
    """채널을 모두 섞은 것."""
    return sight if len(sight.parts) == 1 else Sight((sight.axes,), sight.layout)


def merge_axes(parts: Sequence[Axes]) -> Axes:
    if len(parts) == 1:
        return parts[0]
    ys, xs = [part[0] for part in parts], [part[1] for part in parts]
    y = union(ys)
    return (y, y) if all(a is b for a, b in parts) else (y, union(xs))


def plain(size: int) -> Dim:
    return (("c", size),) if size > 1 else ()


def _joined(dim: Dim) -> Dim:
    out: list[Factor] = []
    for name, size in dim:
        if size == 1:
            continue
        if out and name == out[-1][0] == "c":
            out[-1] = ("c", out[-1][1] * size)
        else:
            out.append((name, size))
    return tuple(out)


def _regroup(layout: tuple[Dim, ...], shape: Shape) -> list[Dim]:
    """인자들을 차례대로 새 축에 나누어 담는다. c는 쪼갤 수 있고 y와 x는 쪼갤 수 없다."""
    factors = list(reversed(_joined(tuple(factor for dim in layout for factor in dim))))
    out: list[Dim] = []
    for size in shape:
        dim: list[Factor] = []
        room = size
        while room > 1:
            if not factors:
                raise CannotFollow("값의 수가 달라집니다")
            name, length = factors.pop()
            if room % length and (name != "c" or length % room):
                raise CannotFollow("높이나 너비를 쪼개거나 다른 축과 엇갈리게 묶습니다")
            taken = min(room, length)
            dim.append((name, taken))
            room //= taken
            if taken < length:
                factors.append((name, length // taken))
        out.append(tuple(dim))
    return out
