"""멈추거나, 죽거나, 메모리와 디스크가 모자라도 도달한 것을 잃지 않는다."""

import json
import math
import os
import signal
import threading

import pytest
import torch
from torch import nn

from cnnlab.training import checkpoints, runs
from cnnlab.training.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from cnnlab.training.image_data import ImageData
from cnnlab.training.loop import Recipe, StopTraining, evaluate, train
from cnnlab.training.runs import RunLogWarning


def bright_pictures(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(count)
    labels = torch.arange(count) % 3
    images = torch.randint(0, 150, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
    images[torch.arange(count), labels] += 60
    return images, labels


@pytest.fixture(scope="module")
def data() -> ImageData:
    return ImageData(*bright_pictures(240), *bright_pictures(90), ("빨강", "초록", "파랑"), "색깔 그림", "시험용")


def make_model() -> nn.Module:
    """배치 정규화와 드롭아웃이 있어, 버퍼와 난수까지 되살려야 같은 결과가 난다."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 5, stride=4),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(196, 3),
        )


def stop_after(steps: int, error: BaseException):
    """steps걸음을 마치고 error를 낸다."""
    seen = []

    def listener(progress) -> None:
        seen.append(progress)
        if progress.images_seen >= steps * 16:
            raise error

    return listener


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def curve(history) -> list[tuple]:
    steps = [(step.epoch, step.loss, step.accuracy, step.lr) for step in history.steps]
    return steps + [(record.epoch, record.accuracy, record.loss) for record in history.evals]


# 이어 가기


@pytest.mark.parametrize("stop_at", [7, 15, 16])
@pytest.mark.parametrize("extra", [{}, {"ema": 0.9, "cutout": 6, "precision": "bfloat16 channels_last"}], ids=str)
def test_resumed_equals_uninterrupted_to_the_bit(data, tmp_path, stop_at, extra):
    """15는 에폭의 끝, 16은 다음 에폭의 첫걸음이다."""
    recipe = Recipe(epochs=3, batch_size=16, seed=3, **extra)
    whole_model, model = make_model(), make_model()
    whole = train(whole_model, data, recipe)
    path = tmp_path / "run.pt"
    partial = train(model, data, recipe, [stop_after(stop_at, StopTraining("그만"))], checkpoint=path)
    assert partial.images_seen == stop_at * 16
    other = make_model()
    torch.rand(5)
    resumed = train(other, data, recipe, checkpoint=path, resume=path)
    assert same_weights(other, whole_model)
    assert curve(resumed) == curve(whole)
    assert (resumed.accuracy, resumed.loss, resumed.images_seen) == (whole.accuracy, whole.loss, whole.images_seen)
    assert resumed.stopped == runs.EPOCHS_DONE


def test_a_run_killed_without_warning_resumes_from_the_last_periodic_checkpoint(data, tmp_path, monkeypatch):
    monkeypatch.setattr("cnnlab.training.loop.EVERY_SECONDS", 0.0)
    recipe = Recipe(epochs=2, batch_size=16)
    whole_model, model = make_model(), make_model()
    whole = train(whole_model, data, recipe)
    path = tmp_path / "run.pt"
    with pytest.raises(ZeroDivisionError):  # 뒷일을 하지 못하고 나간다
        train(model, data, recipe, [lambda progress: progress.images_seen < 9 * 16 or 1 / 0], checkpoint=path)
    other = make_model()
    assert curve(train(other, data, recipe, resume=path)) == curve(whole)
    assert same_weights(other, whole_model)


def test_writing_checkpoints_does_not_change_the_result(data, tmp_path, monkeypatch):
    monkeypatch.setattr("cnnlab.training.loop.EVERY_SECONDS", 0.0)
    models = [make_model(), make_model()]
    plain = train(models[0], data, Recipe(epochs=1, batch_size=16))
    kept = train(models[1], data, Recipe(epochs=1, batch_size=16), checkpoint=tmp_path / "run.pt")
    assert curve(plain) == curve(kept)
    assert same_weights(*models)


def test_the_result_in_the_checkpoint_is_the_model_that_was_given_back(data, tmp_path):
    model = make_model()
    history = train(model, data, Recipe(epochs=1, batch_size=16), checkpoint=tmp_path / "run.pt")
    result = load_checkpoint(tmp_path / "run.pt")["result"]
    other = make_model()
    other.load_state_dict(result["model"])
    assert evaluate(other, data).accuracy == history.accuracy == result["history"]["accuracy"]


def test_a_run_by_minutes_resumes_with_the_time_that_is_left(data, tmp_path):
    path = tmp_path / "run.pt"
    now = [0.0]
    model = make_model()

    def tick(module, *_ignored):  # 빠르기를 재느라 돌리는 사본의 걸음은 세지 않는다: 그 수는 컴퓨터마다 다르다
        now[0] += 0.1 * (module is model and torch.is_grad_enabled())

    model.register_forward_hook(tick)
    recipe = Recipe(minutes=0.2, batch_size=16, precision="float32")
    train(model, data, recipe, [stop_after(60, StopTraining("그만"))], checkpoint=path, clock=lambda: now[0])
    first = now[0]
    assert 5 < first < 8
    history = train(model, data, recipe, resume=path, clock=lambda: now[0])
    assert history.stopped == runs.TIME_UP
    assert now[0] == pytest.approx(12, rel=0.1)
    assert history.seconds == pytest.approx(12, rel=0.1)


def test_another_recipe_or_other_data_is_refused(data, tmp_path):
    path = tmp_path / "run.pt"
    recipe = Recipe(epochs=1, batch_size=16)
    train(make_model(), data, recipe, [stop_after(3, StopTraining("그만"))], checkpoint=path)
    with pytest.raises(CheckpointError, match=r"lr=0\.01"):
        train(make_model(), data, Recipe(epochs=1, batch_size=16, lr=0.01), resume=path)
    images, labels = bright_pictures(240)
    others = ImageData(255 - images, labels, *bright_pictures(90), data.classes, "뒤집은 그림", "시험용")
    with pytest.raises(CheckpointError, match="뒤집은 그림"):
        train(make_model(), others, recipe, resume=path)


@pytest.mark.parametrize("content", [b"", b"not a zip", None], ids=["empty", "text", "missing"])
def test_a_file_that_is_no_checkpoint_is_said_in_korean(tmp_path, content):
    path = tmp_path / "run.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"run\.pt"):
        load_checkpoint(path)


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "함정"),))

    torch.save({"format": checkpoints.FORMAT, "model": Trap()}, tmp_path / "run.pt")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "run.pt")
    assert not (tmp_path / "함정").exists()


def test_a_write_that_fails_leaves_the_checkpoint_before_it(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    save_checkpoint(path, {"step": 1})

    def cut(state, file):
        file.write(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc] . unexpected pos 4 vs 0")

    monkeypatch.setattr(torch, "save", cut)
    with pytest.raises(OSError, match="가득"):
        save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path)["step"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_an_unwritable_checkpoint_ends_normally_and_says_so_once(data, tmp_path, monkeypatch):
    monkeypatch.setattr("cnnlab.training.loop.EVERY_SECONDS", 0.0)
    blocked = tmp_path / "folder"
    blocked.write_text("폴더가 아니라 파일")
    with pytest.warns(RunLogWarning, match="체크포인트를 쓰지 못했습니다") as caught:
        history = train(make_model(), data, Recipe(epochs=1, batch_size=16), checkpoint=blocked / "run.pt")
    assert len(caught) == 1
    assert history.stopped == runs.EPOCHS_DONE
    assert math.isfinite(history.accuracy)
    assert len([note for note in history.notes if "체크포인트" in note]) == 1


def test_a_diverged_run_leaves_a_checkpoint_with_the_last_good_weights(data, tmp_path):
    path = tmp_path / "run.pt"
    model = nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(196, 3))
    history = train(model, data, Recipe(epochs=5, batch_size=16, lr=1e9, ema=0.9), checkpoint=path)
    assert history.stopped == runs.DIVERGED
    saved = load_checkpoint(path)
    for weights in (saved["model"], saved["result"]["model"], saved["stepper"]["average"]["values"]):
        assert all(value.isfinite().all() for value in weights.values())


# 멈춤


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGTERM, runs.TERMINATED), (signal.SIGINT, runs.INTERRUPTED)], ids=["TERM", "INT"]
)
@pytest.mark.skipif(os.name == "nt", reason="Windows에서는 os.kill이 프로세스를 바로 끝낸다")
def test_signals_stop_between_steps_and_the_run_resumes_exactly(data, tmp_path, number, reason):
    recipe = Recipe(epochs=2, batch_size=16)
    whole_model, model, path = make_model(), make_model(), tmp_path / "run.pt"
    whole = train(whole_model, data, recipe)
    before = signal.getsignal(number)
    sent = []

    def send(module, inputs, output) -> None:
        """역전파하기 전, 걸음의 한가운데."""
        if torch.is_grad_enabled() and len(sent) < 5:
            sent.append(output)
            if len(sent) == 5:
                os.kill(os.getpid(), number)

    hook = model.register_forward_hook(send)
    history = train(model, data, recipe, checkpoint=path)
    hook.remove()
    assert history.stopped == reason
    assert history.images_seen == 5 * 16
    assert math.isfinite(history.accuracy)
    assert signal.getsignal(number) is before
    other = make_model()
    assert curve(train(other, data, recipe, resume=path)) == curve(whole)
    assert same_weights(other, whole_model)


def test_training_in_another_thread_needs_no_signals(data):
    results = []
    thread = threading.Thread(target=lambda: results.append(train(make_model(), data, Recipe(epochs=0.2))))
    thread.start()
    thread.join()
    assert results[0].stopped == runs.EPOCHS_DONE


def test_a_stopped_run_keeps_the_best_weights_so_far(data):
    """배운 뒤에 가중치가 망가진 채로 멈추면, 망가지기 전의 것을 돌려준다."""
    model = make_model()

    def spoil_and_stop(progress) -> None:
        if progress.epoch >= 6:
            with torch.no_grad():
                model[5].weight.zero_()
            raise StopTraining(runs.STOP_BUTTON)

    history = train(model, data, Recipe(epochs=8, batch_size=24), [spoil_and_stop])
    assert history.accuracy > 0.9
    assert history.accuracy == evaluate(model, data).accuracy
    assert 0 < history.kept_epoch < 6
    assert "에폭의 가중치로 되돌렸습니다" in history.summary()


def test_a_finished_run_keeps_its_last_weights(data):
    assert train(make_model(), data, Recipe(epochs=2, batch_size=24)).kept_epoch is None


# 낮은 정밀도와 메모리


class Overflowing(nn.Module):
    """낮은 정밀도에서만 손실이 무한대가 된다."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = make_model()
        self.calls = 0

    def forward(self, x):
        self.calls += self.training
        logits = self.layers(x)
        return logits * (math.inf if logits.dtype == torch.bfloat16 and self.calls > 20 else 1)


def test_low_precision_that_overflows_falls_back_to_float32_and_says_so(data):
    history = train(Overflowing(), data, Recipe(epochs=6, batch_size=24, precision="bfloat16"))
    assert history.stopped == runs.EPOCHS_DONE
    assert history.precision == "float32"
    assert history.accuracy > 0.9
    assert any("float32로 이어 갑니다" in note for note in history.notes)
    assert all(math.isfinite(step.loss) for step in history.steps)


class SmallMemory(nn.Module):
    """한 번에 limit장보다 많으면 메모리가 모자라는 장치."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 32 * 32, 3)
        nn.init.zeros_(self.layer.weight)
        self.limit, self.sizes = limit, []

    def forward(self, x):
        if len(x) > self.limit:
            raise getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)("CUDA out of memory.")
        if torch.is_grad_enabled():
            self.sizes.append(len(x))
        return self.layer(x.flatten(1))


def test_out_of_memory_halves_the_micro_batch_and_keeps_the_effective_one(data):
    recipe = Recipe(epochs=2, batch_size=48, momentum=0.5)
    roomy, tight = SmallMemory(1000), SmallMemory(12)
    with torch.no_grad():
        tight.layer.bias.copy_(roomy.layer.bias)
    expected, got = train(roomy, data, recipe), train(tight, data, recipe)
    assert set(tight.sizes) == {12}
    assert got.images_seen == expected.images_seen
    torch.testing.assert_close(tight.layer.weight, roomy.layer.weight, rtol=1e-4, atol=1e-6)
    assert [step.loss for step in got.steps] == pytest.approx([step.loss for step in expected.steps], rel=1e-4)
    assert got.accuracy == expected.accuracy
    assert ["24장씩" in got.notes[0], "12장씩" in got.notes[1], "48장" in got.notes[1]] == [True, True, True]


def test_not_even_one_picture_fitting_is_said_in_korean(data):
    class Full(SmallMemory):
        def forward(self, x):
            if torch.is_grad_enabled():
                raise RuntimeError("MPS backend out of memory")
            return self.layer(x.flatten(1))

    with pytest.raises(RuntimeError, match="그림 한 장도"):
        train(Full(100), data, Recipe(epochs=1, batch_size=8))


def test_other_errors_of_the_model_are_not_taken_for_a_lack_of_memory(data):
    class Broken(SmallMemory):
        def forward(self, x):
            if torch.is_grad_enabled():
                raise RuntimeError("shape mismatch")
            return self.layer(x.flatten(1))

    with pytest.raises(RuntimeError, match="shape mismatch"):
        train(Broken(100), data, Recipe(epochs=1, batch_size=8))


def test_history_is_saved_and_loaded_whole(data, tmp_path):
    history = train(make_model(), data, Recipe(epochs=1, batch_size=16))
    history.loss = math.nan
    history.save(tmp_path / "h.json")
    loaded = type(history).load(tmp_path / "h.json")
    assert repr(loaded) == repr(history)
    assert json.loads((tmp_path / "h.json").read_text(encoding="utf-8"))["source"] == data.name
    (tmp_path / "h.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"h\.json"):
        type(history).load(tmp_path / "h.json")


def test_history_draws_its_curves_without_a_notebook(data, tmp_path):
    from cnnlab.runtime import use_korean_font

    use_korean_font()
    history = train(make_model(), data, Recipe(epochs=1, batch_size=16))
    figure = history.plot()
    figure.savefig(tmp_path / "curve.png")
    losses = figure.axes[0].lines[0].get_ydata()
    assert list(losses) == [step.loss for step in history.steps]
    with pytest.raises(ValueError, match="그릴 기록"):
        type(history)("m", "s", 0, "cpu", {}).plot()
