"""nbval이 정말 무는가: 저장된 표의 숫자 하나를 바꾸면 실패하고, 그대로 두면 통과한다."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
NUMBER = re.compile(r"(<td[^>]*>[^<]*?)(\d)")


def first_table(notebook: nbformat.NotebookNode) -> int:
    """매개변수 열이 있는 구조의 표를 보이는 첫 셀. 그 출력은 비교되어야 한다."""
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and "nbval-ignore-output" not in cell.metadata.get("tags", []):
            html = "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
            if re.search(r"<th[^>]*>(params|매개변수)<", html) and NUMBER.search(html):
                return i
    raise AssertionError("구조의 표를 보이는 셀이 없다")


def shortened(path: Path) -> nbformat.NotebookNode:
    """준비 셀부터 첫 표까지."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells[: first_table(notebook) + 1] if cell.cell_type == "code"]
    return notebook


def with_one_digit_changed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    changed = copy.deepcopy(notebook)
    data = next(o.data for o in changed.cells[-1].outputs if "text/html" in o.get("data", {}))
    data["text/html"] = NUMBER.sub(lambda m: m[1] + str((int(m[2]) + 1) % 10), data["text/html"], count=1)
    return changed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_one_changed_digit_fails_and_nothing_else_does(path: Path, tmp_path: Path) -> None:
    notebook = shortened(path)
    nbformat.write(notebook, tmp_path / "same.ipynb")
    nbformat.write(with_one_digit_changed(notebook), tmp_path / "changed.ipynb")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-rA", "--tb=no"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+::Cell \d+)", done.stdout, re.M)
    passed = re.findall(r"^PASSED (\S+::Cell \d+)", done.stdout, re.M)
    assert failed == [f"changed.ipynb::Cell {len(notebook.cells) - 1}"], done.stdout
    assert len(passed) == 2 * len(notebook.cells) - 1, done.stdout
