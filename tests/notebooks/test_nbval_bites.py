"""nbval이 정말 무는가: 저장된 표마다 숫자 하나를 바꾸면 그 셀이 모두 실패하고, 다른 셀은 통과한다."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
NUMBER = re.compile(r"(<td[^>]*>[^<]*?)(\d)")


def change_one_digit(cell: nbformat.NotebookNode) -> bool:
    """비교되는 셀의 첫 표에서 숫자 하나를 바꾼다. 바꿀 것이 없으면 False."""
    if "nbval-ignore-output" in cell.metadata.get("tags", []):
        return False
    for output in cell.outputs:
        data = output.get("data", {})
        if NUMBER.search(data.get("text/html", "")):
            data["text/html"] = NUMBER.sub(lambda m: m[1] + str((int(m[2]) + 1) % 10), data["text/html"], count=1)
            return True
    return False


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_changed_digit_in_any_table_fails_and_nothing_else_does(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    changed = [i for i, cell in enumerate(notebook.cells) if change_one_digit(cell)]
    notebook.cells = notebook.cells[: changed[-1] + 1]  # 마지막 표 다음은 실행하지 않아도 된다
    nbformat.write(notebook, tmp_path / "changed.ipynb")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-rA", "--tb=no"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    failed = re.findall(r"^(?:FAILED|ERROR) changed\.ipynb::Cell (\d+)", done.stdout, re.M)
    passed = re.findall(r"^PASSED changed\.ipynb::Cell (\d+)", done.stdout, re.M)
    assert changed, "구조의 표가 하나는 있어야 한다"
    assert [int(number) for number in failed] == changed, done.stdout
    assert len(passed) == len(notebook.cells) - len(changed), done.stdout
