"""한 컴퓨터에서 여러 학생의 커널이 한꺼번에 수업을 시작하면: 저마다의 시간, 메모리, 스레드.

    python3 benchmarks/classroom.py --kernels 6                 # 커널마다 제 몫의 스레드
    python3 benchmarks/classroom.py --kernels 6 --no-share      # 커널마다 모든 코어(견주려고)

수업의 앞부분(1분 학습까지)을 동시에 실행한다. 메모리는 끝난 직후의 PSS(함께 쓰는 쪽은 나누어 센 것)와 RSS다.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).resolve().parent.parent
ASK = "import json, os, torch; print(json.dumps([os.getpid(), torch.get_num_threads()]))"


def first_half(path: Path) -> list[str]:
    """처음부터 첫 학습(cnnlab.fit)까지의 코드 셀."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    last = next(i for i, source in enumerate(cells) if "cnnlab.fit(" in source)
    return cells[: last + 1]


def run_student(cells: list[str], environment: dict[str, str], folder: Path, result: dict[str, object]) -> None:
    """커널 하나로 cells를 실행하고 result를 채운다: seconds, threads, pss_mb, rss_mb, source, errors, runs."""
    started = time.perf_counter()
    manager, client = start_new_kernel(env=environment, cwd=str(folder), startup_timeout=300)
    try:
        errors, printed = [], []

        def collect(message: dict) -> None:
            content = message["content"]
            if message["msg_type"] == "error":
                errors.append(f"{content['ename']}: {content['evalue']}")
            elif message["msg_type"] == "stream":
                printed.append(content["text"])

        for source in cells:
            client.execute_interactive(source, output_hook=collect, timeout=600)
        result["seconds"] = round(time.perf_counter() - started, 1)
        printed.clear()
        client.execute_interactive(ASK, output_hook=collect, timeout=60)
        pid, threads = json.loads("".join(printed))
        memory = psutil.Process(pid).memory_full_info()
        result["threads"] = threads
        result["rss_mb"] = round(memory.rss / 2**20)
        result["pss_mb"] = round(getattr(memory, "pss", memory.rss) / 2**20)
        printed.clear()
        client.execute_interactive("print(data.source)", output_hook=collect, timeout=60)
        result["source"] = "".join(printed).strip()
        result["errors"] = errors
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_class(kernels: int, notebook: Path, data: str, share: bool = True, minutes: float = 0.03) -> list[dict]:
    """kernels개의 커널을 한꺼번에 시작한다. 데이터 폴더와 캐시는 함께 쓰고 기록은 저마다의 폴더에 쓴다."""
    cells = first_half(notebook)
    with tempfile.TemporaryDirectory(prefix="cnnlab-class-") as home:
        results: list[dict] = [{"student": f"학생 {n + 1}"} for n in range(kernels)]
        threads = []
        for number, result in enumerate(results):
            own = Path(home) / f"student{number + 1}"
            own.mkdir()
            environment = {
                **os.environ,
                "CNNLAB_DATA": data,
                "CNNLAB_MINUTES": str(minutes),
                "CNNLAB_RUNS": str(own),
                "CNNLAB_STUDENT": result["student"],
                "XDG_CACHE_HOME": str(Path(home) / "cache"),
                **({"CNNLAB_SEATS": str(kernels)} if share else {}),
            }
            threads.append(threading.Thread(target=run_student, args=(cells, environment, own, result)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, result in enumerate(results):
            runs = Path(home) / f"student{number + 1}" / "runs.jsonl"
            rows = [json.loads(line) for line in runs.read_text(encoding="utf-8").splitlines()] if runs.exists() else []
            result["runs"] = len(rows)
            result["images_per_second"] = round(rows[-1]["images_per_second"]) if rows else None
        return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernels", type=int, default=6)
    parser.add_argument("--notebook", type=Path, default=ROOT / "notebooks" / "01_lenet5.ipynb")
    parser.add_argument("--data", default=os.environ.get("CNNLAB_DATA", "shapes10"))
    parser.add_argument("--minutes", type=float, default=0.03)
    parser.add_argument("--no-share", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    started = time.perf_counter()
    results = run_class(given.kernels, given.notebook, given.data, not given.no_share, given.minutes)
    if given.json:
        given.json.write_text(json.dumps(results, ensure_ascii=False), encoding="utf-8")
    print(f"{platform.machine()}, 코어 {os.cpu_count()}개, 커널 {given.kernels}개, {given.notebook.name}의 앞부분")
    print(f"모두 끝나기까지 {time.perf_counter() - started:.0f}초")
    for name, unit in (
        ("seconds", "초"),
        ("pss_mb", "MB(PSS)"),
        ("rss_mb", "MB(RSS)"),
        ("threads", "스레드"),
        ("images_per_second", "장/초"),
    ):
        values = [result[name] for result in results if result.get(name) is not None]
        if values:
            print(f"  {min(values):,} - {statistics.median(values):,} - {max(values):,} {unit} (최소, 가운데, 최대)")
    print(f"오류 {sum(len(result.get('errors', ['시작 실패'])) for result in results)}개")


if __name__ == "__main__":
    main()
