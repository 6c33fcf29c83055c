"""학습을 시작하기 전의 점검과, 시험 그림으로 하는 평가."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.errors import LearnerError
from cnnlab.training.augment import channel_stats, normalise
from cnnlab.training.image_data import ImageData
from cnnlab.training.memory import is_out_of_memory

# 한 번에 넣는 그림 수: CPU에서는 특징 맵이 캐시에 남을 만큼, GPU에서는 넉넉하게. 결과는 이 수와 무관하다
EVAL_BATCH = {"cpu": 100}
EVAL_BATCH_ELSEWHERE = 1000


class ModelError(LearnerError, ValueError):
    """이 모델로는 이 데이터를 배우거나 맞힐 수 없다."""


@dataclass(frozen=True)
class Evaluation:
    """accuracy는 0..1, loss는 그림마다의 평균. confusion은 int64 (클래스, 클래스): 행이 정답, 열이 모델의 답."""

    accuracy: float
    loss: float
    confusion: Tensor


@dataclass(frozen=True)
class Pictures:
    """장치에 올린 그림 (N, C, H, W) uint8, 정답 (N,), 정규화에 쓸 채널 평균과 표준편차 (C,)."""

    images: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor

    def map(self, change: Callable[[Tensor], Tensor]) -> Pictures:
        """그림과 정답에 같은 일을 한 것."""
        return Pictures(change(self.images), change(self.labels), self.mean, self.std)

    def first(self, count: int) -> Pictures:
        return self.map(lambda tensor: tensor[:count])


def evaluate(
    model: nn.Module, data: ImageData, *, split: Literal["test", "train"] = "test", batch_size: int | None = None
) -> Evaluation:
    """모델이 그림을 얼마나 맞히는지 잰다. 모델의 모드와 난수 상태는 그대로 둔다.

    model: (N, C, H, W)를 받아 (N, 클래스 이상) 로짓을 내는 모듈. 답은 데이터에 있는 클래스 가운데서 고른다.
    split: "test" 또는 "train"(증강 없이). batch_size: 한 번에 넣는 그림 수(적지 않으면 장치에 맞춘다). 결과는 같다.
    오류: 모델이 이 데이터의 그림을 받지 못하면 ModelError.
    """
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise ModelError(f"batch_size에는 1 이상의 정수를 쓰세요. 받은 값: {batch_size!r}")
    if split not in ("test", "train"):
        raise ModelError(f'split에는 "test"나 "train"을 쓰세요. 받은 값: {split!r}')
    check_data(data)
    device = device_of(model)
    check_output(model, data, device)
    mean, std = (value.to(device) for value in channel_stats(data.train_images))
    images, labels = (data.test_images, data.test_labels) if split == "test" else (data.train_images, data.train_labels)
    return measure(model, Pictures(images, labels, mean, std), len(data.classes), batch_size)


def measure(model: nn.Module, pictures: Pictures, classes: int, batch_size: int | None = None) -> Evaluation:
    """evaluate()의 알맹이. 그림은 한 묶음씩 모델의 장치로 옮긴다."""
    return summarise(*count_answers(model, pictures, classes, batch_size))


def count_answers(
    model: nn.Module, pictures: Pictures, classes: int, batch_size: int | None = None
) -> tuple[Tensor, Tensor]:
    """손실의 합(CPU, float64)과 confusion(CPU, int64 (클래스, 클래스)). 그림이 한 장도 없으면 모두 0이다.

    학습을 어떤 셈법으로 했든 float32로 셈한다. 메모리가 모자라면 묶음을 줄여 다시 한다.
    """
    device = pictures.mean.device
    size = batch_size or EVAL_BATCH.get(device.type, EVAL_BATCH_ELSEWHERE)
    losses, confusion = [], torch.zeros(classes * classes, dtype=torch.int64, device=device)
    begin = 0
    with modes_kept(model), torch.no_grad():
        model.eval()
        while begin < len(pictures.labels):
            labels = pictures.labels[begin : begin + size].to(device)  # (B,)
            images = pictures.images[begin : begin + size].to(device)  # (B, C, H, W)
            # channels_last: 잰 CPU마다 float32 순전파가 1.2-1.5배 빨랐다. 값은 반올림 오차 안에서 같다
            x = normalise(images.contiguous(memory_format=torch.channels_last), pictures.mean, pictures.std)
            try:
                logits = model(x).float()  # (B, 클래스 이상)
            except RuntimeError as error:
                if not is_out_of_memory(error) or size == 1:
                    raise
                logits = None
            if logits is None:
                size = (size + 1) // 2
                continue
            losses.append(F.cross_entropy(logits, labels, reduction="sum"))
            answers = logits[:, :classes].argmax(dim=1)
            confusion += torch.bincount(labels * classes + answers, minlength=classes * classes)
            begin += size
    total = torch.stack(losses).cpu().double().sum() if losses else torch.zeros((), dtype=torch.float64)
    return total, confusion.view(classes, classes).cpu()


def summarise(total_loss: Tensor, confusion: Tensor) -> Evaluation:
    """count_answers()가 센 것을 평균으로."""
    count = int(confusion.sum())
    return Evaluation(confusion.trace().item() / count, total_loss.item() / count, confusion)


@contextmanager
def modes_kept(model: nn.Module) -> Iterator[None]:
    """나갈 때 모든 부분 모듈의 train/eval 모드를 들어올 때로 되돌린다."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def check_data(data: ImageData) -> None:
    """data가 ImageData가 아니면 ModelError."""
    if not isinstance(data, ImageData):
        raise ModelError(
            f"data 자리에는 cnnlab.load_cifar10()이 돌려준 데이터(ImageData)를 넣으세요. 받은 것: {type(data).__name__}"
        )


