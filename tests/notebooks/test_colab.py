"""Colab에서 클릭 한 번: 노트북 파일 하나만 빈 폴더에 있을 때, 오래된 ipywidgets와 IPython에서, 처음부터 끝까지.

torch처럼 큰 것은 다시 받지 않고 이 시험의 파이썬에 있는 것을 이어 쓴다. cnnlab과 nbval은 없는 환경이다.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from cnnlab.teaching.badges import repository

ROOT = Path(__file__).resolve().parents[2]
# 2026년 가을의 Colab 이미지에 있는 판 가운데 노트북의 화면을 맡은 것
PINNED = ["ipywidgets==7.7.1", "ipython==7.34.0", "ipykernel==6.17.1", "jupyter-client==7.4.9", "traitlets==5.7.1"]
SHARED = ["torch", "torchvision", "numpy", "pandas", "matplotlib", "pillow", "filelock"]  # Colab에 이미 있는 것
KEPT = ["torch", "torchvision", "numpy", "ipywidgets", "ipython"]  # 설치 셀이 건드리면 안 되는 것


def registry_answers(folder: Path) -> bool:
    """패키지 저장소에 닿는가: 작은 휠 하나를 받아 본다."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
        "jupyter-ui-poll",
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def build_environment(folder: Path) -> Path:
    """folder에 Colab을 닮은 가상 환경을 만들고 그 python의 경로를 돌려준다."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    where = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], text=True
    )
    for name in _with_requirements(SHARED):
        _link(name, Path(where.strip()))
    # 확인만 하는 requirement가 서로 다투지 않게 판을 한꺼번에 준다
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PINNED], check=True)
    return python


def versions(python: Path) -> dict[str, str]:
    code = f"from importlib.metadata import version; print(*(version(name) for name in {KEPT}))"
    return dict(zip(KEPT, subprocess.check_output([python, "-c", code], text=True).split(), strict=True))


def local_repository(folder: Path) -> Path:
    """지금 작업 중인 소스를 커밋 하나로 담은 git 저장소."""
    wanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "cnnlab", folder / "cnnlab", ignore=wanted)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "snapshot"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def redirected(repository: str, folder: Path) -> dict[str, str]:
    """노트북에 적힌 GitHub 주소가 folder의 저장소를 가리키게 하는 git 설정(환경 변수)."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{repository}",
    }


def kernel_spec(python: Path, folder: Path) -> Path:
    """python을 'python3' 커널로 쓰게 하는 JUPYTER_PATH."""
    home = folder / "kernels" / "python3"
    home.mkdir(parents=True)
    argv = f'["{python.as_posix()}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]'
    (home / "kernel.json").write_text(f'{{"argv": {argv}, "display_name": "Python 3", "language": "python"}}')
    return folder


def _with_requirements(names: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # 다른 플랫폼에서만 필요한 것
            continue
        found.add(name)
        plain = [need.split(";")[0] for need in needs if "extra ==" not in need]
        waiting += [re.match(r"[\w.-]+", need)[0] for need in plain]  # type: ignore[index]
    return found


def _link(name: str, site: Path) -> None:
    home = Path(sysconfig.get_paths()["purelib"])
    for top in {file.parts[0] for file in metadata.files(name) or [] if file.parts[0] not in ("..", "__pycache__")}:
        if (home / top).exists() and not (site / top).exists():
            (site / top).symlink_to(home / top)


LESSON = "01_lenet5"  # 조절기, 학습, 사진, 연습 문제가 모두 있는 가장 짧은 수업


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """(python, 환경 변수): 저장소의 주소는 이 소스를 담은 로컬 git으로 이어진다."""
    folder = tmp_path_factory.mktemp("colab")
    if not registry_answers(folder):
        pytest.skip("패키지 저장소에 닿지 않아 Colab을 닮은 환경을 만들 수 없습니다")
    python = build_environment(folder / "env")
    source = local_repository(folder / "source")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CNNLAB_DATA"))},
        **redirected(repository(ROOT), source),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder / "home"),
        "JUPYTER_PATH": str(kernel_spec(python, folder / "jupyter")),
        "MPLBACKEND": "agg",
    }
    (folder / "home").mkdir()
    return python, environment


def run_alone(lesson: str, environment: dict[str, str], folder: Path) -> nbformat.NotebookNode:
    """빈 폴더에 노트북만 두고 끝까지 실행한 것."""
    path = folder / f"{lesson}.ipynb"
    shutil.copy(ROOT / "notebooks" / path.name, path)
    notebook = nbformat.read(path, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", environment)
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return notebook


def printed(notebook: nbformat.NotebookNode, word: str) -> str:
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code" and word in cell.source)
    return "".join(output.get("text", "") for output in cell.outputs)


def test_a_lesson_alone_in_an_empty_folder_installs_and_runs_to_the_end(machine) -> None:
    python, environment = machine
    before = versions(python)
    assert before["ipywidgets"] == "7.7.1"
    assert before["ipython"] == "7.34.0"
    with tempfile.TemporaryDirectory(prefix="empty-") as empty:
        notebook = run_alone(LESSON, environment, Path(empty))
    assert versions(python) == before, "Colab에 있던 것을 바꾸면 안 된다"
    assert "shapes10" in printed(notebook, "cnnlab.setup("), "네트워크가 없으면 내장 그림으로 끝까지 돈다"
    assert "Noto Sans" in printed(notebook, "cnnlab.setup("), "한글 글꼴"
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in codes)
    assert not [o for cell in codes for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"]
    widgets = [
        o for cell in codes for o in cell.outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})
    ]
    assert len(widgets) >= 4, "조절기가 ipywidgets 7.7에서도 나온다"


def test_without_a_network_the_install_cell_says_what_to_do(machine) -> None:
    """설치하지 못하면 뒤의 셀에서 알 수 없는 오류가 나는 대신 여기서 멈추고 말한다."""
    _, environment = machine
    notebook = nbformat.read(ROOT / "notebooks" / f"{LESSON}.ipynb", as_version=4)
    install = next(cell for cell in notebook.cells if cell.cell_type == "code")
    notebook.cells = [nbformat.v4.new_code_cell("import sys; sys.modules['cnnlab'] = None"), install]
    dead = {**environment, "GIT_CONFIG_COUNT": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0"}
    dead["GIT_SSH_COMMAND"] = dead["https_proxy"] = "http://127.0.0.1:9"
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", dead)
        client.execute()
    errors = [output for output in notebook.cells[1].outputs if output.output_type == "error"]
    assert [error.ename for error in errors] == ["ImportError"]
    assert "네트워크를 확인" in errors[0].evalue
