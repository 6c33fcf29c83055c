"""내장 데이터 shapes10: 내려받을 것 없이 패키지가 스스로 그리는 열 가지 도형. CIFAR-10이 아니다.

배경·색·질감·가림은 클래스와 무관하게 뽑고 도형의 넓이도 클래스끼리 같게 맞추므로, 맞히려면 모양을 보아야 한다.
좌우로 뒤집거나 조금 잘라 내도 클래스가 바뀌지 않는다. 어느 기계에서나 같은 화소가 나오도록 난수는 균등 분포만,
계산은 사칙연산과 제곱근만 쓴다(초월함수와 BLAS는 CPU마다 끝자리가 다르다).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch

from cnnlab.training.image_data import DataError, ImageData

SIZE = 32
CHUNK = 50  # 한 번에 그리는 장수: 중간 배열이 CPU 캐시에 들어갈 만큼
Field = np.ndarray  # float32 (n, 32, 32): 도형 안이면 음수인 부호 거리


def _circle(x: Field, y: Field) -> Field:
    return np.sqrt(x * x + y * y) - np.float32(0.8)


def _ring(x: Field, y: Field) -> Field:
    return np.abs(np.sqrt(x * x + y * y) - np.float32(0.7)) - np.float32(0.2)


def _triangle(x: Field, y: Field) -> Field:
    return np.maximum(y - np.float32(0.5), np.float32(0.866) * np.abs(x) - np.float32(0.5) * y - np.float32(0.5))


def _square(x: Field, y: Field) -> Field:
    return np.maximum(np.abs(x), np.abs(y)) - np.float32(0.7)


def _diamond(x: Field, y: Field) -> Field:
    return (np.abs(x) * np.float32(1.8) + np.abs(y) - np.float32(1)) * np.float32(0.486)  # 1/|기울기|


def _cross(x: Field, y: Field) -> Field:
    long, wide = np.float32(0.95), np.float32(0.3)
    ax, ay = np.abs(x), np.abs(y)
    return np.minimum(np.maximum(ax - wide, ay - long), np.maximum(ax - long, ay - wide))


def _star(x: Field, y: Field) -> Field:
    # 오각별은 다섯 반평면 가운데 적어도 넷에 드는 점이다: 다섯 거리에서 두 번째로 큰 값이 부호 거리다.
    normals = ((0.0, 1.0), (0.9510565, 0.3090170), (-0.9510565, 0.3090170), (0.5877853, -0.8090170))
    largest = np.float32(-0.5877853) * x + np.float32(-0.8090170) * y
    second = np.full_like(x, -9)
    for a, b in normals:
        distance = np.float32(a) * x + np.float32(b) * y
        second = np.maximum(second, np.minimum(largest, distance))
        largest = np.maximum(largest, distance)
    return second - np.float32(0.36)


def _heart(x: Field, y: Field) -> Field:
    ax = np.abs(x)
    body = (ax + np.abs(y) - np.float32(0.7)) * np.float32(0.7071)
    lobe = np.sqrt((ax - np.float32(0.35)) ** 2 + (y + np.float32(0.35)) ** 2) - np.float32(0.495)
    return np.minimum(body, lobe)


def _crescent(x: Field, y: Field) -> Field:
    bite = np.float32(0.7) - np.sqrt((x - np.float32(0.45)) ** 2 + y * y)
    return np.maximum(np.sqrt(x * x + y * y) - np.float32(0.9), bite)


def _arrow(x: Field, y: Field) -> Field:
    ax = np.abs(x)
    head = np.maximum(y - np.float32(0.0), np.float32(0.78) * ax - np.float32(0.62) * y - np.float32(0.59))
    shaft = np.maximum(ax - np.float32(0.22), np.abs(y - np.float32(0.4)) - np.float32(0.5))
    return np.minimum(head, shaft)


SHAPES: dict[str, Callable[[Field, Field], Field]] = {
    "원": _circle,
    "고리": _ring,
    "세모": _triangle,
    "네모": _square,
    "마름모": _diamond,
    "십자": _cross,
    "별": _star,
    "하트": _heart,
    "초승달": _crescent,
    "화살표": _arrow,
}


def make_shapes10(train: int = 10_000, test: int = 2_000, seed: int = 0) -> ImageData:
    """shapes10을 그린다. 같은 인자면 언제나 같은 그림이다.

    train, test: 그림 수(1 이상). seed: 0 이상의 정수.
    반환: ImageData, 클래스마다 그림 수가 같다(많아야 한 장 차이).
    """
    for name, value, least in (("train", train, 1), ("test", test, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise DataError(f"{name}에는 {least} 이상의 정수가 필요합니다. 받은 값: {value!r}")
    copies = (torch.from_numpy(array.copy()) for array in _draw_set(train, test, seed))  # 캐시의 원본은 지킨다
    train_images, train_labels, test_images, test_labels = copies
    return ImageData(
        train_images,
        train_labels,
        test_images,
        test_labels,
        classes=tuple(SHAPES),
        name="shapes10 (내장 그림)",
        source=f"cnnlab이 그린 도형(CIFAR-10이 아님), 학습 {train:,}장과 시험 {test:,}장",
    )


@lru_cache(maxsize=2)
def _draw_set(train: int, test: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (*_draw_part(train, (seed, 0)), *_draw_part(test, (seed, 1)))


def _draw_part(count: int, seed: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """그림 uint8 (count, 3, 32, 32)와 정답 int64 (count,)."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    labels = rng.permutation(np.arange(count, dtype=np.int64) % len(SHAPES))
    images = np.empty((count, 3, SIZE, SIZE), np.uint8)
    for start in range(0, count, CHUNK):
        images[start : start + CHUNK] = _draw(labels[start : start + CHUNK], rng)
    return images, labels


