import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.training import runs
from cnnlab.training.augment import channel_stats
from cnnlab.training.image_data import ImageData
from cnnlab.training.loop import ModelError, Recipe, RecipeError, StopTraining, evaluate, train
from cnnlab.training.recipe import one_cycle

CLASSES = ("빨강", "초록", "파랑")


def coloured_pictures(train_count: int = 240, test_count: int = 90) -> ImageData:
    """클래스마다 한 채널이 밝다: 선형 분류기도 다 맞힐 수 있다."""
    generator = torch.Generator().manual_seed(11)

    def draw(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.arange(count) % 3
        images = torch.randint(0, 150, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
        images[torch.arange(count), labels] += 60
        return images, labels

    return ImageData(*draw(train_count), *draw(test_count), CLASSES, "색깔 그림", "시험용으로 만든 그림")


def small_model(outputs: int = 3) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 5, stride=4),  # (N, 4, 7, 7)
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(196, outputs),
        )


@pytest.fixture(scope="module")
def data() -> ImageData:
    return coloured_pictures()


@pytest.fixture
def model() -> nn.Module:
    return small_model()


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


class FakeClock:
    """정해진 일을 할 때만 흐르는 시계: 학습 한 걸음에 step초, 평가하는 그림 한 장에 picture초."""

    def __init__(self, model: nn.Module, step: float, picture: float) -> None:
        self.now, self.step, self.picture = 100.0, step, picture
        model.register_forward_hook(self.count)

    def __call__(self) -> float:
        return self.now

    def count(self, module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        self.now += self.step if torch.is_grad_enabled() else self.picture * len(inputs[0])


# 배우고, 기록하고, 되풀이된다


def test_separable_pictures_are_learnt(data, model):
    history = train(model, data, Recipe(epochs=6, batch_size=24))
    assert history.accuracy > 0.95
    assert history.accuracy == evaluate(model, data).accuracy
    assert history.stopped == runs.EPOCHS_DONE
    assert history.images_seen == 6 * 240
    assert history.test_images == 90
    assert history.source == data.name
    assert history.steps[-1].epoch == 6
    assert history.steps[0].loss > history.steps[-1].loss
    assert history.evals[0].epoch == 0
    assert history.evals[-1].accuracy == history.accuracy


def test_same_seed_and_epochs_give_the_same_result_bit_for_bit(data):
    results = []
    for _ in range(2):
        torch.rand(7)  # 부르는 쪽의 난수 상태가 달라도 같아야 한다
        model = small_model()
        history = train(model, data, Recipe(epochs=2, batch_size=16, seed=4))
        results.append((weights(model), [(step.loss, step.accuracy, step.lr) for step in history.steps], history.loss))
    assert same(results[0][0], results[1][0])
    assert results[0][1:] == results[1][1:]


def test_another_seed_gives_another_result(data):
    models = [small_model() for _ in range(2)]
    for seed, model in enumerate(models):
        train(model, data, Recipe(epochs=1, batch_size=16, seed=seed))
    assert not same(weights(models[0]), weights(models[1]))


def test_random_state_modes_and_gradients_are_as_before(data, model):
    model[1].eval()
    before = torch.get_rng_state()
    train(model, data, Recipe(epochs=0.5, batch_size=16))
    evaluate(model, data)
    assert torch.equal(torch.get_rng_state(), before)
    assert [module.training for module in model] == [True, False, True, True, True, True]
    assert all(parameter.grad is None for parameter in model.parameters())


def test_pictures_are_not_changed(data, model):
    before = data.train_images.clone(), data.test_images.clone()
    train(model, data, Recipe(epochs=1))
    assert torch.equal(data.train_images, before[0])
    assert torch.equal(data.test_images, before[1])


def test_frozen_parameters_stay(data, model):
    model[0].requires_grad_(False)
    before = weights(model)
    train(model, data, Recipe(epochs=1, batch_size=24))
    assert torch.equal(model[0].weight, before["0.weight"])
    assert not torch.equal(model[5].weight, before["5.weight"])


def test_long_runs_keep_about_150_records_and_ten_evaluations(data, model):
    history = train(model, data, Recipe(epochs=20, batch_size=8))
    assert 100 <= len(history.steps) <= 200
    assert len(history.evals) == 11


def test_learning_rate_rises_then_falls_to_nearly_zero(data, model):
    rates = [step.lr for step in train(model, data, Recipe(epochs=8, batch_size=16, lr=0.1)).steps]
    peak = rates.index(max(rates))
    assert max(rates) == pytest.approx(0.1, rel=0.05)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] < 0.002
    assert one_cycle(0) > 0
    assert one_cycle(1) == 0


