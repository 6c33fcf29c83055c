import pytest
import torch
from torch import nn

from cnnlab.training.image_data import ImageData
from cnnlab.training.loop import Recipe, train
from cnnlab.training.lr_find import LrFindError, lr_find


@pytest.fixture(scope="module")
def data() -> ImageData:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(300) % 3
    images = torch.randint(0, 150, (300, 3, 32, 32), generator=generator, dtype=torch.uint8)
    images[torch.arange(300), labels] += 40
    return ImageData(images[:240], labels[:240], images[240:], labels[240:], ("가", "나", "다"), "색깔", "시험용")


def make_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(196, 3))


def test_the_callers_model_and_random_state_are_untouched(data):
    model = make_model().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    lr_find(model, data, steps=30)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_same_seed_gives_the_same_curve(data):
    model = make_model()
    assert lr_find(model, data, steps=20) == lr_find(model, data, steps=20)


def test_the_range_grows_by_a_constant_ratio_and_stops_when_the_loss_blows_up(data):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 64), nn.ReLU(), nn.Linear(64, 3))
    curve = lr_find(model, data, steps=60, highest=1e4)
    ratios = [b / a for a, b in zip(curve.lrs, curve.lrs[1:], strict=False)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))
    assert len(curve.lrs) == len(curve.losses) < 60


def test_the_suggested_rate_learns_and_is_below_the_blow_up(data):
    model = make_model()
    curve = lr_find(model, data, batch_size=48, steps=60, highest=0.5)
    assert curve.lrs[0] < curve.suggestion < curve.lrs[-1]
    assert train(model, data, Recipe(epochs=4, batch_size=48, lr=curve.suggestion)).accuracy > 0.9


def test_the_plot_marks_the_suggestion_and_names_the_data(data):
    from cnnlab.runtime import use_korean_font

    use_korean_font()
    curve = lr_find(make_model(), data, steps=20)
    figure = curve.plot()
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert "색깔" in axes.get_title()
    assert axes.lines[1].get_xdata()[0] == curve.suggestion


@pytest.mark.parametrize("bad", [{"lowest": 0}, {"lowest": 1, "highest": 0.1}, {"steps": 3}], ids=str)
def test_impossible_ranges_are_refused_in_korean(data, bad):
    with pytest.raises(LrFindError, match="받은 값"):
        lr_find(make_model(), data, **bad)


class Deaf(nn.Module):
    """무엇을 보여 주어도 같은 답만 한다."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        return 0 * self.bias.expand(len(x), 3)


def test_a_range_in_which_nothing_is_learnt_is_said(data):
    with pytest.raises(LrFindError, match="lowest"):
        lr_find(Deaf(), data, steps=20)
