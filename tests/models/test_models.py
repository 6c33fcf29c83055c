"""모든 신경망이 지켜야 하는 것: 출력 형태, 모든 매개변수에 기울기, 클래스 수 바꾸기."""

import pytest
import torch

from cnnlab import models
from cnnlab.errors import LearnerError

INPUT_SIZE = {
    "lenet5": (1, 32, 32),
    "lenet5_1998": (1, 32, 32),
    "lenet5_cifar": (3, 32, 32),
    "speedrun_cifar": (3, 32, 32),
}


def test_every_model_has_an_input_size_here():
    assert set(INPUT_SIZE) == set(models.names())


@pytest.mark.parametrize("name", models.names())
def test_output_shape_and_every_parameter_gets_a_gradient(name):
    torch.manual_seed(0)
    model = models.build(name)
    out = model(torch.randn(4, *INPUT_SIZE[name]))
    assert out.shape == (4, 10)
    torch.nn.functional.cross_entropy(out, torch.arange(4)).backward()
    silent = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize("name", ["lenet5", "lenet5_cifar"])
def test_num_classes_changes_only_the_last_layer(name):
    ten, seven = models.build(name), models.build(name, num_classes=7)
    assert seven(torch.zeros(1, *INPUT_SIZE[name])).shape == (1, 7)
    count = {model: sum(p.numel() for p in model.parameters()) for model in (ten, seven)}
    assert count[ten] - count[seven] == 3 * (84 + 1)


def test_wrong_name_is_told_in_korean_with_a_suggestion():
    with pytest.raises(LearnerError, match="혹시 lenet5"):
        models.build("lenet-5")


def test_fixed_digit_codes_refuse_another_number_of_classes():
    with pytest.raises(LearnerError, match="10이어야 합니다"):
        models.build("lenet5_1998", num_classes=5)
