"""현관: README의 명령, .ci/run, pyproject.toml, environment.yml, 수업 목록이 서로 맞는가."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision

from cnnlab import models
from cnnlab.analysis import draw_block, draw_network

if sys.version_info >= (3, 11):
    import tomllib
else:  # pytest가 데려온다
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

CONDA_NAMES = {"pytorch": "torch"}  # conda-forge에서 이름이 다른 것


def blocks(language: str) -> list[str]:
    return [b.strip() for b in re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)]


def first(language: str, word: str) -> str:
    return next(block for block in blocks(language) if word in block)


def wanted() -> set[str]:
    """pyproject.toml의 요구를 한데 모은 것. 자기 자신(cnnlab[lab])은 뺀다."""
    everything = [*PROJECT["dependencies"], *EXTRAS["lab"], *EXTRAS["course"], *EXTRAS["test"]]
    return {line.replace(" ", "") for line in everything if not line.startswith("cnnlab[")}


def test_environment_and_pyproject_name_the_same_packages() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"^ +- ([\w.>=-]+)(?:  #.*)?$", text.split("dependencies:")[1], re.M))
    packages = {re.sub(r"^[\w-]+", lambda m: CONDA_NAMES.get(m[0], m[0]), line) for line in listed}
    assert packages - {f"python{PROJECT['requires-python']}", "pip"} == wanted()
    assert packages >= {f"python{PROJECT['requires-python']}", "pip"}
    assert re.search(r"^  - pip:\n(?:      - .*\n)*      - -e \.$", text, re.M), "패키지 자신을 설치하는 줄"


def test_no_dependency_is_held_back() -> None:
    assert not [line for line in wanted() if re.search(r"<|==|~=|!=", line)], "위쪽을 막으면 Colab에서 설치가 막힌다"


def test_ci_runs_the_test_command_of_the_readme(tmp_path) -> None:
    """.ci/run을 가짜 python3로 실행해 무엇을 하는지 본다: 가상 환경 하나와 README의 두 명령(브라우저, 시험)뿐이다."""
    if os.name == "nt":
        pytest.skip(".ci/run은 bash로 쓴다")
    log = tmp_path / "log"
    fake = tmp_path / "python3"
    fake.write_text(
        f"""#!/bin/bash
if [ "$1" = - ]; then exec {sys.executable} "$@"; fi
echo "python3 $*" >> {log}
if [ "$2" = venv ]; then mkdir -p "$3/bin"; touch "$3/bin/activate"; echo "$3" > {tmp_path}/venv; fi
"""
    )
    for name in ("apt-get", "sudo"):
        (tmp_path / name).write_text(f'#!/bin/bash\necho "{name} $*" >> {log}\n')
        (tmp_path / name).chmod(0o755)
    fake.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", str(ROOT / ".ci" / "run")],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    browser, command = first("bash", "install chromium"), first("bash", "pytest")
    assert [line for line in done.stdout.splitlines() if line.startswith("+ ")] == [f"+ {browser}", f"+ {command}"]
    venv, *rest = log.read_text().splitlines()
    assert venv.startswith("python3 -m venv ")
    assert rest == [part.replace('"', "") for part in f"{browser} && {command}".split(" && ")]
    assert not Path((tmp_path / "venv").read_text().strip()).exists(), "끝나면 가상 환경을 지운다"


def test_ci_script_is_executable() -> None:
    assert os.name == "nt" or os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize(("word", "extra"), [("jupyter lab", "lab"), ("-m pytest", "test")])
@pytest.mark.parametrize("shell", ["bash", "powershell"])
def test_both_commands_install_an_extra_that_exists_and_open_a_file_that_exists(shell, word, extra) -> None:
    command = first(shell, word)
    assert "\n" not in command
    assert re.findall(r"\.\[(\w+)\]", command) == [extra]
    assert extra in EXTRAS
    for notebook in re.findall(r"\S+\.ipynb", command):
        assert ROOT / notebook == NOTEBOOKS[0]


@pytest.mark.parametrize("word", ["jupyter lab", "-m pytest"])
def test_both_shells_say_the_same(word) -> None:
    powershell = re.sub(r"; if \(\$\?\) \{ (.*) \}", r" && \1", first("powershell", word))
    assert powershell.replace("python ", "python3 ") == first("bash", word)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_lesson_is_in_the_list(notebook: Path) -> None:
    rows = [line for line in README.splitlines() if line.startswith("|") and f"(notebooks/{notebook.name})" in line]
    assert len(rows) == 1
    assert re.search(r"\d+분 \|$", rows[0])


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert {"LICENSE", "docs/lessons.md", "data/README.md"} <= set(links)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_licence_is_the_one_that_pyproject_names() -> None:
    assert PROJECT["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


def test_pytest_alone_runs_unit_tests_and_notebooks(pytestconfig) -> None:
    assert pytestconfig.getini("testpaths") == ["tests", "notebooks"]
    assert pytestconfig.getoption("nbval")
    assert pytestconfig.getoption("nbval_current_env"), "노트북의 커널은 이 파이썬이어야 한다"
    assert float(pytestconfig.getoption("nbval_cell_timeout")) <= 600, "죽은 커널을 오래 기다리지 않는다"
    assert any("Glyph" in line for line in pytestconfig.getini("filterwarnings"))


def test_pictures_of_the_readme_are_what_the_code_draws_now():
    with torch.device("meta"):
        resnet, inception = torchvision.models.resnet50(), models.build("googlenet")
    drawn = {
        "resnet50.svg": draw_network(resnet, (3, 224, 224), title="ResNet-50"),
        "inception3a.svg": draw_block(inception, (3, 224, 224), "inception3a", title="Inception 3a"),
    }
    for name, drawing in drawn.items():
        assert (ROOT / "docs" / "images" / name).read_text(encoding="utf-8") == drawing.svg, f"다시 그리세요: {name}"
        assert f"docs/images/{name}" in (ROOT / "README.md").read_text(encoding="utf-8")
