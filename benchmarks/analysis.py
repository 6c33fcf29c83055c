"""계층표(수용 영역 포함)의 속도와 메모리를 torchinfo.summary, fvcore와 나란히 재고, 조절기가 답하는 시간을 잰다.

실행: pip install fvcore; python benchmarks/analysis.py
목표: torchinfo의 1.5배 안, 1초 안, 더 쓰는 메모리 150 MB 안. 모두 meta 장치(fvcore는 거기서
돌지 않아 실제 가중치), 224x224, 번갈아 재어 중앙값을 견준다.
메모리는 모델마다 새 프로세스에서 표를 처음 만드는 동안 늘어난 최대 상주 메모리(RSS)다(Linux에서만 잰다).
"""

import logging
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import explorers
import torch
import torchinfo
import torchvision
from fvcore.nn import FlopCountAnalysis

from cnnlab.analysis import layer_table, receptive_field

NETWORKS = ("densenet201", "resnet152")
SIZE = (3, 224, 224)
ROUNDS = 7


def build(name: str) -> torch.nn.Module:
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None).eval()


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def extra_memory(name: str) -> float:
    """새 프로세스에서 표를 만들 때 늘어난 최대 메모리, MB."""
    out = subprocess.run([sys.executable, __file__, "--memory", name], capture_output=True, text=True, check=True)
    return float(out.stdout)


def print_memory(name: str) -> None:
    model = build(name)
    layer_table(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3)), SIZE)  # pandas 따위를 미리 불러온다
    Path("/proc/self/clear_refs").write_text("5")  # 최대값을 지금의 값으로 되돌린다
    before = peak_memory()
    layer_table(model, SIZE)
    print(peak_memory() - before)


def peak_memory() -> float:
    """이 프로세스의 최대 상주 메모리, MB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def main() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("fvcore").setLevel(logging.ERROR)  # 모르는 연산의 목록을 한 번마다 찍는다
    for name in NETWORKS:
        model, real = build(name), torchvision.models.get_model(name, weights=None).eval()
        work = {
            "layer_table": lambda model=model: layer_table(model, SIZE),
            "receptive_field": lambda model=model: receptive_field(model, SIZE),
            "fvcore": lambda real=real: FlopCountAnalysis(real, torch.zeros(1, *SIZE)).total(),
            "torchinfo.summary": lambda model=model: torchinfo.summary(model, (1, *SIZE), verbose=0, device="meta"),
        }
        times: dict[str, list[float]] = {key: [] for key in work}
        for run in work.values():
            run()
        for _ in range(ROUNDS):
            for key, run in work.items():
                times[key].append(seconds(run))
        median = {key: statistics.median(values) for key, values in times.items()}
        reference = median["torchinfo.summary"]
        for key, value in median.items():
            print(f"{name:12} {key:18} {value * 1000:7.0f} ms   torchinfo의 {value / reference:.2f}배")
        if sys.platform == "linux":
            print(f"{name:12} {'layer_table':18} {extra_memory(name):7.0f} MB 더 씀")
    explorers.main()  # 목표: 합성곱 100 ms, 구조 400 ms 안


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        print_memory(sys.argv[2])
    else:
        main()
