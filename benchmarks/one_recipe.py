"""한 가지 설정의 점수판: 예산(매개변수 27만 개)을 맞춘 형제들을 같은 설정으로, 시드를 바꾸어 가며 학습시킨다.

    python benchmarks/one_recipe.py --epochs 1 --seeds 0 1 2 --hardware "CPU 2코어"

data/results/one_recipe.csv에 학습 한 번이 한 줄로 쌓인다. 이미 있는 줄(신경망, 시드, 에폭)은 건너뛰므로 멈추었다
다시 실행하면 이어진다. 저장소에서 실행하면 패키지의 사본(assets/results)도 함께 고친다.
시드는 초깃값, 섞기, 증강을 함께 정한다. 학습 설정은 Recipe의 기본값이다.
"""

import argparse
import csv
from pathlib import Path

import torch

import cnnlab
from cnnlab.models.budget import BUDGET, at_budget
from cnnlab.training.loop import train
from cnnlab.training.precision import PLAIN
from cnnlab.training.recipe import Recipe
from cnnlab.training.results import SHIPPED, results_folder

FILE = "one_recipe.csv"
COLUMNS = (
    *("model", "seed", "epochs", "params", "macs", "accuracy", "test_images", "train_loss"),
    *("seconds", "images_per_second", "batch_size", "lr", "precision", "threads", "device", "source", "hardware"),
)


def done(path: Path) -> set[tuple[str, int, float]]:
    if not path.exists():
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["model"], int(row["seed"]), float(row["epochs"])) for row in csv.DictReader(file)}


def write(path: Path, row: dict[str, object]) -> None:
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def one(name: str, recipe: Recipe, data: cnnlab.ImageData, hardware: str) -> dict[str, object]:
    """학습 한 번 -> 표의 한 줄."""
    torch.manual_seed(recipe.seed)
    model = at_budget(name)
    table = cnnlab.layer_table(model, (3, 32, 32))
    history = train(model, data, recipe, name=name)
    return {
        **{"model": name, "seed": recipe.seed, "epochs": recipe.epochs},
        **{"params": table.attrs["params"], "macs": table.attrs["macs"]},
        **{"accuracy": history.accuracy, "test_images": history.test_images},
        "train_loss": round(history.steps[-1].loss, 4),
        **{"seconds": round(history.seconds, 1), "images_per_second": round(history.images_per_second, 1)},
        **{"batch_size": recipe.batch_size, "lr": recipe.lr, "precision": history.precision},
        **{"threads": history.threads, "device": history.device, "source": history.source, "hardware": hardware},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="한 가지 설정의 점수판을 채웁니다.")
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--models", nargs="+", default=list(BUDGET), choices=list(BUDGET), metavar="MODEL")
    parser.add_argument("--precision", default=PLAIN, help="학습 걸음의 셈법(기본 float32)")
    parser.add_argument("--hardware", required=True, help='학습시킨 컴퓨터(예: "CPU 2코어")')
    options = parser.parse_args()
    data = cnnlab.load_cifar10()
    paths = {results_folder() / FILE, SHIPPED / FILE} if SHIPPED.parents[2] == Path.cwd() else {results_folder() / FILE}
    for seed in options.seeds:
        for name in options.models:
            if (name, seed, options.epochs) in done(results_folder() / FILE):
                continue
            recipe = Recipe(epochs=options.epochs, seed=seed, precision=options.precision)
            row = one(name, recipe, data, options.hardware)
            for path in paths:
                write(path, row)
            print(f"{name} 시드 {seed}: {row['accuracy']:.1%}, {row['seconds']}초", flush=True)


if __name__ == "__main__":
    main()
