"""노트북의 첫 셀: 장치, 시드, 한글 글꼴을 한 번에 갖춘다."""

import os
import random
from dataclasses import dataclass
from functools import cache
from importlib import resources

import torch

from cnnlab.settings import positive_setting
from cnnlab.share import cpu_share

FONT_FILE = "NotoSansKR-subset.otf"  # KS X 1001의 한글 2,350자, OFL(assets/OFL.txt)


@dataclass(frozen=True)
class Runtime:
    """setup()이 갖춘 것. 노트북은 `lab.device`, `lab.minutes`처럼 꺼내 쓴다."""

    device: torch.device
    seed: int
    minutes: float  # 학습 한 번의 길이(분). 환경 변수 CNNLAB_MINUTES로 바꾼다
    data: str  # load_cifar10()이 지금 쓸 데이터
    font: str

    def __str__(self) -> str:
        return (
            f"장치: {_device_name(self.device)} · PyTorch {torch.__version__} · "
            f"데이터: {self.data} · 글꼴: {self.font} · 시드: {self.seed}"
        )


def setup(seed: int = 0) -> Runtime:
    """장치를 고르고, 시드를 맞추고, 그림에 한글이 나오게 한 뒤 그 결과를 한 줄로 알린다.

    여럿이 함께 쓰는 컴퓨터이면 CPU도 제 몫만 쓴다(share.cpu_share).
    seed: torch, numpy, random에 함께 넣는 시드.
    오류: CNNLAB_MINUTES가 양수가 아니면 SettingError, CPU의 몫이 양수가 아니어도 SettingError.
    """
    from cnnlab.training.data import find_source

    threads = cpu_share()
    if threads is not None:
        torch.set_num_threads(threads)
    seed_everything(seed)
    lab = Runtime(best_device(), seed, minutes_setting(), find_source(), use_korean_font())
    print(lab)
    fit_pictures_to_page()
    return lab


def best_device() -> torch.device:
    """CUDA, MPS(애플 실리콘), CPU 가운데 이 컴퓨터에 있는 첫째."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def seed_everything(seed: int) -> None:
    """torch(모든 장치), numpy, random의 시드를 맞춘다."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def minutes_setting(default: float = 1.0) -> float:
    """학습 한 번의 길이(분). 환경 변수 CNNLAB_MINUTES가 있으면 그 값이다."""
    minutes = positive_setting(os.environ, "CNNLAB_MINUTES", "0보다 큰 분 수를 적어 주세요(예: 0.5)")
    return default if minutes is None else minutes


def fit_pictures_to_page() -> None:
    """노트북의 SVG 그림이 좁은 화면에서 잘리지 않고 줄어들게 한다.

    JupyterLab은 PNG만 화면의 폭에 맞춘다. SVG에도 같은 규칙을 준다. 노트북 밖에서는 아무것도 하지 않는다.
    """
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return
    if getattr(get_ipython(), "kernel", None) is not None:
        style = "<style>.jp-RenderedSVG img { max-width: 100%; height: auto; }</style>"
        display({"text/html": style, "text/plain": ""}, raw=True)


@cache
def use_korean_font() -> str:
    """matplotlib에 패키지의 한글 글꼴을 올리고 그 이름을 돌려준다.

    컴퓨터에 한글 글꼴이 없어도 그림의 글자가 네모(□)로 나오지 않는다. 마이너스는 ASCII로 그린다.
    """
    import matplotlib
    from matplotlib import font_manager

    with resources.as_file(resources.files("cnnlab") / "assets" / FONT_FILE) as path:
        font_manager.fontManager.addfont(str(path))
        name = font_manager.FontProperties(fname=str(path)).get_name()
    matplotlib.rcParams["font.family"] = [name, "DejaVu Sans"]
    matplotlib.rcParams["axes.unicode_minus"] = False
    return name


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"GPU({torch.cuda.get_device_name(device)})"
    if device.type == "mps":
        return "GPU(애플 MPS)"
    return f"CPU({torch.get_num_threads()}스레드)"
