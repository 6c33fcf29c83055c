"""shapes10: 언제나 같은 그림이고, 배경이나 색으로는 클래스를 알 수 없고, 모양으로는 알 수 있다."""

import hashlib

import numpy as np
import pytest
import torch

from cnnlab.training import shapes10
from cnnlab.training.image_data import DataError, ImageData
from cnnlab.training.shapes10 import SHAPES, make_shapes10


@pytest.fixture(scope="module")
def data() -> ImageData:
    return make_shapes10(3_000, 500)


def test_the_same_pixels_on_every_machine() -> None:
    small = make_shapes10(100, 50, seed=7)
    digest = hashlib.sha256(small.train_images.numpy().tobytes() + small.test_labels.numpy().tobytes()).hexdigest()
    assert digest == "c03e25d0ceb94372c933cff419d0b0456f111911a36d8e2cb9dc6e0daae5d0e7"


def test_a_changed_copy_does_not_reach_the_next_caller() -> None:
    first = make_shapes10(50, 50)
    expected = first.train_images.clone()
    first.train_images.zero_()
    first.train_labels.zero_()
    again = make_shapes10(50, 50)
    assert again.train_images.equal(expected)
    assert len(set(again.train_labels.tolist())) == 10


def test_it_is_never_called_cifar10(data: ImageData) -> None:
    assert not data.is_cifar10
    assert data.name.startswith("shapes10")
    assert "CIFAR-10이 아님" in data.source


def test_train_and_test_and_seeds_share_no_picture(data: ImageData) -> None:
    other = make_shapes10(3_000, 500, seed=1)
    parts = [data.train_images, data.test_images, other.train_images, other.test_images]
    pictures = [picture.numpy().tobytes() for part in parts for picture in part]
    assert len(set(pictures)) == len(pictures)


def test_classes_are_equally_many(data: ImageData) -> None:
    assert torch.bincount(data.train_labels).tolist() == [300] * 10
    assert data.classes == tuple(SHAPES)


def test_every_figure_covers_the_same_area() -> None:
    labels = np.repeat(np.arange(10), 300)
    masks = shapes10._figure_mask(labels, np.random.default_rng(0))
    areas = masks.reshape(10, -1).mean(axis=1)
    assert areas.max() / areas.min() < 1.1


def test_background_and_colour_do_not_tell_the_class(data: ImageData) -> None:
    """테두리 화소와 색 통계를 선형 분류기(최소제곱)에 주어도 찍는 것과 다르지 않다."""

    def features(images: torch.Tensor) -> torch.Tensor:
        pixels = images.double() / 255
        border = torch.cat([pixels[:, :, 0], pixels[:, :, -1], pixels[:, :, :, 0], pixels[:, :, :, -1]], dim=2)
        statistics = [pixels.mean((2, 3)), pixels.std((2, 3)), border.mean(2), border.std(2)]
        return torch.cat([*statistics, torch.ones(len(images), 1, dtype=torch.double)], dim=1)

    targets = torch.nn.functional.one_hot(data.train_labels, 10).double()
    weights = torch.linalg.lstsq(features(data.train_images), targets).solution
    accuracy = (features(data.test_images) @ weights).argmax(1).eq(data.test_labels).double().mean().item()
    assert accuracy < 0.2  # 찍으면 0.1, 표준편차 0.013


def test_a_mirrored_figure_is_the_same_class() -> None:
    """좌우로 뒤집어도 도형이 그대로이거나(대칭) 학습 집합에 같은 꼴이 있다(초승달: 그릴 때 이미 뒤집는다)."""
    line = np.linspace(-1.5, 1.5, 61, dtype=np.float32)
    x, y = np.broadcast_arrays(line[None, None, :], line[None, :, None])
    symmetric = {name for name, shape in SHAPES.items() if np.allclose(shape(x, y), shape(-x, y), atol=1e-5)}
    assert set(SHAPES) - symmetric == {"초승달"}


def test_shapes_differ_from_each_other() -> None:
    line = np.linspace(-1.5, 1.5, 61, dtype=np.float32)
    x, y = np.broadcast_arrays(line[None, None, :], line[None, :, None])
    inside = [shape(x, y) < 0 for shape in SHAPES.values()]
    for first in range(10):
        for second in range(first):
            overlap = (inside[first] & inside[second]).sum() / (inside[first] | inside[second]).sum()
            assert overlap < 0.85, (list(SHAPES)[first], list(SHAPES)[second])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"train": 0}, "train에는 1 이상"),
        ({"test": 2.5}, "2.5"),
        ({"seed": -1}, "seed에는 0 이상"),
        ({"train": True}, "True"),
    ],
)
def test_impossible_sizes_are_refused_in_words(arguments: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        make_shapes10(**arguments)


def test_a_set_smaller_than_the_classes_still_works() -> None:
    assert make_shapes10(3, 1).train_images.shape == (3, 3, 32, 32)
