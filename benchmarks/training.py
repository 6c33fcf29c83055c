"""학습 1분의 값: 흔한 학습 고리(torchvision 변환, DataLoader, float32), Lightning과 나란히 잰다.

실행: pip install lightning
      OMP_WAIT_POLICY=PASSIVE python benchmarks/training.py --model lenet5_cifar resnet20_cifar
      OMP_WAIT_POLICY=PASSIVE python benchmarks/training.py --memory
(노트북에서는 cnnlab이 그 환경 변수를 정한다. 여기서는 torch를 먼저 부르므로 밖에서 정한다.)
같은 초깃값, 같은 그림, 같은 시간으로 번갈아 학습시켜 초당 그림 수와 시험 정확도를 견준다.
흔한 고리와 Lightning의 설정은 입문서의 것(미니배치 128), 우리 것은 RECIPES의 것이다. --batch-size를 주면
모두 같은 크기를 쓴다. 모두 시간에는 준비와 학습이 들어가고, 정확도는 끝난 뒤 시험 그림 전부로 같은 함수가 잰다.
목표(bfloat16 명령이 있는 CPU 2코어, 60초): LeNet-5 초당 그림 4배와 67%, ResNet-20 2.5배와 62%, speedrun_cifar 74%.
"""

import argparse
import contextlib
import io
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from cnnlab.models import build
from cnnlab.runtime import best_device
from cnnlab.training.data import load_cifar10
from cnnlab.training.image_data import ImageData
from cnnlab.training.loop import Recipe, evaluate, train

TUTORIAL_BATCH = 128
# 1분 학습에 맞춘 설정: 작은 신경망은 미니배치가 커야 빠르고, 걸음이 몇백 번뿐인 큰 신경망은 작아야 많이 배운다
RECIPES = {
    "lenet5_cifar": {"batch_size": 256, "lr": 0.1},
    "resnet20_cifar": {"batch_size": 64, "lr": 0.05},
    "speedrun_cifar": {"batch_size": 128, "lr": 0.1},
}


@dataclass(frozen=True)
class Result:
    """학습 한 번: 학습하는 동안 초당 그림 수, 시험 정확도(0..1), 쓴 시간(초)."""

    images_per_second: float
    accuracy: float
    seconds: float
    how: str = "float32"


def tutorial_loader(data: ImageData, batch_size: int) -> DataLoader:
    """입문서의 자료: 그림 하나씩 PIL로 바꾸어 torchvision으로 증강하고, 일꾼 둘이 미니배치를 만든다."""
    from PIL import Image
    from torchvision import transforms

    class Pictures(Dataset):
        def __init__(self, images: torch.Tensor, labels: torch.Tensor, transform: Callable) -> None:
            self.images, self.labels, self.transform = images.permute(0, 2, 3, 1).numpy(), labels, transform

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, index: int):
            return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])

    transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
        ]
    )
    pictures = Pictures(data.train_images, data.train_labels, transform)
    return DataLoader(pictures, batch_size=batch_size, shuffle=True, num_workers=2)


def tutorial_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)


def tutorial_loop(
    name: str, model: nn.Module, data: ImageData, device: torch.device, seconds: float, batch_size: int | None
) -> Result:
    """입문서의 학습 고리를 그대로 쓴 것. 시간이 다 되면 멈춘다."""
    batch_size = batch_size or TUTORIAL_BATCH
    began = time.perf_counter()
    loader, optimizer = tutorial_loader(data, batch_size), tutorial_optimizer(model)
    criterion = nn.CrossEntropyLoss()
    model.train()
    seen, first = 0, began
    while time.perf_counter() - began < seconds:
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            if seen == 0:
                first = time.perf_counter()  # 일꾼을 띄우는 시간은 빠르기에 넣지 않는다
            seen += len(labels)
            if time.perf_counter() - began >= seconds:
                break
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    now = time.perf_counter()
    return Result((seen - batch_size) / (now - first), evaluate(model, data).accuracy, now - began)


