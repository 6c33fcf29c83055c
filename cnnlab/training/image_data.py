"""학습기가 받는 그림 묶음 하나: 어디서 왔는지를 이름으로 늘 지니고 다닌다."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.training.data_error import DataError as DataError  # 이 이름은 여기서도 부른다

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True, eq=False, repr=False)
class ImageData:
    """학습용과 시험용 그림, 정답, 클래스 이름, 출처.

    그림: uint8 (N, 3, 32, 32), 0..255. 정답: int64 (N,), 0..len(classes)-1.
    name: 그래프 제목·기록·표에 쓰는 짧은 이름. source: 어디서 왔는지 말하는 한 구절.
    오류: 형태·dtype·정답이 이 약속과 다르면 DataError.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    name: str
    source: str

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise DataError(f"classes에는 클래스 이름이 둘 이상 있어야 합니다. 받은 값: {self.classes!r}")
        _check_part("train", self.train_images, self.train_labels, len(self.classes))
        _check_part("test", self.test_images, self.test_labels, len(self.classes))

    @property
    def is_cifar10(self) -> bool:
        """CIFAR-10의 그림인가(사본 포함). shapes10이나 직접 찍은 사진이면 False."""
        return self.name.startswith("CIFAR-10")

    def __repr__(self) -> str:
        return (
            f"ImageData({self.name}: 학습 {len(self.train_labels):,}장, 시험 {len(self.test_labels):,}장, "
            f"클래스 {len(self.classes)}개)"
        )


def _check_part(part: str, images: Tensor, labels: Tensor, classes: int) -> None:
    for field, value in ((f"{part}_images", images), (f"{part}_labels", labels)):
        if not isinstance(value, Tensor):
            raise DataError(f"{field}에는 torch.Tensor가 필요합니다. 받은 것: {type(value).__name__}")
    if images.dtype != torch.uint8 or images.ndim != 4 or tuple(images.shape[1:]) != (3, 32, 32):
        raise DataError(
            f"{part}_images는 uint8 (N, 3, 32, 32)여야 합니다. 받은 것: {_kind(images)}. "
            "0..1 실수라면 (x * 255).round().to(torch.uint8)로, (N, 32, 32, 3)이라면 x.permute(0, 3, 1, 2)로 바꾸세요."
        )
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise DataError(
            f"{part}_labels는 int64 (N,)여야 합니다. 받은 것: {_kind(labels)}. labels.long().flatten()을 써 보세요."
        )
    if len(images) != len(labels):
        raise DataError(f"{part}: 그림과 정답의 개수가 다릅니다. 그림 {len(images):,}장, 정답 {len(labels):,}개")
    if len(images) == 0:
        raise DataError(f"{part}: 그림이 한 장도 없습니다. 적어도 한 장이 필요합니다.")
    wrong = ((labels < 0) | (labels >= classes)).nonzero().flatten()
    if len(wrong):
        first = int(wrong[0])
        raise DataError(
            f"{part}_labels에 범위를 벗어난 정답이 {len(wrong):,}개 있습니다. 클래스가 {classes}개이므로 "
            f"0..{classes - 1}이어야 합니다. 첫 번째: {part}_labels[{first}] = {int(labels[first])}"
        )


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