def _draw(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = len(labels)
    background = _uniform(rng, (n, 3, 1, 1), 0.3, 0.7)
    image = background + _texture(rng, n, 6, 0.25)  # (n, 3, 32, 32)
    image = _blend(image, background + _contrast(rng, n), _stroke(rng, n))
    figure = background + _contrast(rng, n) + _texture(rng, n, 6, 0.2)
    image = _blend(image, figure, _figure_mask(labels, rng))
    image = _blend(image, background + _contrast(rng, n), _stroke(rng, n))  # 도형을 가리는 획
    image = _blur(image, _uniform(rng, (n, 1, 1, 1), 0.0, 0.8))
    noise = rng.random((n, 3, SIZE, SIZE), dtype=np.float32) - np.float32(0.5)
    image = image + noise * _uniform(rng, (n, 1, 1, 1), 0.02, 0.25)
    return np.rint(np.clip(image, 0, 1) * np.float32(255)).astype(np.uint8)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    return np.float32(low) + np.float32(high - low) * rng.random(shape, dtype=np.float32)


def _contrast(rng: np.random.Generator, n: int) -> np.ndarray:
    """배경색에 더할 색 차이 (n, 3, 1, 1): 방향은 제멋대로, 크기는 0.2..0.5."""
    direction = _uniform(rng, (n, 3, 1, 1), -1, 1)
    length = np.sqrt(direction[:, :1] ** 2 + direction[:, 1:2] ** 2 + direction[:, 2:] ** 2) + np.float32(1e-3)
    return direction / length * _uniform(rng, (n, 1, 1, 1), 0.2, 0.5)


def _texture(rng: np.random.Generator, n: int, points: int, strength: float) -> np.ndarray:
    """부드러운 얼룩 (n, 3, 32, 32): points x points 격자의 난수를 선형 보간한다."""
    grid = _uniform(rng, (n, 3, points, points), -1, 1) * _uniform(rng, (n, 1, 1, 1), 0.2 * strength, strength)
    position = (np.arange(SIZE, dtype=np.float32) + np.float32(0.5)) * np.float32((points - 1) / SIZE)
    left = position.astype(np.int64)
    weight = position - left.astype(np.float32)
    rows = grid[:, :, left] * (1 - weight)[:, None] + grid[:, :, left + 1] * weight[:, None]
    return rows[..., left] * (1 - weight) + rows[..., left + 1] * weight


def _pixels() -> tuple[np.ndarray, np.ndarray]:
    """화소 가운데의 x (1, 1, 32)와 y (1, 32, 1)."""
    line = np.arange(SIZE, dtype=np.float32) + np.float32(0.5)
    return line[None, None, :], line[None, :, None]


def _figure_mask(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """도형이 덮는 비율 (n, 1, 32, 32): 자리, 크기, 찌그러짐, 방향이 제멋대로다."""
    shape = (len(labels), 1, 1)
    radius = _uniform(rng, shape, 7.5, 11.5) * _area_scale()[labels][:, None, None]
    centre_x, centre_y = _uniform(rng, shape, 11, 21), _uniform(rng, shape, 11, 21)
    half_tan = _uniform(rng, shape, -0.2, 0.2)  # tan(각/2): 약 -23도..23도
    cos, sin = (1 - half_tan**2) / (1 + half_tan**2), 2 * half_tan / (1 + half_tan**2)
    mirror = 1 - 2 * rng.integers(0, 2, shape).astype(np.float32)  # 좌우 뒤집기
    stretch = _uniform(rng, shape, 0.87, 1.15)
    x, y = _pixels()
    x, y = (x - centre_x) / radius, (y - centre_y) / radius
    x, y = (cos * x + sin * y) * stretch * mirror, (cos * y - sin * x) / stretch
    distance = np.empty((len(labels), SIZE, SIZE), np.float32)
    for index, shape_of in enumerate(SHAPES.values()):
        chosen = labels == index
        distance[chosen] = shape_of(x[chosen], y[chosen])
    return _coverage(distance * radius)


@lru_cache(maxsize=1)
def _area_scale() -> np.ndarray:
    """클래스마다 크기에 곱할 값 (10,): 도형의 넓이가 모두 반지름 0.8인 원의 85%가 되게 한다."""
    line = (np.arange(400, dtype=np.float32) - np.float32(199.5)) / np.float32(160)
    x, y = np.broadcast_arrays(line[None, None, :], line[None, :, None])
    areas = np.array([np.count_nonzero(shape(x, y) < 0) for shape in SHAPES.values()], np.float32)
    return np.sqrt(np.float32(0.85) * areas[0] / areas)


def _stroke(rng: np.random.Generator, n: int) -> np.ndarray:
    """방해하는 곧은 획이 덮는 비율 (n, 1, 32, 32): 길이 최대 22화소, 두께 1..3화소."""
    shape = (n, 1, 1)
    ax, ay = _uniform(rng, shape, 0, SIZE), _uniform(rng, shape, 0, SIZE)
    dx, dy = _uniform(rng, shape, -16, 16), _uniform(rng, shape, -16, 16)
    x, y = _pixels()
    x, y = x - ax, y - ay
    along = np.clip((x * dx + y * dy) / (dx * dx + dy * dy + np.float32(1)), 0, 1)
    x, y = x - along * dx, y - along * dy
    return _coverage(np.sqrt(x * x + y * y) - _uniform(rng, shape, 0.5, 1.5))


def _coverage(distance: np.ndarray) -> np.ndarray:
    """화소 단위 부호 거리 (n, 32, 32) -> 덮인 비율 (n, 1, 32, 32)."""
    return np.clip(np.float32(0.5) - distance, 0, 1)[:, None]


def _blend(under: np.ndarray, over: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    return under + (over - under) * coverage


def _blur(image: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """가로, 세로로 이웃과 섞는다: amount 0이면 그대로, 1이면 (1, 2, 1)/4 필터."""
    for axis in (2, 3):
        padded = np.pad(image, [(1, 1) if i == axis else (0, 0) for i in range(4)], mode="edge")
        before, after = np.split(padded, [SIZE], axis)[0], np.split(padded, [2], axis)[1]
        image = image + ((before + after) * np.float32(0.25) - image * np.float32(0.5)) * amount
    return image