def lightning_loop(
    name: str, model: nn.Module, data: ImageData, device: torch.device, seconds: float, batch_size: int | None
) -> Result:
    """같은 자료와 같은 최적화를 Lightning의 Trainer에 맡긴 것(화면, 기록, 체크포인트는 끈다). pip install lightning"""
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.seen, self.first = model, 0, 0.0

        def training_step(self, batch, index):
            images, labels = batch
            if index == 1 and not self.first:  # 흔한 고리와 같이, 일꾼을 띄우는 시간과 첫 걸음은 뺀다
                self.first = time.perf_counter()
            self.seen += len(labels) if self.first else 0
            return nn.functional.cross_entropy(self.model(images), labels)

        def configure_optimizers(self):
            return tutorial_optimizer(self)

    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    began = time.perf_counter()
    trainer = lightning.Trainer(
        max_time=timedelta(seconds=seconds), max_epochs=-1, devices=1, **dict.fromkeys(quiet, False)
    )
    module = Module()
    trainer.fit(module, tutorial_loader(data, batch_size or TUTORIAL_BATCH))
    now = time.perf_counter()
    return Result(module.seen / (now - module.first), evaluate(model.to(device), data).accuracy, now - began)


def our_loop(
    name: str, model: nn.Module, data: ImageData, device: torch.device, seconds: float, batch_size: int | None
) -> Result:
    """fit()이 하는 학습: 화면과 기록 파일만 없다. seconds에는 셈법 고르기와 마지막 평가까지 들어간다."""
    settings = {**RECIPES.get(name, {}), **({"batch_size": batch_size} if batch_size else {})}
    history = train(model, data, Recipe(minutes=seconds / 60, **settings))
    return Result(history.images_per_second, history.accuracy, history.seconds, history.precision)


LOOPS = {"흔한 고리": tutorial_loop, "Lightning": lightning_loop, "cnnlab": our_loop}


def compare(name: str, data: ImageData, seconds: float, rounds: int, batch_size: int | None, only_ours: bool) -> None:
    device = best_device()
    loops = {"cnnlab": our_loop} if only_ours else LOOPS
    results: dict[str, list[Result]] = {label: [] for label in loops}
    for turn in range(rounds):
        for label, loop in loops.items():
            torch.manual_seed(turn)
            result = loop(name, build(name, len(data.classes)).to(device), data, device, seconds, batch_size)
            results[label].append(result)
            print(
                f"{name:16} {label:8} {result.images_per_second:9,.0f}장/초  정확도 {result.accuracy:.1%}  "
                f"{result.seconds:5.1f}초  {result.how}  (1분 평균 부하 {load()})",
                flush=True,
            )
    middle = {label: statistics.median(r.images_per_second for r in found) for label, found in results.items()}
    accuracy = {label: statistics.median(r.accuracy for r in found) for label, found in results.items()}
    for other in loops:
        if other != "cnnlab":
            print(
                f"{name:16} 초당 그림 {other}의 {middle['cnnlab'] / middle[other]:.2f}배, "
                f"정확도 {accuracy[other]:.1%} -> {accuracy['cnnlab']:.1%} ({seconds:g}초)"
            )


def load() -> str:
    """다른 프로그램이 함께 돌면 숫자가 낮게 나온다: 얼마나 바빴는지 같이 적는다."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "모름"


def print_memory(name: str, seconds: float) -> None:
    """새 프로세스에서: torch를 부른 뒤부터 데이터를 읽고 학습을 마칠 때까지 늘어난 최대 상주 메모리, MB."""
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # 최대값을 지금의 값으로 되돌린다
    data = quiet_data()
    loaded = resident("VmHWM")
    our_loop(name, build(name), data, torch.device("cpu"), seconds, None)
    peak = resident("VmHWM")
    print(f"{name:16} 메모리: 데이터까지 {loaded - before:.0f} MB, {seconds:g}초 학습까지 {peak - before:.0f} MB 더 씀")


def resident(field: str) -> float:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) / 1024


def quiet_data() -> ImageData:
    with contextlib.redirect_stdout(io.StringIO()):
        return load_cifar10()


def main() -> None:
    parser = argparse.ArgumentParser(description="흔한 학습 고리와 나란히 잽니다.")
    parser.add_argument("--model", nargs="+", default=["lenet5_cifar"])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--only-ours", action="store_true", help="견줄 것은 재지 않습니다")
    parser.add_argument("--memory", action="store_true", help="새 프로세스에서 최대 메모리만 잽니다(Linux)")
    options = parser.parse_args()
    if options.memory:
        for name in options.model:
            print_memory(name, options.seconds)
        return
    data = quiet_data()
    print(f"{data.name} · {best_device()} · torch {torch.__version__} · {torch.get_num_threads()}스레드", flush=True)
    for name in options.model:
        compare(name, data, options.seconds, options.rounds, options.batch_size, options.only_ours)


if __name__ == "__main__":
    main()
