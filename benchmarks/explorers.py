"""조절기를 한 번 움직일 때마다 화면이 바뀌기까지의 시간: 서로 다른 값 스무 번의 중앙값.

실행: python benchmarks/explorers.py
목표: explore_convolution 100 ms, explore_architecture 400 ms(입력 224x224) 아래.
값마다 처음 그리는 시간이다: 이미 본 값으로 돌아가면 기억해 둔 것을 쓰므로 더 빠르다.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from cnnlab.teaching.explore import explore_architecture, explore_convolution
from cnnlab.teaching.explorer import Explorer

MOVES = 20
# 신경망 -> (가족, 옮길 두 조절기와 그 값들). 값의 조합을 하나씩 옮겨 가며 모두 지난다
NETWORKS: dict[str, tuple[str, dict[str, Sequence[Any]]]] = {
    "VGG-16": ("vgg", {"config": ("A", "A-LRN", "B", "C", "E"), "batch_norm": (False, True)}),
    "ResNet-50": ("resnet", {"conv3": range(2, 7), "conv4": range(4, 9)}),
    "DenseNet-121": ("densenet", {"growth_rate": (16, 24, 32, 40, 48), "compression": (0.25, 0.5, 0.75, 1.0)}),
    "MobileNet": ("mobilenet", {"width": (0.25, 0.5, 0.75, 1.0, 1.25), "size": (128, 160, 192, 224)}),
}


def one_at_a_time(knobs: dict[str, Sequence[Any]]) -> list[tuple[str, Any]]:
    """두 조절기의 조합을 지그재그로 지나는 (조절기, 값)의 목록."""
    (first, rows), (second, columns) = knobs.items()
    moves: list[tuple[str, Any]] = []
    for number, row in enumerate(rows):
        moves.append((first, row))
        moves += [(second, column) for column in (columns if number % 2 == 0 else reversed(columns))]
    return moves


def median_ms(make: Callable[[], Explorer], moves: list[tuple[str, Any]]) -> float:
    """moves의 (조절기, 값)마다 옮기는 데 걸린 시간의 중앙값, ms. MOVES번이 찰 때까지 새 조절기로 되풀이한다."""
    times: list[float] = []
    while len(times) < MOVES:
        times += move_times(make(), moves)
    return statistics.median(times[:MOVES])


def move_times(explorer: Explorer, moves: list[tuple[str, Any]]) -> list[float]:
    times = []
    for name, value in moves:
        if explorer.controls[name].value == value:
            continue
        before = explorer.view.value
        began = time.perf_counter()
        explorer.controls[name].value = value
        times.append(1000 * (time.perf_counter() - began))
        if explorer.view.value == before or "✕" in explorer.view.value:
            raise SystemExit(f"{name}={value}: 화면이 바뀌지 않았거나 그리지 못했습니다.")
    return times


def main() -> None:
    knobs = {"size": range(8, 33, 4), "kernel": (1, 3, 5), "stride": (1, 2)}
    moves = [(name, value) for name, values in knobs.items() for value in values] * 2
    print(f"explore_convolution   {'':14} {median_ms(explore_convolution, moves):6.1f} ms")
    for network, (family, values) in NETWORKS.items():
        median = median_ms(partial(explore_architecture, family), one_at_a_time(values))
        print(f"explore_architecture  {network:14} {median:6.1f} ms")


if __name__ == "__main__":
    main()
