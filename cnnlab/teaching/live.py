"""fit()과 fit_all(): 학습을 시작하고, 도는 동안 진행과 곡선을 보여 주고, 끝나면 한 줄로 알리고 기록한다."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from signal import SIGTERM, raise_signal
from typing import TYPE_CHECKING, Any, Protocol

import torch

from cnnlab.teaching.curves import curve_svg, curve_text
from cnnlab.teaching.explorer import WIDGET_VIEW
from cnnlab.teaching.stop_button import pressed_while_busy
from cnnlab.training.checkpoints import save_checkpoint
from cnnlab.training.loop import Progress, Recipe, StopTraining, train
from cnnlab.training.runs import FINISHED, INTERRUPTED, STOP_BUTTON, TERMINATED, History, append_run, runs_folder

__all__ = ["History", "Recipe", "fit", "fit_all", "runs_folder"]

if TYPE_CHECKING:
    from torch import nn

    from cnnlab.training.data import ImageData

TEXT_SECONDS = 0.25  # 글과 막대를 고치는 간격
CURVE_SECONDS = 0.5  # 곡선을 다시 그리는 간격: 브라우저도 같은 CPU를 쓴다
NO_KERNEL_TEXT = "(학습하는 동안 진행 막대와 곡선이 여기에서 움직입니다)"


def fit(
    model: nn.Module,
    data: ImageData,
    *,
    minutes: float | None = Recipe.minutes,
    epochs: float | None = Recipe.epochs,
    batch_size: int = Recipe.batch_size,
    lr: float = Recipe.lr,
    momentum: float = Recipe.momentum,
    weight_decay: float = Recipe.weight_decay,
    label_smoothing: float = Recipe.label_smoothing,
    augment: bool = Recipe.augment,
    cutout: int = Recipe.cutout,
    ema: float = Recipe.ema,
    seed: int = Recipe.seed,
    precision: str = Recipe.precision,
    name: str = "",
    show: bool = True,
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
) -> History:
    """모델을 minutes분 또는 epochs에폭 동안 학습시키고, 결과를 기록 파일에 덧붙이고, History를 돌려준다.

    노트북에서는 진행 막대, 학습 곡선, 멈춤 단추가 움직이고, 그 밖에서는 글이 몇 줄 나온다. show=False이면 조용하다.
    멈춤 단추나 커널 중단(Kernel > Interrupt)으로 끝내면 그때까지 가장 좋았던 가중치와 History를 돌려준다.
    종료 신호(SIGTERM)를 받으면 가중치와 기록을 파일에 남기고 프로세스가 끝난다.
    설정의 뜻은 Recipe와 같다. name: 그래프와 기록에 쓸 이름(비우면 모델 클래스의 이름).
    checkpoint: 학습의 모든 상태를 쓸 파일. resume: 이어 갈 체크포인트. 둘 다 train()과 같다.
    오류: 설정이 틀리면 RecipeError, 이 데이터를 배울 수 없는 모델이면 ModelError, 이어 갈 수 없으면 CheckpointError;
    모두 시작하기 전이다.
    """
    recipe = Recipe(
        minutes=minutes,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        momentum=momentum,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        augment=augment,
        cutout=cutout,
        ema=ema,
        seed=seed,
        precision=precision,
    )
    with _view(show) as view:
        return _train_and_log(model, data, recipe, name, view, show, checkpoint, resume)


def fit_all(
    runs: Mapping[str, tuple[Callable[[], nn.Module], ImageData]],
    recipe: Recipe,
    *,
    device: torch.device | str = "cpu",
    show: bool = True,
) -> dict[str, History]:
    """여러 신경망을 같은 설정으로 차례로 학습시키며 곡선을 한 그림에 겹쳐 그린다: 하나만 바꾼 실험을 견줄 때 쓴다.

    runs: 이름 -> (신경망을 만드는 함수, 데이터). 만들기 전마다 recipe.seed로 시드를 맞추므로 초깃값의 운이 같다.
    반환: 이름 -> History. 멈춤 단추나 커널 중단으로 끝내면 거기까지의 것만 들어 있다.
    오류: fit()과 같다.
    """
    histories: dict[str, History] = {}
    with _view(show, tuple(runs)) as view:
        for name, (make_model, data) in runs.items():
            torch.manual_seed(recipe.seed)
            history = _train_and_log(make_model().to(device), data, recipe, name, view, show)
            histories[name] = history
            if history.stopped in (STOP_BUTTON, INTERRUPTED, TERMINATED):
                break
    return histories


def _train_and_log(
    model: nn.Module,
    data: ImageData,
    recipe: Recipe,
    name: str,
    view: View,
    show: bool,
    checkpoint: str | Path | None = None,
    resume: str | Path | None = None,
) -> History:
    history = train(model, data, recipe, [view.update], name=name, checkpoint=checkpoint, resume=resume)
    append_run(history, runs_folder())
    if show:
        print(history.summary())
        for note in history.notes:
            print(f"- {note}")
    if history.stopped == TERMINATED:
        if checkpoint is None:
            _keep_weights(model, history)
        raise_signal(SIGTERM)  # 남길 것을 남겼으니 끝내라는 대로 한다
    view.finish(history)
    return history


def _keep_weights(model: nn.Module, history: History) -> None:
    """프로세스와 함께 사라질 가중치를 기록 폴더에 남긴다."""
    path = runs_folder() / "terminated.pt"
    try:
        save_checkpoint(path, {"history": history.plain(), "model": model.state_dict()})
        print(f"종료 신호를 받아 가장 좋았던 가중치를 남겼습니다: {path.name}")
    except OSError as error:
        print(f"종료 신호를 받았지만 가중치를 남기지 못했습니다({error.strerror or type(error).__name__}).")


class View(Protocol):
    """진행을 보여 주는 것."""

    def update(self, progress: Progress) -> None: ...
    def finish(self, history: History) -> None: ...


class Silence:
    """아무것도 보여 주지 않는다."""

    def update(self, progress: Progress) -> None: ...
    def finish(self, history: History) -> None: ...


class Lines:
    """위젯이 없는 곳: 학습이 10분의 1 지날 때마다 한 줄. 마지막은 fit()의 요약이 대신한다."""

    def __init__(self) -> None:
        self._next = 1

    def update(self, progress: Progress) -> None:
        if progress.fraction * 10 >= self._next and progress.fraction < 1:
            self._next = int(progress.fraction * 10) + 1
            print(describe(progress), flush=True)

    def finish(self, history: History) -> None:
        self._next = 1


class Widgets:
    """노트북: 진행 막대, 멈춤 단추, 글, 곡선. pressed가 None이면 단추를 들을 수 없는 커널이므로 보이지 않는다.

    names: 차례로 학습할 것들의 이름. 비우면 하나를 학습하는 것이다.
    """

    def __init__(self, button: Any, pressed: Callable[[], bool] | None, names: Sequence[str] = ()) -> None:
        import ipywidgets

        self._button, self._pressed, self._names = button, pressed, names
        self._done: list[History] = []
        self._text_due = self._curve_due = 0.0
        self._bar = ipywidgets.FloatProgress(min=0.0, max=1.0, layout=ipywidgets.Layout(width="220px"))
        self._text = ipywidgets.HTML()
        self._curve = ipywidgets.HTML()
        controls = ipywidgets.HBox([self._bar, button] if pressed else [self._bar])
        self._box = ipywidgets.VBox([controls, self._text, self._curve])
        self._displayed = False

    def update(self, progress: Progress) -> None:
        if not self._displayed:  # 시작도 못 하는 학습이 빈 화면을 남기지 않게, 첫 소식이 오면 보인다
            self._displayed = True
            view = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
            _display({WIDGET_VIEW: view, "text/plain": NO_KERNEL_TEXT})
        if progress.seconds >= self._text_due:
            self._text_due = progress.seconds + TEXT_SECONDS
            self._bar.value = (len(self._done) + progress.fraction) / max(1, len(self._names))
            place = f"{len(self._done) + 1}/{len(self._names)} {progress.history.model} · " if self._names else ""
            hint = "" if self._pressed else " · 멈추려면 커널을 중단하세요(Kernel > Interrupt)"
            self._text.value = _line(f"{place}{progress.history.source} · {describe(progress)}{hint}")
        if progress.seconds >= self._curve_due:
            self._curve_due = progress.seconds + CURVE_SECONDS
            self._curve.value = self._draw([*self._done, progress.history])
        if self._pressed and self._pressed():
            self._button.disabled = True
            self._text.value = _line("멈추는 중입니다. 마지막으로 시험 그림을 풀고 있습니다.")
            raise StopTraining(STOP_BUTTON)

    def finish(self, history: History) -> None:
        self._done.append(history)
        self._text_due = self._curve_due = 0.0
        total = max(1, len(self._names))
        if history.stopped in FINISHED:
            self._bar.value = len(self._done) / total
        self._text.value = _line(f"{history.source} · 끝난 까닭: {history.stopped}")
        self._curve.value = self._draw(self._done)
        if len(self._done) == total or history.stopped in (STOP_BUTTON, INTERRUPTED):
            self._button.disabled = True
            # 마지막 곡선은 위젯이 아니라 셀의 출력에 남긴다: 커널 없이 읽는 사람에게도 보인다
            _display({"image/svg+xml": self._curve.value, "text/plain": curve_text(self._curve.value)})
            self._curve.value = ""

    def _draw(self, histories: list[History]) -> str:
        return curve_svg(histories, labels=self._names[: len(histories)] or None)


def describe(progress: Progress) -> str:
    """진행 한 줄."""
    return (
        f"{progress.fraction:.0%} · 남은 시간 {progress.seconds_left:.0f}초 · 손실 {progress.loss:.3f} · "
        f"학습 정확도 {progress.accuracy:.1%} · 시험 정확도 {progress.test_accuracy:.1%}"
    )


@contextmanager
def _view(show: bool, names: Sequence[str] = ()) -> Iterator[View]:
    """지금 있는 곳에 맞는 화면을 고른다."""
    if not show:
        yield Silence()
    elif not _widgets_work():
        yield Lines()
    else:
        import ipywidgets

        button = ipywidgets.Button(description="멈춤", icon="stop", layout=ipywidgets.Layout(width="80px"))
        with pressed_while_busy(button) as pressed:
            yield Widgets(button, pressed, names)


def _widgets_work() -> bool:
    """Jupyter 커널 안이고 ipywidgets가 있는가."""
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


def _display(bundle: dict[str, Any]) -> None:
    from IPython.display import display

    display(bundle, raw=True)


def _line(text: str) -> str:
    return f'<span style="font-variant-numeric:tabular-nums">{escape(text)}</span>'
