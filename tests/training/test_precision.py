"""셈법은 재어 고른다. 재는 일은 모델과 난수를 건드리지 않고, 고른 것은 기록에 남는다."""

import math

import pytest
import torch
from torch import nn

from cnnlab.training import precision
from cnnlab.training.augment import cutout
from cnnlab.training.averaging import Average
from cnnlab.training.evaluation import evaluate
from cnnlab.training.image_data import ImageData
from cnnlab.training.loop import Recipe, train
from cnnlab.training.precision import Precision, choose, parse


def make_model() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(1800, 3),
        ).eval()


@pytest.fixture(scope="module")
def data() -> ImageData:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(300) % 3
    images = torch.randint(0, 150, (300, 3, 32, 32), generator=generator, dtype=torch.uint8)
    images[torch.arange(300), labels] += 40
    return ImageData(images[:240], labels[:240], images[240:], labels[240:], ("가", "나", "다"), "색깔", "시험용")


@pytest.fixture
def model() -> nn.Module:
    return make_model()


ALL = [
    Precision(dtype, channels_last, compiled)
    for dtype in ("float32", "bfloat16", "float16")
    for channels_last in (False, True)
    for compiled in (False, True)
]


@pytest.mark.parametrize("option", ALL, ids=str)
def test_the_name_in_the_history_can_be_given_back(option):
    assert parse(str(option)) == option
    Recipe(epochs=1, precision=str(option))


@pytest.mark.parametrize("bad", ["float64", "bfloat16 fast", "", "channels_last", None, 16])
def test_unknown_names_are_refused(bad):
    assert parse(bad) is None
    with pytest.raises(ValueError, match="precision"):
        Recipe(epochs=1, precision=bad)


def test_measuring_changes_neither_weights_nor_statistics_nor_random_numbers(data, model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    results = []
    for how in ("float32", "measure"):
        torch.manual_seed(5)
        runner, again = make_model(), make_model()
        history = train(runner, data, Recipe(epochs=1, batch_size=48, precision=how))
        train(again, data, Recipe(epochs=1, batch_size=48, precision=history.precision))
        results.append((runner.state_dict(), again.state_dict(), torch.rand(3)))
        assert parse(history.precision) is not None
    for measured, named, _ in results:  # 재고서 고른 것과, 고른 것을 이름으로 준 것의 결과가 같다
        assert all(torch.equal(measured[name], named[name]) for name in measured)
    assert torch.equal(results[0][2], results[1][2])
    images, labels = torch.randn(16, 3, 32, 32), torch.arange(16) % 3
    choose(model, images, labels, 0.5, None)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_runs_by_epochs_never_let_the_clock_decide(data, model, monkeypatch):
    monkeypatch.setattr("cnnlab.training.loop.choose", lambda *ignored: pytest.fail("재면 안 된다"))
    assert train(model, data, Recipe(epochs=0.5)).precision == "float32"


def test_runs_by_minutes_measure_and_show_the_choice(data, model, monkeypatch):
    asked = []

    def choose_bfloat16(model, images, labels, seconds, budget):
        asked.append((len(images), seconds, budget))
        return Precision("bfloat16", channels_last=True), {"float32": 100.0, "bfloat16 channels_last": 200.0}

    monkeypatch.setattr("cnnlab.training.loop.choose", choose_bfloat16)
    now = [0.0]
    model.register_forward_hook(lambda *ignored: now.__setitem__(0, now[0] + 0.2))
    history = train(model, data, Recipe(minutes=0.25, batch_size=16), clock=lambda: now[0])
    assert asked == [(16, pytest.approx(0.3), 15)]
    assert history.precision == "bfloat16 channels_last"
    assert history.measured["float32"] == 100.0
    assert "bfloat16 channels_last" in history.summary()


def fake_times(monkeypatch, times: dict[str, tuple[float, float] | None]) -> None:
    monkeypatch.setattr(precision, "candidates", lambda device: [parse(name) for name in times])
    monkeypatch.setattr(precision, "_step", lambda model, forward, option, *rest: times[str(option)])


@pytest.mark.parametrize(
    ("times", "winner"),
    [
        ({"float32": (1.0, 2.3), "bfloat16": (0.5, 2.31)}, "bfloat16"),
        ({"float32": (1.0, 2.3), "bfloat16": (0.97, 2.3)}, "float32"),  # 얼마 빠르지 않으면 단순한 쪽
        ({"float32": (1.0, 2.3), "bfloat16": (0.1, 2.9)}, "float32"),  # 손실이 다르면 빨라도 쓰지 않는다
        ({"float32": (1.0, 2.3), "bfloat16": None}, "float32"),  # 이 장치가 못 하는 셈법
        ({"float32": (1.0, 2.3), "float32 channels_last": (0.8, 2.3), "bfloat16": (0.9, 2.3)}, "float32 channels_last"),
    ],
)
def test_the_fastest_that_gives_the_same_loss_wins(model, monkeypatch, times, winner):
    fake_times(monkeypatch, times)
    chosen, measured = choose(model, torch.zeros(4, 3, 32, 32), torch.zeros(4, dtype=torch.int64), 1.0, 60)
    assert str(chosen) == winner
    assert measured["float32"] == 4.0


def test_compiling_is_tried_only_when_the_run_is_long_enough_to_pay_for_it(model, monkeypatch):
    fake_times(monkeypatch, {"float32": (1.0, 2.3)})
    monkeypatch.setattr(precision, "_can_compile", lambda: True)
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda model: compiled.append(model) or model)
    monkeypatch.setattr(
        precision, "_step", lambda model, forward, option, *rest: (0.5 if option.compiled else 1.0, 2.3)
    )
    images, labels = torch.zeros(4, 3, 32, 32), torch.zeros(4, dtype=torch.int64)
    assert str(choose(model, images, labels, 1.0, 60)[0]) == "float32"
    assert compiled == []
    assert str(choose(model, images, labels, 1.0, 3600)[0]) == "float32 compile"


