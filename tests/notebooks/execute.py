"""커밋할 노트북의 출력을 만든다: 처음부터 끝까지 실행하고, 커널이 없으면 뜻이 없는 위젯의 흔적을 지운다.

python tests/notebooks/execute.py notebooks/01_lenet5.ipynb
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def strip_widgets(notebook: nbformat.NotebookNode) -> None:
    """살아 있는 커널을 가리키는 위젯 참조를 지운다. 같은 출력의 그림, 표, 글은 그대로 남는다."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # 셀마다의 실행 시각
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)


def execute(path: Path) -> None:
    """path의 노트북을 실행해 그 자리에 다시 쓴다. 셀이 실패하면 파일을 건드리지 않고 예외를 올린다."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=900,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    strip_widgets(notebook)
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        execute(Path(name))
        print(f"{name}: 실행했습니다.")
