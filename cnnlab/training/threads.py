"""CPU 스레드의 수를 재어 고른다.

다른 프로그램이 코어를 쓰고 있으면, 스레드를 코어 수만큼 쓰는 학습은 연산마다 서로를 기다리느라 스레드 하나보다 몇 배
느려진다. 2코어에서 다른 학습 하나와 함께 돌릴 때 ResNet-20이 초당 52장(스레드 둘)과 460장(하나)이었다(2026-11-23).
한가하면 여럿이 빠르다. 어느 쪽인지는 재어 보아야 안다.
"""

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cnnlab.training.precision import GAIN, SHORTEST, Precision, step_seconds

FEWEST = 2  # 저마다 이만큼은 잰다


def choose_threads(model: nn.Module, images: Tensor, labels: Tensor, precision: Precision, seconds: float) -> int:
    """지금의 스레드 수와 하나 가운데, 학습 걸음이 빠른 쪽의 수.

    images (B, C, H, W)와 labels (B,)로 모델의 사본을 번갈아 학습시켜 seconds 동안 잰다. 가장 짧은 때가 아니라 합으로
    견준다: 다른 프로그램에 막히는 때가 바로 알고 싶은 것이다. CPU가 아니면 재지 않는다.
    모델의 가중치와 통계는 그대로다. 난수는 부르는 쪽이 지킨다.
    """
    most = torch.get_num_threads()
    if images.device.type != "cpu" or most == 1 or seconds < SHORTEST:
        return most
    trial = copy.deepcopy(model).train()
    spent = dict.fromkeys((most, 1), 0.0)
    deadline = time.perf_counter() + seconds
    turn = 0
    while turn <= FEWEST or time.perf_counter() < deadline:
        for count in spent:
            with threads(count):
                taken = step_seconds(trial, precision, images, labels)
            if taken is None:
                return most
            spent[count] += taken if turn else 0.0  # 첫걸음에는 준비가 섞인다
        turn += 1
    return 1 if spent[1] * GAIN < spent[most] else most


@contextmanager
def threads(count: int) -> Iterator[None]:
    """이 안에서만 CPU 스레드를 count개 쓴다."""
    before = torch.get_num_threads()
    if count != before:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