def test_a_step_without_augmentation_is_plain_nesterov_sgd(data):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3))
    copy = nn.Linear(3 * 32 * 32, 3)
    copy.load_state_dict(model[1].state_dict())
    train(model, data, Recipe(epochs=1, batch_size=240, lr=0.01, augment=False, momentum=0, weight_decay=0))
    mean, std = (value.view(3, 1, 1) for value in channel_stats(data.train_images))
    loss = F.cross_entropy(copy(((data.train_images / 255 - mean) / std).flatten(1)), data.train_labels)
    loss.backward()
    expected = copy.weight - 0.01 * one_cycle(0) * copy.weight.grad
    torch.testing.assert_close(model[1].weight, expected)


# 시간


def test_minutes_include_the_final_evaluation(data, model):
    clock = FakeClock(model, step=0.05, picture=0.002)  # 90장 평가에 0.18초
    history = train(model, data, Recipe(minutes=0.2, batch_size=16), clock=clock)
    assert history.stopped == runs.TIME_UP
    assert 0.9 * 12 <= clock.now - 100 <= 1.1 * 12
    assert history.seconds == pytest.approx(clock.now - 100)
    assert history.test_images == 90
    assert history.steps[-1].lr < 0.05 * history.recipe["lr"]


def test_slow_steps_do_not_overrun_the_time(data, model):
    clock = FakeClock(model, step=2.5, picture=0.001)
    train(model, data, Recipe(minutes=0.2, batch_size=16), clock=clock)
    assert clock.now - 100 <= 1.1 * 12


def test_a_model_too_slow_for_the_whole_test_set_is_tested_on_a_part_and_says_so():
    data = coloured_pictures(test_count=3000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3))
    clock = FakeClock(model, step=0.5, picture=0.02)  # 전체 평가에 60초
    history = train(model, data, Recipe(minutes=1, batch_size=16), clock=clock)
    assert 0.9 * 60 <= clock.now - 100 <= 1.1 * 60
    assert 1000 < history.test_images < 2000
    assert f"{history.test_images:,}장" in history.summary()


def test_evaluations_on_the_way_take_under_five_percent():
    data = coloured_pictures(test_count=3000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3))
    clock = FakeClock(model, step=0.1, picture=0.001)
    history = train(model, data, Recipe(minutes=1, batch_size=16), clock=clock)
    steps = history.images_seen / 16
    assert 60 - 0.1 * steps - 3.0 < 0.05 * 60 + 1


def test_a_tiny_budget_still_trains_one_step_and_evaluates(data, model):
    before = weights(model)
    clock = FakeClock(model, step=5, picture=1)
    history = train(model, data, Recipe(minutes=0.01, batch_size=16), clock=clock)
    assert history.images_seen == 16
    assert not same(weights(model), before)
    assert math.isfinite(history.accuracy)


# 멈춤


def stop_at(count: int, signal: BaseException):
    calls = itertools.count(1)

    def listener(progress) -> None:
        if next(calls) == count:
            raise signal

    return listener


@pytest.mark.parametrize(
    ("signal", "reason"),
    [(StopTraining(runs.STOP_BUTTON), runs.STOP_BUTTON), (KeyboardInterrupt(), runs.INTERRUPTED)],
)
def test_a_stopped_run_returns_what_was_reached(data, model, signal, reason):
    history = train(model, data, Recipe(epochs=5, batch_size=16), [stop_at(3, signal)])
    assert history.stopped == reason
    assert history.images_seen == 3 * 16
    assert history.accuracy == evaluate(model, data).accuracy
    assert len(history.steps) == 3


def test_a_second_interrupt_gives_up_the_evaluation(data, model):
    interrupted = []

    def interrupt_evaluation(module, inputs, output) -> None:
        if interrupted and not torch.is_grad_enabled():
            raise KeyboardInterrupt

    def listener(progress) -> None:
        interrupted.append(progress)
        raise KeyboardInterrupt

    handle = model.register_forward_hook(interrupt_evaluation)
    history = train(model, data, Recipe(epochs=5, batch_size=16), [listener])
    handle.remove()
    assert history.stopped == runs.INTERRUPTED
    assert math.isnan(history.accuracy)
    assert "재지 못함" in history.summary()
    assert model.training


def test_a_listeners_own_mistake_is_not_hidden(data, model):
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError):
        train(model, data, Recipe(epochs=1), [lambda progress: 1 / 0])
    assert torch.equal(torch.get_rng_state(), before)


def test_listeners_hear_a_consistent_story(data, model):
    heard = []
    history = train(model, data, Recipe(epochs=2, batch_size=24), [heard.append])
    assert len(heard) == 20
    assert [progress.fraction for progress in heard] == sorted(progress.fraction for progress in heard)
    assert heard[-1].fraction == 1
    assert heard[-1].images_seen == history.images_seen
    assert all(0 <= progress.accuracy <= 1 and progress.seconds_left >= 0 for progress in heard)
    assert heard[0].history is history


def test_an_exploding_run_stops_and_gives_back_finite_weights(data):
    model = nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(196, 3))
    history = train(model, data, Recipe(epochs=5, batch_size=16, lr=1e9))
    assert history.stopped == runs.DIVERGED
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert math.isfinite(history.loss)
    assert history.accuracy == evaluate(model, data).accuracy
    assert "lr=1e+09" in history.summary()


