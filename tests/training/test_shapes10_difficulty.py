"""shapes10은 구조를 가를 만큼 어렵다: 같은 그림을 같은 횟수만큼 보고 LeNet-5 < 쌓기만 한 20층 < 잔차 20층.

그림 30,000장(3에폭)을 본 뒤의 시험 정확도(2026-11-23, bfloat16, 시드 0과 1): LeNet-5 43%, 42%, plain-20 68%, 63%,
ResNet-20 83%, 82%. 그보다 짧으면 세 신경망 모두 아직 배우는 중이어서 갈리지 않는다.
"""

import torch

from cnnlab import models
from cnnlab.training.loop import Recipe, train
from cnnlab.training.shapes10 import make_shapes10


def test_lenet_a_plain_net_and_a_residual_net_are_clearly_apart() -> None:
    data = make_shapes10()
    recipe = Recipe(epochs=3, batch_size=64, lr=0.1, augment=False, precision="measure")
    accuracy = {}
    for name in ("lenet5_cifar", "plain20_cifar", "resnet20_cifar"):
        torch.manual_seed(0)
        accuracy[name] = train(models.build(name), data, recipe).accuracy
    # 시험 그림 2,000장의 표준 오차는 0.011이다
    assert accuracy["plain20_cifar"] > accuracy["lenet5_cifar"] + 0.08, accuracy
    assert accuracy["resnet20_cifar"] > accuracy["plain20_cifar"] + 0.08, accuracy
