"""화살표는 바람이 아니라 시험이다: 누가 누구를 불러도 되는지, 무엇이 없어도 불러지는지."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "cnnlab"
# cnnlab/__init__.py는 이름을 처음 쓸 때 부르는 곳이라 모두 안다
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")

# 하위 패키지나 모듈마다 cnnlab 안에서 불러도 되는 것. 여기에 없는 것은 모두 막힌다.
ALLOWED = {
    "errors": set(),
    "layers": {"errors"},
    "models": {"errors", "layers"},
    "analysis": {"errors"},
    "training": {"errors"},
    "settings": {"errors"},
    "share": {"settings"},
    "runtime": {"settings", "share", "training"},
    "teaching": {"errors", "runtime", "layers", "models", "analysis", "training"},
    "course": {"errors", "runtime", "teaching"},
}
NOTEBOOK_LIBRARIES = {"IPython", "ipywidgets", "jupyter_ui_poll", "matplotlib"}
LATE = {"pandas", "matplotlib", "ipywidgets", "torchvision", "torchinfo", "IPython"}  # import cnnlab에는 필요 없다


def part_of(path: Path) -> str:
    """cnnlab/models/lenet.py -> models"""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path, nodes) -> set[str]:
    """부르는 모듈의 전체 이름. 상대 경로는 쓰지 않기로 했으므로 있으면 실패한다."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: 상대 import({node.lineno}행)"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def top_level(tree: ast.Module):
    """함수 밖에서, 실제로 실행되는 import: 함수 안과 `if TYPE_CHECKING:` 안은 뺀다."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def test_every_part_of_the_package_is_in_the_table() -> None:
    assert {part_of(path) for path in FILES} <= set(ALLOWED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_arrows_point_one_way(path: Path) -> None:
    part = part_of(path)
    names = imported(path, ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    inside = {name.split(".")[1] for name in names if name.startswith("cnnlab.")}
    wrong = {target for target in inside - ALLOWED[part] - {part} if target in ALLOWED}
    assert not wrong, f"{part}은(는) {sorted(wrong)}을(를) 부를 수 없다"
    assert "cnnlab" not in names, "묶음 전체가 아니라 쓸 모듈을 부른다"


@pytest.mark.parametrize(
    "path", [p for p in FILES if part_of(p) != "teaching"], ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_notebook_libraries_stay_in_teaching(path: Path) -> None:
    names = imported(path, top_level(ast.parse(path.read_text(encoding="utf-8"))))
    assert not {name.split(".")[0] for name in names} & NOTEBOOK_LIBRARIES


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_cnnlab_brings_nothing_it_does_not_need() -> None:
    loaded = json.loads(run("import sys, json, cnnlab; print(json.dumps(sorted(sys.modules)))"))
    assert not LATE & {name.split(".")[0] for name in loaded}


def test_models_analysis_training_import_on_a_server_without_jupyter() -> None:
    run(f"""
import importlib.abc, pkgutil, sys, importlib

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {NOTEBOOK_LIBRARIES!r}:
            raise ModuleNotFoundError(f"{{name}} 막음", name=name)

sys.meta_path.insert(0, Blocker())
for part in ("models", "analysis", "training"):
    package = importlib.import_module("cnnlab." + part)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
""")
