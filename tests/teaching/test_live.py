import inspect
import os
import signal
import sys
import types
from dataclasses import fields

import pytest
import torch
from torch import nn

from cnnlab.teaching import live, stop_button
from cnnlab.teaching.live import fit, fit_all, runs_folder
from cnnlab.training import runs
from cnnlab.training.checkpoints import load_checkpoint
from cnnlab.training.image_data import ImageData
from cnnlab.training.loop import ModelError, Recipe, RecipeError, StopTraining
from cnnlab.training.runs import History, load_runs


@pytest.fixture(autouse=True)
def log_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def data() -> ImageData:
    generator = torch.Generator().manual_seed(2)
    labels = torch.arange(160) % 2
    images = torch.randint(0, 120, (160, 3, 32, 32), generator=generator, dtype=torch.uint8)
    images += (labels * 100).to(torch.uint8).view(-1, 1, 1, 1)
    return ImageData(images[:120], labels[:120], images[120:], labels[120:], ("밤", "낮"), "밝기 <그림>", "시험용")


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 2))


@pytest.fixture
def notebook(monkeypatch):
    """Jupyter 커널 안인 것처럼 꾸미고, 셀에 보인 것을 모은다."""
    IPython = pytest.importorskip("IPython")  # noqa: N806
    pytest.importorskip("ipywidgets")
    shown = []
    shell = types.SimpleNamespace(kernel=types.SimpleNamespace())
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    return shown


