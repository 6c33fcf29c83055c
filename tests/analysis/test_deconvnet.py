"""deconvnet을 역전파(autograd)와, 손으로 계산한 것과 견준다."""

import pytest
import torch
from torch import nn

from cnnlab.analysis.deconvnet import deconvnet
from cnnlab.analysis.errors import BranchError, InputSizeError, LayerNameError, ModelError, UnknownOpError
from cnnlab.errors import LearnerError


def gradient(model, images, layer, channel, place):
    """그 자리의 값을 입력으로 미분하고 그 값을 곱한 것: ReLU가 없으면 deconvnet과 같다."""
    x = images.clone().requires_grad_()
    out = x
    for name, module in model.named_children():
        out = module(out)
        if name == layer:
            break
    units = out[:, channel, place[0], place[1]]
    (grad,) = torch.autograd.grad(units.sum(), x)
    return grad * units.detach().view(-1, 1, 1, 1)


def plain(*layers):
    torch.manual_seed(0)
    return nn.Sequential(*layers).double().eval()


def pictures(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


LINEAR = {
    "one convolution": [nn.Conv2d(3, 4, 3)],
    "padding": [nn.Conv2d(3, 4, 5, padding=2), nn.Conv2d(4, 2, 3, padding=(0, 1))],
    "stride that leaves pixels unseen": [nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 2, 3, stride=2)],
    "groups": [nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, groups=2)],
    "dilation": [nn.Conv2d(3, 4, 3, dilation=2, padding=1)],
    "same padding of an even kernel": [nn.Conv2d(3, 4, 4, padding="same"), nn.Conv2d(4, 2, (2, 3), padding="valid")],
    "dropout": [nn.Conv2d(3, 4, 3), nn.Dropout(0.9), nn.Identity(), nn.Conv2d(4, 2, 3)],
    "pooling": [nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 2, 2)],
    "overlapping pooling": [nn.MaxPool2d(3, stride=2), nn.Conv2d(3, 4, 2)],
    "overlapping pooling with cut windows": [
        nn.Conv2d(3, 4, 2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(4, 2, 2),
    ],
    "pooling with padding": [nn.MaxPool2d(3, 2, padding=1), nn.Conv2d(3, 2, 2)],
}


@pytest.mark.parametrize("layers", LINEAR.values(), ids=LINEAR)
def test_without_relu_it_is_the_input_gradient(layers):
    model, images = plain(*layers), pictures(3, 3, 12, 13)
    last = str(len(layers) - 1)
    found = deconvnet(model, images, last, channel=1, place=(1, 1))
    torch.testing.assert_close(found, gradient(model, images, last, 1, (1, 1)))
    assert found.abs().sum() > 0


def test_a_pixel_that_wins_two_overlapping_windows_gets_both_values():
    picture = torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 9, 0, 0], [0, 0, 0, 0, 0]]).view(1, 1, 3, 5)
    sums = nn.Conv2d(1, 1, (1, 2), bias=False)
    nn.init.ones_(sums.weight)
    model = nn.Sequential(nn.MaxPool2d(3, stride=2), sums)  # 두 창의 최댓값이 같은 화소의 9다: 9 + 9 = 18
    found = deconvnet(model, picture, "1", channel=0)
    expected = torch.zeros(3, 5)
    expected[1, 2] = 18 + 18
    assert torch.equal(found[0, 0], expected)


def test_rectification_stops_negative_signals_and_not_dead_units():
    """앞에서 0이었던 ReLU(역전파가 막는 자리)와 되돌아온 음수(deconvnet이 막는 자리)를 한 그림에 둔다."""
    model = nn.Sequential(nn.Conv2d(1, 3, 1, bias=False), nn.ReLU(), nn.Conv2d(3, 1, 1, bias=True))
    model[0].weight.data = torch.tensor([1.0, 1.0, -1.0]).view(3, 1, 1, 1)
    model[2].weight.data = torch.tensor([2.0, -3.0, 4.0]).view(1, 3, 1, 1)
    model[2].bias.data = torch.tensor([5.0])
    picture = torch.ones(1, 1, 1, 1, requires_grad=True)
    out = model(picture)  # ReLU(1, 1, -1) = (1, 1, 0), 2 - 3 + 0 + 5 = 4
    (grad,) = torch.autograd.grad(out.sum(), picture)
    assert out.item() == 4
    assert grad.item() * 4 == 4 * (2 - 3)  # 역전파: 셋째는 앞에서 0이라 막힌다
    assert deconvnet(model, picture, "2", 0).item() == 4 * (2 * 1 + 0 + 4 * -1)  # deconvnet: 음수인 둘째가 막힌다
    guided = 4 * 2  # guided backprop은 둘 다 막는다
    assert guided not in (grad.item() * 4, deconvnet(model, picture, "2", 0).item())