def test_a_model_that_cannot_be_copied_or_timed_trains_in_float32(data):
    class Stubborn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3072, 3)

        def __deepcopy__(self, memo):
            raise RuntimeError("베낄 수 없다")

        def forward(self, x):
            return self.layer(x.flatten(1))

    history = train(Stubborn(), data, Recipe(epochs=1, precision="measure"))
    assert history.precision == "float32"
    assert history.measured == {}


@pytest.mark.parametrize("name", ["float32 channels_last", "bfloat16", "bfloat16 channels_last"])
def test_every_way_of_computing_learns_as_much_as_float32(data, name):
    accuracies = []
    for how in ("float32", name):
        model = make_model()
        accuracies.append(train(model, data, Recipe(epochs=4, batch_size=24, precision=how)).accuracy)
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
        assert model[0].weight.is_contiguous()
    assert accuracies[1] >= accuracies[0] - 0.05


# 함께 들어온 설정: 가중치 이동 평균과 지우기


def test_the_average_follows_the_weights_and_settles_where_they_stay():
    model = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    average = Average(model, 0.9)
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[1].num_batches_tracked += 7
    for _ in range(200):
        average.update()
    now = model[0].weight.clone()
    with torch.no_grad():
        model[0].weight.fill_(5.0)
    with average.shown():
        torch.testing.assert_close(model[0].weight, now)
        assert model[1].num_batches_tracked == 7
    assert model[0].weight.eq(5).all()


def test_a_run_with_ema_gives_back_the_average_and_measures_it(data):
    results = {}
    for ema in (0.0, 0.95):
        model = make_model()
        history = train(model, data, Recipe(epochs=3, batch_size=24, ema=ema))
        assert history.accuracy == evaluate(model, data).accuracy
        results[ema] = model[5].weight.detach()
    assert not torch.equal(results[0.0], results[0.95])


def test_cutout_erases_one_square_around_a_random_place_in_each_picture():
    images = torch.full((400, 3, 32, 32), 200, dtype=torch.uint8)
    mean = torch.tensor([0.1, 0.2, 0.3])
    erased = cutout(images, 8, mean, torch.Generator().manual_seed(0))
    colour = torch.tensor([26, 51, 76], dtype=torch.uint8).view(3, 1, 1)
    heights, places = [], set()
    for picture in erased:
        gone = (picture == colour).all(0)
        assert (picture[:, ~gone] == 200).all()
        rows, columns = gone.any(1).nonzero().flatten(), gone.any(0).nonzero().flatten()
        assert gone.sum() == len(rows) * len(columns)
        assert rows[-1] - rows[0] + 1 == len(rows)
        heights.append(len(rows))
        places.add((int(rows[-1]), int(columns[-1])))
    assert max(heights) == 8
    assert min(heights) >= 4
    assert len(places) > 200
    assert math.isclose(sum(heights) / 400, 8 - 2 * (1 + 2 + 3) / 32 - 4 / 32, abs_tol=0.3)
