"""짧은 시간에 배우는 신경망: 크기는 설명대로이고, 아주 짧은 학습으로도 배운다."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.models import speedrun_cifar
from cnnlab.models.speedrun import STAGE_CHANNELS, STEM_CHANNELS


def test_every_stage_halves_the_map_and_the_head_sees_one_value_per_channel():
    model = speedrun_cifar().eval()
    shapes = []
    for module in (model.stem, *model.stages, model.head):
        module.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    model(torch.randn(2, 3, 32, 32))
    sizes = (16, 8, 4, 2)
    maps = [(c, s, s) for c, s in zip((STEM_CHANNELS, *STAGE_CHANNELS), sizes, strict=True)]
    assert shapes == [*maps, (10,)]


def test_the_work_is_less_than_half_of_resnet20():
    with FlopCounterMode(display=False) as counter:
        speedrun_cifar().eval()(torch.randn(1, 3, 32, 32))
    assert counter.get_total_flops() / 2 < 41e6 / 2  # ResNet-20: 4,100만(He 2016, 4.2절의 구조를 센 값)


def test_one_batch_can_be_learnt_by_heart():
    torch.manual_seed(0)
    model = speedrun_cifar(num_classes=4)
    images, labels = torch.randn(16, 3, 32, 32), torch.arange(16) % 4
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(30):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
    model.train()
    assert (model(images).argmax(1) == labels).all()
