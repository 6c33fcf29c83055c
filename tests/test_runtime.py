"""setup(): 한 줄, 같은 시드, 한글 글꼴, 학습 시간 설정."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from cnnlab import runtime
from cnnlab.errors import LearnerError


@pytest.fixture(autouse=True)
def random_state():
    """시드를 바꾸는 시험이 다른 시험의 난수에 손대지 않게 한다."""
    saved = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(saved[0])
    np.random.set_state(saved[1])
    torch.set_rng_state(saved[2])


def test_setup_prints_one_line_that_names_device_torch_data_and_font(monkeypatch, capsys) -> None:
    monkeypatch.setenv("CNNLAB_DATA", "shapes10")
    lab = runtime.setup()
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    for part in ("장치: ", f"PyTorch {torch.__version__}", "데이터: 내장 shapes10", f"글꼴: {lab.font}", "시드: 0"):
        assert part in printed
    assert lab.device == runtime.best_device()


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_same_seed_gives_same_numbers_in_all_three_libraries(capsys) -> None:
    runtime.setup(seed=7)
    first = draws()
    runtime.setup(seed=7)
    second = draws()
    runtime.setup(seed=8)
    third = draws()
    assert first == second
    assert all(a != b for a, b in zip(first, third, strict=True))


@pytest.mark.parametrize(("text", "minutes"), [("0.5", 0.5), (" 2 ", 2.0), ("", 1.0), (None, 1.0)])
def test_minutes_come_from_the_environment(monkeypatch, capsys, text, minutes) -> None:
    if text is None:
        monkeypatch.delenv("CNNLAB_MINUTES", raising=False)
    else:
        monkeypatch.setenv("CNNLAB_MINUTES", text)
    assert runtime.setup().minutes == minutes


@pytest.mark.parametrize("text", ["0", "-1", "일 분", "nan", "inf", "1,5"])
def test_unusable_minutes_are_refused_with_what_to_write(monkeypatch, text) -> None:
    monkeypatch.setenv("CNNLAB_MINUTES", text)
    with pytest.raises(LearnerError, match="CNNLAB_MINUTES") as error:
        runtime.setup()
    assert repr(text) in str(error.value)
    assert "예: 0.5" in str(error.value)


WORDS = (
    "합성곱 수용 영역 매개변수 특징 맵 깊이별 분리 밀집 블록 값의 꼴 쌓기 뺄셈 훑다 넓이 좁힘 왜곡 괜찮 퀴즈 뭉개기 ×·…"
)


def test_hangul_and_minus_are_drawn_on_a_machine_without_korean_fonts(tmp_path) -> None:
    code = f"""
import matplotlib
matplotlib.use("Agg")
from matplotlib import font_manager
manager = font_manager.fontManager
manager.ttflist = [f for f in manager.ttflist if "DejaVu" in f.name]  # 한글 글꼴이 없는 컴퓨터
manager.afmlist = []
import warnings
warnings.simplefilter("error")
from cnnlab import runtime
lab = runtime.setup()
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([-1, 1], [-0.001, 0.001], label={WORDS!r})
axes.set_title({WORDS!r})
axes.legend()
figure.savefig({str(tmp_path / "hangul.png")!r})
used = font_manager.findfont(font_manager.FontProperties(family=lab.font), fallback_to_default=False)
assert "cnnlab" in used, used
assert not any(c == "\\u2212" for t in axes.get_xticklabels() for c in t.get_text())
"""
    environment = {**os.environ, "CNNLAB_DATA": "shapes10", "MPLCONFIGDIR": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
