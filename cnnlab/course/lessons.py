"""프로젝트의 노트북을 읽고 다루는 함수들. 여기의 함수는 파일을 고치지 않는다."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from cnnlab.errors import LearnerError

Notebook = nbformat.NotebookNode
ASKED = re.compile(r'^(?P<name>\w+) = cnnlab\.exercise\("(?P<id>[\w-]+)"\)', re.M)
NUMBERED = re.compile(r"^(?:\d+\. )")


class CourseError(LearnerError, ValueError):
    """프로젝트 폴더가 아니거나 노트북의 모양이 약속과 다르다."""


@dataclass(frozen=True)
class Lesson:
    """노트북 하나. stem: 00_convolution, number: 00."""

    path: Path
    notebook: Notebook

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def number(self) -> str:
        return self.stem[:2]

    @property
    def title(self) -> str:
        return str(self.notebook.cells[0].source).split("\n")[0].removeprefix("# ")


def read_lessons(root: Path) -> list[Lesson]:
    """root/notebooks의 노트북을 번호 차례로. 오류: 하나도 없으면 CourseError."""
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    if not paths:
        raise CourseError("notebooks/가 있는 프로젝트 폴더에서 실행하거나 --root에 그 폴더를 적어 주세요.")
    return [Lesson(path, nbformat.read(path, as_version=4)) for path in paths]


def tags(cell: Notebook) -> list[str]:
    return list(cell.metadata.get("tags", []))


def headings(notebook: Notebook) -> list[str]:
    """`## ` 제목들, 나오는 차례로."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.findall(r"^## (.+)$", text, re.M)


def exercise_cells(notebook: Notebook) -> list[tuple[str, str, int]]:
    """(문제 번호, 변수 이름, 답을 쓰는 셀의 자리): 문제를 꺼낸 셀 다음에 처음 `이름.check(`를 부르는 셀이다."""
    found = []
    for i, cell in enumerate(notebook.cells):
        match = ASKED.search(cell.source) if cell.cell_type == "code" else None
        if match:
            name = match["name"]
            answer = next(j for j in range(i, len(notebook.cells)) if f"{name}.check(" in notebook.cells[j].source)
            found.append((match["id"], name, answer))
    return found


def imports(notebook: Notebook) -> dict[str, Any]:
    """노트북의 import 문을 모두 실행했을 때의 이름들. 다른 코드는 실행하지 않는다."""
    names: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or "colab" in tags(cell):
            continue
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(ast.unparse(node), names)
    return names


def clear_outputs(cell: Notebook) -> None:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None


def alternative_text(output: dict[str, Any]) -> str:
    """그림을 보지 못하는 사람에게 읽어 줄 글: 출력과 함께 저장된 text/plain."""
    return " ".join(str(output.get("data", {}).get("text/plain", "")).split())
