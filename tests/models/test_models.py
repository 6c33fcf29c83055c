"""모든 신경망이 지켜야 하는 것: 출력 형태, 모든 매개변수에 기울기, 클래스 수 바꾸기."""

import pytest
import torch

from cnnlab import models
from cnnlab.errors import LearnerError

ORIGINAL_SIZE = {
    **dict.fromkeys(("lenet5", "lenet5_1998"), (1, 32, 32)),
    "alexnet": (3, 227, 227),
    **dict.fromkeys(("inception_v4", "inception_resnet_v2"), (3, 299, 299)),
}
SMALL = [
    *("lenet5", "lenet5_1998", "lenet5_cifar", "resnet20_cifar", "plain20_cifar", "preact_resnet20_cifar"),
    *(
        "se_resnet20_cifar",
        "mobilenet_v1_cifar",
        "googlenet_cifar",
        "inception_v4_cifar",
        "inception_resnet_cifar",
        "alexnet_cifar",
        "zfnet_cifar",
        "speedrun_cifar",
    ),
]


def input_size(name):
    """논문의 입력 크기. CIFAR-10용은 3x32x32, 나머지는 적혀 있지 않으면 3x224x224."""
    return (3, 32, 32) if name.endswith("_cifar") else ORIGINAL_SIZE.get(name, (3, 224, 224))


@pytest.mark.parametrize("name", models.names())
def test_output_shape_and_every_parameter_is_used(name):
    with torch.device("meta"):
        model = models.build(name)
        out = model(torch.zeros(2, *input_size(name)))
    assert out.shape == (2, 10 if name.endswith("_cifar") or name.startswith("lenet5") else 1000)
    out.sum().backward()
    assert [key for key, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_gets_a_gradient_that_is_not_zero(name):
    torch.manual_seed(0)
    model = models.build(name)
    torch.nn.functional.cross_entropy(model(torch.randn(4, *input_size(name))), torch.arange(4)).backward()
    assert [key for key, p in model.named_parameters() if not p.grad.abs().sum() > 0] == []


def test_names_are_the_functions_of_the_package():
    assert all(getattr(models, name).__name__ == name for name in models.names())
    with pytest.raises(AttributeError, match="names"):
        models.resnet51  # noqa: B018


@pytest.mark.parametrize("name", sorted({*models.names()} - {"lenet5_1998", "resnet1202_cifar"}))
def test_number_of_classes_can_be_changed(name):
    with torch.device("meta"):
        assert models.build(name, num_classes=7)(torch.zeros(2, *input_size(name))).shape == (2, 7)


@pytest.mark.parametrize("name", ["lenet5", "lenet5_cifar"])
def test_num_classes_changes_only_the_last_layer(name):
    ten, seven = models.build(name), models.build(name, num_classes=7)
    assert seven(torch.zeros(1, *input_size(name))).shape == (1, 7)
    count = {model: sum(p.numel() for p in model.parameters()) for model in (ten, seven)}
    assert count[ten] - count[seven] == 3 * (84 + 1)


def test_wrong_name_is_told_in_korean_with_a_suggestion():
    with pytest.raises(LearnerError, match="혹시 lenet5"):
        models.build("lenet-5")


def test_fixed_digit_codes_refuse_another_number_of_classes():
    with pytest.raises(LearnerError, match="10이어야 합니다"):
        models.build("lenet5_1998", num_classes=5)
