"""수업마다: 커널을 띄워 첫 표가 보일 때까지의 시간, 노트북 전체를 nbval로 비교하는 시간, 커널의 최대 메모리.

실행: python benchmarks/lessons.py            # 모두
      python benchmarks/lessons.py 01 07       # 몇 개만
견줄 것은 같은 컴퓨터에서 커널을 띄워 torch와 pandas를 불러오고 빈 표를 보이기까지의 시간이다.
학습은 CNNLAB_MINUTES=0.03(시험과 같다).
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {"CNNLAB_MINUTES": "0.03", "CNNLAB_MIRRORS": ""}
PLAIN = ["import torch, torchvision, matplotlib.pyplot as plt", "import pandas as pd\npd.DataFrame({'표': [1]})"]
SECONDS = 300  # 셀 하나의 한도


def first_table(sources: Iterable[str]) -> tuple[float, float]:
    """커널을 띄운 때부터 HTML 표가 처음 보일 때까지의 초, 그때까지 커널의 최대 상주 메모리(MB, Linux에서만)."""
    began = time.perf_counter()
    manager, client = start_new_kernel(cwd=str(ROOT / "notebooks"), env={**os.environ, **SETTINGS})
    shown: list[float] = []

    def watch(message: dict) -> None:
        if "<table" in message["content"].get("data", {}).get("text/html", ""):
            shown.append(time.perf_counter() - began)

    try:
        for source in sources:
            reply = client.execute_interactive(source, output_hook=watch, timeout=SECONDS)
            assert reply["content"]["status"] == "ok", reply["content"]
            if shown:
                break
        return shown[0], peak_memory(manager.provisioner.pid)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def nbval(path: Path) -> float:
    """노트북 전체를 다시 실행해 저장된 출력과 비교하는 시간, 초. 다르면 CalledProcessError."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", str(path)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def peak_memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), float("nan"))


def main() -> None:
    chosen = sys.argv[1:] or [""]
    paths = [path for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if path.stem.startswith(tuple(chosen))]
    first_table(PLAIN)  # 파일이 디스크 캐시에 올라오게 한 번 버린다
    print(
        "| 수업 | 첫 표까지(초) | 빈 표의 몇 배 | 그때까지 메모리(MB) | nbval(초) |\n|---|---|---|---|---|", flush=True
    )
    for path in paths:
        plain, _ = first_table(PLAIN)
        cells = nbformat.read(path, as_version=4).cells
        seconds, memory = first_table(cell.source for cell in cells if cell.cell_type == "code")
        print(
            f"| {path.stem} | {seconds:.1f} | {seconds / plain:.2f} | {memory:,.0f} | {nbval(path):.0f} |", flush=True
        )


if __name__ == "__main__":
    main()
