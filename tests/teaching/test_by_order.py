"""검산이 재는 차례: 손으로 적은 작은 블록에서 답을 아는 것과 견준다."""

import torch
from torch import Tensor, nn

from cnnlab.models import resnet20_cifar, resnet56_cifar
from cnnlab.models.preact_resnet import preact_resnet20_cifar, preact_resnet56_cifar
from cnnlab.teaching.quantities import Subject, compute

SIZE = (3, 32, 32)


class Block(nn.Module):
    def __init__(self, gate: bool) -> None:
        super().__init__()
        self.branch, self.gate = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU() if gate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(x + self.branch(x))


def subject(*gates: bool) -> Subject:
    torch.manual_seed(0)
    return Subject(nn.Sequential(*(Block(gate) for gate in gates)), (3, 8, 8))


def test_order_is_the_order_of_execution_not_of_construction() -> None:
    class Reversed(Block):
        def forward(self, x: Tensor) -> Tensor:
            return x + self.branch(self.gate(x))

    backwards = Subject(nn.Sequential(Reversed(gate=True)), (3, 8, 8))
    assert compute("block_order:0", subject(True)) == "conv add ReLU"
    assert compute("block_order:0", backwards) == "ReLU conv add"


def test_only_a_relu_right_after_an_addition_counts_as_a_gate() -> None:
    assert compute("relus_after_addition", subject(True, False, True)) == 2
    assert compute("relus_after_addition", subject(False, False)) == 0


def test_gates_on_the_way_are_the_blocks_of_the_original_order() -> None:
    for build, blocks in ((resnet20_cifar, 9), (resnet56_cifar, 27)):
        assert compute("relus_after_addition", Subject(build(), SIZE)) == blocks
    for build in (preact_resnet20_cifar, preact_resnet56_cifar):
        assert compute("relus_after_addition", Subject(build(), SIZE)) == 0


def test_lowest_output_is_below_zero_only_without_the_gate() -> None:
    assert compute("lowest_output:0", subject(True)) == 0
    assert compute("lowest_output:0", subject(False)) < 0
    assert compute("lowest_output:0,1", subject(True, False)) < 0


def test_measuring_leaves_the_model_as_it_was() -> None:
    one = Subject(preact_resnet20_cifar().eval(), SIZE)
    before = {name: value.clone() for name, value in one.model.state_dict().items()}
    compute("lowest_output:conv2_x.0", one)
    assert not one.model.training
    assert not any(module._forward_hooks for module in one.model.modules())
    assert all(torch.equal(value, before[name]) for name, value in one.model.state_dict().items())
