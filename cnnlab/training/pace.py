"""학습의 걸음새: 시간이나 에폭 가운데 얼마나 왔는지, 평가에 얼마를 남겨 둘지."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from cnnlab.training.recipe import Recipe

MARGIN = 1.1  # 평가가 어림보다 이만큼 늦어져도 시간을 지킨다
EVALS = 10  # 학습 도중 시험 그림의 일부로 재는 횟수(시작할 때 한 번 포함)
EVAL_IMAGES = 1000  # 그 일부의 크기. 느린 모델이면 줄인다
EVAL_SHARE = 0.04  # 도중의 평가에 쓰는 시간의 몫
FEWEST_IMAGES = 100


class Pace:
    """시계와 정해진 분량. minutes이면 흐른 시간으로, epochs이면 걸음 수로 센다."""

    def __init__(self, recipe: Recipe, steps_per_epoch: int, test_count: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start = clock()
        self._steps_per_epoch = steps_per_epoch
        self._budget = None if recipe.minutes is None else 60 * float(recipe.minutes)
        self._steps = None if recipe.epochs is None else max(1, round(float(recipe.epochs) * steps_per_epoch))
        self._test_count = test_count
        self._measured: list[float] = []  # 평가마다, 그림 한 장에 걸린 시간

    def seconds(self) -> float:
        """시작한 뒤로 흐른 시간."""
        return self._clock() - self._start

    @property
    def budget(self) -> float | None:
        """정해진 시간(초). 에폭으로 셀 때는 None."""
        return self._budget

    def resume(self, seconds: float) -> None:
        """앞서 seconds초를 쓴 학습을 이어 간다."""
        self._start = self._clock() - seconds

    def epoch(self, steps: int) -> float:
        """steps걸음이 몇 에폭인지."""
        return steps / self._steps_per_epoch

    def fraction(self, steps: int) -> float:
        """steps걸음을 마친 지금, 정해진 학습의 얼마를 지났나(0..1).

        시간으로 셀 때는 마지막 평가와 다음 한 걸음의 몫을 미리 뺀다.
        """
        if self._steps is not None:
            return min(1.0, steps / self._steps)
        if steps == 0 or self._budget is None:
            return 0.0  # 시간이 아무리 짧아도 한 걸음은 뗀다
        elapsed = self.seconds()
        usable = self._budget - self._reserve() - elapsed / steps
        return min(1.0, elapsed / usable) if usable > 0 else 1.0

    def seconds_left(self, fraction: float) -> float:
        """끝날 때까지 남은 시간. 에폭으로 셀 때는 지금까지의 빠르기로 어림한다."""
        elapsed = self.seconds()
        if self._budget is not None:
            return max(0.0, self._budget - elapsed)
        return elapsed * (1 - fraction) / fraction if fraction > 0 else 0.0

    def learn(self, seconds: float, images: int) -> None:
        """방금 한 평가의 빠르기를 보탠다."""
        self._measured.append(seconds / images)

    def curve_images(self) -> int:
        """도중의 평가 한 번에 쓸 그림 수."""
        images = EVAL_IMAGES
        if self._budget is not None and self._image_seconds > 0:
            affordable = int(EVAL_SHARE * self._budget / EVALS / self._image_seconds)
            images = max(FEWEST_IMAGES, min(images, affordable))
        return min(images, self._test_count)

    def final_images(self) -> int:
        """마지막 평가에 쓸 그림 수: 시험 그림 전부. 그것만으로 시간의 절반을 넘는 모델이면 절반에 드는 만큼."""
        if self._budget is None or self._full_evaluation() <= self._budget / 2:
            return self._test_count
        affordable = int(self._budget / 2 / (MARGIN * self._image_seconds))
        return min(self._test_count, max(FEWEST_IMAGES, affordable))

    @property
    def _image_seconds(self) -> float:
        # 다른 프로그램이 잠깐 CPU를 차지한 한 번에 휘둘리지 않게 가운뎃값을 쓴다
        return statistics.median(self._measured) if self._measured else 0.0

    def _full_evaluation(self) -> float:
        return MARGIN * self._image_seconds * self._test_count

    def _reserve(self) -> float:
        return min(self._full_evaluation(), (self._budget or 0.0) / 2)