def device_of(model: nn.Module) -> torch.device:
    """매개변수가 있는 장치. 매개변수가 없으면 CPU."""
    if not isinstance(model, nn.Module):
        raise ModelError(f"model 자리에는 torch.nn.Module이 필요합니다. 받은 것: {type(model).__name__}")
    parameter = next(model.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    if device.type == "meta":
        raise ModelError("모델이 meta 장치에 있어 가중치가 없습니다. torch.device('meta') 밖에서 다시 만드세요.")
    return device


def check_trainable(model: nn.Module) -> None:
    """학습할 매개변수가 하나도 없으면 ModelError."""
    parameters = list(model.parameters())
    if not parameters:
        raise ModelError(
            "학습할 매개변수가 없습니다. __init__에서 계층을 self.conv = nn.Conv2d(...)처럼 모델에 넣었는지, "
            "list가 아니라 nn.ModuleList나 nn.Sequential에 담았는지 확인하세요."
        )
    if not any(parameter.requires_grad for parameter in parameters):
        raise ModelError(
            "학습할 매개변수가 없습니다: 모두 얼어 있습니다(requires_grad=False). "
            "학습할 부분을 module.requires_grad_(True)로 풀어 주세요."
        )


def check_output(model: nn.Module, data: ImageData, device: torch.device) -> None:
    """그림 두 장을 넣어 보고, 오류가 나거나 로짓의 형태가 맞지 않으면 ModelError. 모드와 난수 상태는 그대로 둔다."""
    images = data.train_images[:2].to(device) / 255
    shape, classes = tuple(images.shape[1:]), len(data.classes)
    with modes_kept(model), random_state_kept(device), torch.no_grad():
        model.eval()
        try:
            logits = model(images)
        except Exception as error:  # 모델 코드가 내는 오류는 무엇이든 원인으로 달아 전한다
            raise ModelError(
                f"모델에 {data.name}의 그림 {shape}을 넣자 오류가 났습니다. 첫 계층의 입력 채널 수와, "
                f"완전 연결 계층이 기대하는 크기를 확인하세요. 원래 메시지: {error}"
            ) from error
    got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(images):
        raise ModelError(f"모델의 출력은 로짓 (N, 클래스 수)이어야 합니다. 그림 {len(images)}장에 받은 것: {got}")
    if logits.shape[1] < classes:
        raise ModelError(
            f"모델의 출력이 클래스보다 적습니다. 마지막 계층의 출력을 {classes}개로 늘리세요. "
            f"지금 출력: {logits.shape[1]}개"
        )
    if not logits.isfinite().all():
        raise ModelError(
            "학습하기도 전에 모델의 출력이 NaN이거나 무한대입니다. 모델을 새로 만들어 초깃값부터 다시 시작하세요."
        )


@contextmanager
def random_state_kept(device: torch.device, seed: int | None = None) -> Iterator[None]:
    """나갈 때 torch의 난수 상태(CPU와 모델의 GPU)를 들어올 때로 되돌린다. seed를 주면 그 시드로 시작한다."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
            if device.type == "cuda":
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            elif device.type == "mps":
                torch.mps.manual_seed(seed)
        yield