class Presses:
    """pressed_while_busy 대신: times번째 물을 때부터 눌렸다고 답한다."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.button = None

    def __call__(self, button):
        self.button = button
        return self

    def __enter__(self):
        return self.pressed

    def __exit__(self, *error):
        return None

    def pressed(self) -> bool:
        self.left -= 1
        return self.left <= 0


def test_keywords_and_defaults_are_those_of_recipe():
    parameters = inspect.signature(fit).parameters
    for field in fields(Recipe):
        assert parameters[field.name].default == field.default
        assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY
    assert set(parameters) - {field.name for field in fields(Recipe)} == {
        "model",
        "data",
        "name",
        "show",
        "checkpoint",
        "resume",
    }


def test_every_setting_reaches_the_run(data, model):
    wanted = {
        "minutes": None,
        "epochs": 1,
        "batch_size": 30,
        "lr": 0.02,
        "momentum": 0.8,
        "weight_decay": 1e-3,
        "label_smoothing": 0.1,
        "augment": False,
        "cutout": 3,
        "ema": 0.5,
        "precision": "float32 channels_last",
        "seed": 5,
    }
    assert fit(model, data, **wanted, show=False).recipe == wanted


def test_plain_python_prints_few_lines_and_one_summary(data, model, capsys, log_folder):
    history = fit(model, data, epochs=40, batch_size=20, name="작은 모델")
    lines = capsys.readouterr().out.splitlines()
    assert isinstance(history, History)
    assert lines[-1] == history.summary()
    assert 5 <= len(lines) <= 11
    assert history.accuracy == 1.0
    assert load_runs(log_folder).model.tolist() == ["작은 모델"]


def test_quiet_run_prints_nothing_but_is_logged(data, model, capsys, log_folder):
    fit(model, data, epochs=1, show=False)
    assert capsys.readouterr() == ("", "")
    assert len(load_runs(log_folder)) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows에서는 os.kill이 프로세스를 바로 끝낸다")
def test_a_process_told_to_end_leaves_its_weights_and_its_log_and_ends(data, model, log_folder, monkeypatch):
    ended = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))

    def terminate(*ignored) -> None:
        if torch.is_grad_enabled():
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        model.register_forward_hook(terminate)
        history = fit(model, data, epochs=50, batch_size=20, show=False)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended[-1] == signal.SIGTERM
    assert history.stopped == runs.TERMINATED
    assert load_runs(log_folder).stopped.tolist() == [runs.TERMINATED]
    kept = load_checkpoint(log_folder / "terminated.pt")["model"]
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())


def test_a_run_can_be_stopped_kept_and_taken_up_again(data, tmp_path):
    path = tmp_path / "run.pt"

    def make() -> nn.Module:
        torch.manual_seed(0)
        return make_model()

    whole = fit(make(), data, epochs=2, batch_size=20, show=False)

    class Impatient(live.Silence):
        def update(self, progress):
            if progress.images_seen >= 100:
                raise StopTraining("그만")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "Silence", Impatient)
        assert fit(make(), data, epochs=2, batch_size=20, show=False, checkpoint=path).stopped == "그만"
    resumed = fit(make(), data, epochs=2, batch_size=20, show=False, resume=path)
    assert (resumed.loss, resumed.accuracy) == (whole.loss, whole.accuracy)


def test_bad_settings_and_models_leave_no_screen_and_no_log(data, model, notebook, log_folder, capsys):
    with pytest.raises(RecipeError):
        fit(model, data, minutes=0)
    with pytest.raises(ModelError):
        fit(nn.Flatten(), data, epochs=1)
    assert notebook == []
    assert capsys.readouterr().out == ""
    assert not log_folder.exists()


def test_an_unwritable_log_does_not_lose_the_history(data, model, log_folder):
    log_folder.write_text("폴더가 아니다")
    with pytest.warns(runs.RunLogWarning):
        assert fit(model, data, epochs=1, show=False).images_seen == 120


def test_notebook_shows_one_widget_and_leaves_the_last_curve_in_the_output(data, model, notebook, capsys, monkeypatch):
    monkeypatch.setattr(live, "CURVE_SECONDS", 0.0)
    made = []
    widgets = live.Widgets

    def remember(*args):
        made.append(widgets(*args))
        return made[-1]

    monkeypatch.setattr(live, "Widgets", remember)
    history = fit(model, data, epochs=3, batch_size=20)
    widget, figure = notebook
    view = made[0]
    assert widget["application/vnd.jupyter.widget-view+json"]["model_id"] == view._box.model_id
    assert widget["text/plain"] == live.NO_KERNEL_TEXT
    assert figure["image/svg+xml"] == live.curve_svg(history)
    assert view._curve.value == ""  # 같은 곡선이 두 번 보이지 않는다
    assert view._bar.value == 1.0
    assert "밝기 &lt;그림&gt;" in view._text.value
    assert runs.EPOCHS_DONE in view._text.value
    assert capsys.readouterr().out.splitlines() == [history.summary()]


def test_pressing_stop_ends_the_run_and_keeps_it(data, model, notebook, monkeypatch, log_folder):
    presses = Presses(4)
    monkeypatch.setattr(live, "pressed_while_busy", presses)
    history = fit(model, data, epochs=50, batch_size=20)
    assert history.stopped == runs.STOP_BUTTON
    assert 0 < history.images_seen < 50 * 120
    assert presses.button.disabled
    assert load_runs(log_folder).stopped.tolist() == [runs.STOP_BUTTON]


def test_without_a_way_to_hear_the_button_interrupt_is_named_instead(data, model, notebook, monkeypatch):
    seen = []
    line = live._line
    monkeypatch.setattr(live, "_line", lambda text: seen.append(text) or line(text))
    fit(model, data, epochs=2)  # 흉내 낸 커널에는 단추를 들을 길이 없다
    assert "Kernel > Interrupt" in seen[0]


def test_a_press_reaches_us_while_the_comm_is_only_asked_for_its_route():
    class Comm:
        def _reply_subshell_for(self, data, default):
            return default

    class Button:
        comm = Comm()

        def on_click(self, callback):
            self.callback = callback

    button = Button()
    with stop_button.pressed_while_busy(button) as pressed:
        assert button.comm._reply_subshell_for({"method": "update", "state": {}}, "가") == "가"
        assert not pressed()
        assert button.comm._reply_subshell_for({"method": "custom", "content": {"event": "click"}}, "나") == "나"
        assert pressed()


def test_older_kernels_are_polled(monkeypatch):
    polled = []

    class Events:
        def __enter__(self):
            return polled.append

        def __exit__(self, *error):
            return None

    IPython = pytest.importorskip("IPython")  # noqa: N806
    kernel = types.SimpleNamespace(do_one_iteration=None)
    monkeypatch.setattr(IPython, "get_ipython", lambda: types.SimpleNamespace(kernel=kernel))
    monkeypatch.setitem(sys.modules, "jupyter_ui_poll", types.SimpleNamespace(ui_events=Events))
    button = types.SimpleNamespace(comm=object(), on_click=lambda callback: setattr(button, "click", callback))
    with stop_button.pressed_while_busy(button) as pressed:
        assert not pressed()
        button.click(button)
        assert pressed()
    assert polled == [1, 1]


def test_missing_ipywidgets_falls_back_to_lines(data, model, notebook, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    fit(model, data, epochs=10, batch_size=20)
    assert notebook == []
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_stop_signal_is_not_shown_as_an_error(data, model, monkeypatch):
    class Impatient(live.Silence):
        def update(self, progress):
            raise StopTraining("그만")

    monkeypatch.setattr(live, "Silence", Impatient)
    assert fit(model, data, epochs=5, show=False).stopped == "그만"


def test_log_folder_is_data_runs_of_the_project_unless_named(monkeypatch, tmp_path):
    assert runs_folder() == tmp_path / "runs"
    monkeypatch.delenv("CNNLAB_RUNS")
    for name in ("notebooks", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert runs_folder() == tmp_path / "data" / "runs"


def test_kernels_that_run_widget_callbacks_elsewhere_need_no_polling(notebook, monkeypatch):
    import IPython

    kernel = types.SimpleNamespace(_supports_kernel_subshells=True)
    monkeypatch.setattr(IPython, "get_ipython", lambda: types.SimpleNamespace(kernel=kernel))
    button = types.SimpleNamespace(comm=object(), on_click=lambda callback: setattr(button, "click", callback))
    with stop_button.pressed_while_busy(button) as pressed:
        assert not pressed()
        button.click(button)
        assert pressed()


def make_model() -> nn.Module:
    return nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 2))


def test_experiments_differ_only_in_what_was_changed(data, log_folder, capsys):
    """같은 것을 두 이름으로 학습하면 결과가 같아야, 다른 것의 차이를 바꾼 것의 몫이라고 말할 수 있다."""
    runs_ = {"하나": (make_model, data), "둘": (make_model, data)}
    histories = fit_all(runs_, Recipe(epochs=1, batch_size=30))
    assert list(histories) == ["하나", "둘"]
    assert [step.loss for step in histories["하나"].steps] == [step.loss for step in histories["둘"].steps]
    assert len(load_runs(log_folder)) == 2
    assert capsys.readouterr().out.count("시험 정확도") >= 2


def test_experiments_share_one_screen_whose_last_curve_names_them_all(data, notebook):
    runs_ = {"하나": (make_model, data), "둘": (make_model, data)}
    fit_all(runs_, Recipe(epochs=1, batch_size=30))
    _widget, figure = notebook
    assert "하나" in figure["image/svg+xml"]
    assert "둘" in figure["image/svg+xml"]


def test_stop_ends_the_experiments_and_keeps_what_was_reached(data, notebook, monkeypatch):
    monkeypatch.setattr(live, "pressed_while_busy", Presses(3))
    runs_ = {"하나": (make_model, data), "둘": (make_model, data)}
    histories = fit_all(runs_, Recipe(epochs=50, batch_size=30))
    assert list(histories) == ["하나"]
    assert histories["하나"].stopped == runs.STOP_BUTTON
