"""스레드의 수는 재어 고르고, 끝나면 되돌린다."""

import pytest
import torch
from torch import nn

from cnnlab.training import threads as module
from cnnlab.training.image_data import ImageData
from cnnlab.training.loop import Recipe, train
from cnnlab.training.precision import Precision
from cnnlab.training.threads import choose_threads, threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))


IMAGES, LABELS = torch.randn(8, 3, 32, 32), torch.arange(8)


@pytest.mark.parametrize(("slow", "chosen"), [(2, 1), (1, 2)])
def test_the_faster_count_is_chosen(monkeypatch, two_threads, slow, chosen):
    def seconds(*_args):
        return 0.2 if torch.get_num_threads() == slow else 0.1

    monkeypatch.setattr(module, "step_seconds", seconds)
    assert choose_threads(small(), IMAGES, LABELS, Precision(), 0.2) == chosen
    assert torch.get_num_threads() == 2


def test_nearly_equal_or_impossible_keeps_what_was(monkeypatch, two_threads):
    monkeypatch.setattr(module, "step_seconds", lambda *_args: 0.1)
    assert choose_threads(small(), IMAGES, LABELS, Precision(), 0.2) == 2
    monkeypatch.setattr(module, "step_seconds", lambda *_args: None)
    assert choose_threads(small(), IMAGES, LABELS, Precision(), 0.2) == 2
    assert choose_threads(small(), IMAGES, LABELS, Precision(), 0.01) == 2  # 너무 짧아 잴 수 없다


def test_measuring_leaves_the_model_as_it_was(two_threads):
    model = small()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert choose_threads(model, IMAGES, LABELS, Precision(), 0.2) in (1, 2)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_threads_come_back_even_after_an_error(two_threads):
    used = []

    def fail():
        with threads(1):
            used.append(torch.get_num_threads())
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()
    assert (used, torch.get_num_threads()) == ([1], 2)


def test_training_uses_and_records_the_choice(monkeypatch, two_threads):
    monkeypatch.setattr("cnnlab.training.loop.choose_threads", lambda *_args: 1)
    pictures = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(40) % 10
    data = ImageData(pictures, labels, pictures, labels, tuple("abcdefghij"), "시험", "시험")
    used = []
    timed = train(small(), data, Recipe(minutes=0.005, batch_size=8), [lambda _p: used.append(torch.get_num_threads())])
    assert timed.threads == 1
    assert set(used) == {1}
    assert torch.get_num_threads() == 2
    assert train(small(), data, Recipe(epochs=1, batch_size=8)).threads == 2  # 되풀이할 수 있어야 하므로 재지 않는다