# 평가


def test_evaluation_equals_a_picture_by_picture_count(data, model):
    train(model, data, Recipe(epochs=0.4, batch_size=16))
    mean, std = (value.view(3, 1, 1) for value in channel_stats(data.train_images))
    confusion, losses = torch.zeros(3, 3, dtype=torch.int64), []
    model.eval()
    with torch.no_grad():
        for image, label in zip(data.test_images, data.test_labels, strict=True):
            logits = model(((image / 255 - mean) / std).unsqueeze(0))[0]
            confusion[label, logits.argmax()] += 1
            losses.append(-logits.log_softmax(0)[label].item())
    result = evaluate(model.train(), data)
    assert torch.equal(result.confusion, confusion)
    assert result.accuracy == confusion.diag().sum().item() / 90
    assert result.loss == pytest.approx(sum(losses) / 90, rel=1e-5)


@pytest.mark.parametrize("size", [1, 7, 90, 4000])
def test_evaluation_does_not_depend_on_the_batch_size(data, model, monkeypatch, size):
    expected = evaluate(model, data)
    monkeypatch.setattr("cnnlab.training.evaluation.EVAL_BATCH", {"cpu": size})
    got = evaluate(model, data)
    assert torch.equal(got.confusion, expected.confusion)
    assert got.loss == pytest.approx(expected.loss, rel=1e-5)


def test_training_pictures_can_be_evaluated(data, model):
    assert evaluate(model, data, split="train").confusion.sum() == 240


def test_answers_are_chosen_among_the_classes_of_the_data(data):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
    with torch.no_grad():
        model[1].bias[7] = 1e6
    assert evaluate(model, data).confusion.sum() == 90


# 시작하기 전에 알아보는 잘못


class Broken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        raise KeyError("층")


BAD_MODELS = {
    "매개변수가 없습니다": nn.Flatten(),
    "얼어 있습니다": nn.Sequential(nn.Flatten(), nn.Linear(3072, 3)).requires_grad_(False),
    "입력 채널": nn.Sequential(nn.Conv2d(1, 3, 5), nn.Flatten()),
    "기대하는 크기": nn.Sequential(nn.Flatten(), nn.Linear(784, 3)),
    "3개로 늘리세요": nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)),
    "로짓": nn.Conv2d(3, 3, 5),
    "원래 메시지": Broken(),
    "meta": nn.Sequential(nn.Flatten(), nn.Linear(3072, 3, device="meta")),
    "Module": "lenet5",
}


@pytest.mark.parametrize(("words", "bad"), BAD_MODELS.items())
def test_a_model_that_cannot_learn_is_refused_before_anything_starts(data, words, bad):
    with pytest.raises(ModelError, match=words) as caught:
        train(bad, data, Recipe(epochs=1), [lambda progress: pytest.fail("시작하면 안 된다")])
    assert isinstance(caught.value, LearnerError)


def test_the_models_own_error_is_chained(data):
    with pytest.raises(ModelError, match="층") as caught:
        evaluate(Broken(), data)
    assert isinstance(caught.value.__cause__, KeyError)


def test_weights_that_are_already_nan_are_refused(data):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 3))
    nn.init.constant_(model[1].bias, math.nan)
    with pytest.raises(ModelError, match="NaN"):
        train(model, data, Recipe(epochs=1))


def test_something_that_is_not_image_data_is_refused(model):
    for call in (lambda: train(model, "cifar10", Recipe(epochs=1)), lambda: evaluate(model, None)):
        with pytest.raises(ModelError, match="load_cifar10"):
            call()


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"minutes": 1, "epochs": 1},
        *({"minutes": value} for value in (0, -1, math.nan, math.inf, "1", True)),
        *({"epochs": value} for value in (0, -0.5, math.nan, "열", [3])),
        *({"epochs": 1, "lr": value} for value in (0, -0.1, math.nan, "0.1", None)),
        *({"epochs": 1, "batch_size": value} for value in (0, -8, 2.5, "64", None)),
        *({"epochs": 1, "momentum": value} for value in (1, -0.1)),
        {"epochs": 1, "weight_decay": -1e-4},
        {"epochs": 1, "label_smoothing": 1},
        {"epochs": 1, "augment": "yes"},
        *({"epochs": 1, "seed": value} for value in (-1, 0.5, "0")),
    ],
    ids=str,
)
def test_bad_settings_are_refused_in_korean(bad):
    with pytest.raises(RecipeError, match="받은 값"):
        Recipe(**bad)


@pytest.mark.parametrize("good", [{"minutes": 0.01}, {"epochs": 0.5}, {"epochs": torch.tensor(2).item()}], ids=str)
def test_good_settings_are_taken(good):
    Recipe(**good)


def test_a_batch_larger_than_the_data_is_the_whole_data(data, model):
    assert train(model, data, Recipe(epochs=2, batch_size=100_000)).images_seen == 480