def test_without_a_place_the_strongest_unit_of_each_picture_is_projected():
    model, images = plain(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)), pictures(4, 3, 9, 9)
    found = deconvnet(model, images, "2", 3)
    maps = model(images)[:, 3]
    for number, one in enumerate(maps):
        place = divmod(int(one.argmax()), one.shape[1])
        alone = deconvnet(model, images[number : number + 1], "2", 3, place)
        torch.testing.assert_close(found[number : number + 1], alone)


def test_response_norm_is_passed_through_and_what_it_changed_is_the_starting_value():
    conv = nn.Conv2d(3, 4, 3)
    norm = nn.LocalResponseNorm(5, 1.0)
    model, images = plain(conv, norm), pictures(2, 3, 7, 7)
    found = deconvnet(model, images, "1", 2, (1, 1))
    ratio = (norm(conv(images)) / conv(images))[:, 2, 1, 1].view(-1, 1, 1, 1)
    torch.testing.assert_close(found, deconvnet(model, images, "0", 2, (1, 1)) * ratio)


def test_inplace_relu_changes_nothing():
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(4, 4, 2), nn.ReLU()]
    model, images = plain(*layers), pictures(2, 3, 11, 11)
    before = deconvnet(model, images, "4", 1)
    for module in model:
        if isinstance(module, nn.ReLU):
            module.inplace = True
    torch.testing.assert_close(deconvnet(model, images, "4", 1), before)


def test_the_model_and_the_pictures_are_left_alone():
    model, images = plain(nn.Conv2d(3, 4, 3), nn.Dropout(0.5), nn.ReLU()).train(), pictures(2, 3, 7, 7)
    before = images.clone()
    model[0].eval()
    deconvnet(model, images, "2", 0)
    assert [module.training for module in model] == [False, True, True]
    assert torch.equal(images, before)
    assert all(not module._forward_hooks for module in model.modules())
    assert all(p.grad is None for p in model.parameters())


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.after = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.after(self.first(x) + self.second(x))


def test_branches_are_refused_but_one_arm_of_them_is_not():
    model, images = Branch().double(), pictures(1, 3, 4, 4)
    with pytest.raises(BranchError, match="한 줄로"):
        deconvnet(model, images, "after", 0)
    torch.testing.assert_close(
        deconvnet(model, images, "second", 0, (1, 1)),
        deconvnet(nn.Sequential(model.second), images, "0", 0, (1, 1)),
    )


CIRCULAR = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"))


@pytest.mark.parametrize(
    ("model", "images", "layer", "channel", "place", "error"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh()), torch.rand(1, 3, 8, 8), "1", 0, None, UnknownOpError),
        (CIRCULAR, torch.rand(1, 3, 8, 8), "0", 0, None, UnknownOpError),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), torch.rand(1, 3, 8, 8), "conv9", 0, None, LayerNameError),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), torch.rand(1, 3, 8, 8), "0", 4, None, LayerNameError),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), torch.rand(1, 3, 8, 8), "0", 0, (6, 0), LayerNameError),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), torch.rand(1, 3, 8, 8), "1", 0, None, LayerNameError),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), torch.rand(3, 8, 8), "0", 0, None, InputSizeError),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "0", 0, None, InputSizeError),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), torch.rand(1, 1, 8, 8), "0", 0, None, LearnerError),
        (nn.Conv2d, torch.rand(1, 3, 8, 8), "0", 0, None, ModelError),
    ],
)
def test_what_cannot_be_projected_is_told_in_korean(model, images, layer, channel, place, error):
    with pytest.raises(error, match=r"[가-힣]"):
        deconvnet(model, images, layer, channel, place)
