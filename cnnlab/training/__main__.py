"""오래 걸리는 학습의 명령줄: python -m cnnlab.training MODEL --epochs E

장치가 여럿이면: torchrun --nproc-per-node=N -m cnnlab.training MODEL --epochs E
MODEL은 cnnlab.models의 이름(lenet5_cifar)이나, 모델을 만드는 함수의 자리(my_models:make_model)다.
기록은 data/runs/runs.jsonl에 한 줄로, 체크포인트와 곡선은 data/runs/<이름>-<시각>.pt, .json으로 남는다.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import fields
from datetime import datetime
from importlib import import_module
from pathlib import Path

import torch
from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.training.checkpoints import CheckpointError, load_checkpoint
from cnnlab.training.data import ImageData, load_cifar10
from cnnlab.training.history import FINISHED, INTERRUPTED, TERMINATED, History
from cnnlab.training.loop import Progress, train
from cnnlab.training.parallel import World, joined
from cnnlab.training.precision import MEASURE, PLAIN
from cnnlab.training.recipe import Recipe
from cnnlab.training.runs import append_run, runs_folder

MODEL_HOME = "cnnlab.models"  # 이름만 주면 여기서 찾는다. 학습기 자신은 어떤 모델도 모른다
LINE_SECONDS = 10.0
EXIT_CODES = {INTERRUPTED: 130, TERMINATED: 143}  # 신호로 끝난 프로그램의 관례


class CommandError(LearnerError, ValueError):
    """명령줄에 적은 것을 쓸 수 없다."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        with joined() as (world, device):
            return _run(options, world, device or _best_device())
    except LearnerError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace, world: World, device: torch.device) -> int:
    say: Callable[[str], None] = (lambda text: print(text, flush=True)) if world.leads else (lambda text: None)
    folder = options.folder or runs_folder()
    resume = _checkpoint_to_resume(options.resume, folder, options.name or options.model)
    if resume is not None and _finished(resume):
        say(f"이미 마친 학습입니다: {resume.name}. 결과는 {folder.name}에 있습니다.")
        return 0
    recipe = _recipe(options, resume, world)
    data = _load_data(say)
    torch.manual_seed(recipe.seed)  # 모든 프로세스가 같은 초깃값에서 출발한다
    model = build(options.model, len(data.classes)).to(device)
    name = options.name or options.model
    file = Path(resume) if resume else folder / f"{_file_name(name)}-{datetime.now():%Y%m%d-%H%M%S}.pt"
    shared = f" · 프로세스 {world.size}개" if world.size > 1 else ""
    say(f"{name} · {data.name} · {device}{shared} · 체크포인트: {file.name}{' 에서 이어 갑니다' if resume else ''}")

    listeners = [_Lines(say)] if world.leads else []
    history = train(model, data, recipe, listeners, name=name, checkpoint=file, resume=resume, world=world)
    if world.leads:
        say(history.summary())
        for note in history.notes:
            say(f"- {note}")
        append_run(history, folder)
        _save_curve(history, file.with_suffix(".json"), say)
    return EXIT_CODES.get(history.stopped, 0)


def build(name: str, classes: int) -> nn.Module:
    """이름이나 "모듈:함수"로 모델을 만든다. 오류: 그런 모듈이나 함수가 없으면 CommandError."""
    home, _, function = name.rpartition(":")
    if not home:
        return import_module(MODEL_HOME).build(name, num_classes=classes)
    try:
        make = getattr(import_module(home), function)
    except (ImportError, AttributeError) as error:
        raise CommandError(f"모델을 만드는 함수를 찾지 못했습니다: {name}. '모듈:함수'로 적으세요.") from error
    return make()


class _Lines:
    """LINE_SECONDS초마다 한 줄."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._due = say, 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.seconds >= self._due or progress.fraction == 1:
            self._due = progress.seconds + LINE_SECONDS
            self._say(
                f"{progress.fraction:4.0%} · {progress.epoch:.2f}에폭 · 손실 {progress.loss:.3f} · "
                f"학습 정확도 {progress.accuracy:.1%} · 시험 정확도 {progress.test_accuracy:.1%} · "
                f"남은 시간 {progress.seconds_left:,.0f}초"
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cnnlab.training", description="신경망 하나를 학습시킵니다.")
    parser.add_argument("model", metavar="MODEL", help="cnnlab.models의 이름, 또는 모듈:함수")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--epochs", type=float, help="학습 그림을 몇 번 볼지")
    length.add_argument("--minutes", type=float, help="몇 분 동안 학습할지(프로세스가 하나일 때만)")
    parser.add_argument("--batch-size", type=int, default=Recipe.batch_size, help="프로세스를 모두 더한 크기")
    parser.add_argument("--lr", type=float, default=Recipe.lr, help="가장 높은 학습률")
    parser.add_argument("--momentum", type=float, default=Recipe.momentum)
    parser.add_argument("--weight-decay", type=float, default=Recipe.weight_decay)
    parser.add_argument("--label-smoothing", type=float, default=Recipe.label_smoothing)
    parser.add_argument("--no-augment", dest="augment", action="store_false", help="자르기와 뒤집기를 하지 않습니다")
    parser.add_argument("--cutout", type=int, default=Recipe.cutout, help="지울 정사각형의 한 변(화소)")
    parser.add_argument("--ema", type=float, default=Recipe.ema, help="가중치 이동 평균의 비율(예: 0.99)")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument(
        "--precision",
        help=f"{MEASURE}(기본값: 재어 고릅니다), {PLAIN}, 'bfloat16 channels_last' 등",
    )
    parser.add_argument("--name", default="", help="기록에 쓸 이름")
    parser.add_argument("--folder", type=Path, help="기록을 둘 폴더(기본값: data/runs)")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="FILE",
        help="체크포인트에서 이어 갑니다(기본값: 마치지 못한 가장 최근 것)",
    )
    return parser


def _recipe(options: argparse.Namespace, resume: Path | None, world: World) -> Recipe:
    values = {item.name: getattr(options, item.name) for item in fields(Recipe)}
    if world.size > 1 and options.minutes is not None:
        raise CommandError("여러 프로세스로 학습할 때는 --minutes 대신 --epochs를 쓰세요.")
    if values["precision"] is None:
        values["precision"] = load_checkpoint(resume)["recipe"]["precision"] if resume else MEASURE
    return Recipe(**values)


def _checkpoint_to_resume(wanted: str | None, folder: Path, name: str) -> Path | None:
    if wanted is None:
        return None
    if wanted:
        return Path(wanted)
    files = sorted(folder.glob(f"{_file_name(name)}-*.pt"), key=lambda path: path.stat().st_mtime)
    found = [path for path in files if not _finished(path)]
    if not found:
        raise CheckpointError(f"이어 갈 체크포인트가 없습니다: {name}. --resume 없이 처음부터 학습하세요.")
    return found[-1]


def _finished(path: Path) -> bool:
    result = load_checkpoint(path).get("result")
    return result is not None and result["history"]["stopped"] in FINISHED


def _load_data(say: Callable[[str], None]) -> ImageData:
    heard = io.StringIO()
    with redirect_stdout(heard):  # 여러 프로세스가 같은 줄을 되풀이하지 않게
        data = load_cifar10()
    say(heard.getvalue().strip())
    return data


def _save_curve(history: History, path: Path, say: Callable[[str], None]) -> None:
    try:
        history.save(path)
    except OSError as error:
        say(f"곡선을 {path.name}에 쓰지 못했습니다({error.strerror or type(error).__name__}).")


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)


def _best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


if __name__ == "__main__":
    sys.exit(main())
