"""커밋된 노트북: 실행된 채로, 가볍게, 누구의 컴퓨터도 드러내지 않고, 모든 수업이 같은 순서로."""

import base64
import json
import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
MAX_IMAGE = 200_000  # 바이트
MAX_NOTEBOOK = 1_500_000
IGNORED = "nbval-ignore-output"

# 수업(01부터)의 ## 제목에 이 순서로 나와야 하는 말. 목표와 시간은 첫 셀에 있다.
SECTIONS = ("준비", "문제", "핵심 블록", "예측", "논문의 신경망", "수용 영역", "CIFAR-10", "실험", "연습", "정리")
SUBSECTIONS = ("검산", "1분 학습", "참고 문헌")  # ## 아래의 ###으로 나와도 된다
OPENING = ("목표", "시간")

# 절대 경로. 닫는 태그(</td>), 주소(https://), 나눗셈(a/b)은 아니다.
LOCAL_PATH = re.compile(r"(?<![\w<./:~])/(?:[A-Za-z][\w.-]*/)[\w.-]+|\b[A-Z]:\\{1,2}\w+")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture
def notebook(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def texts(notebook: nbformat.NotebookNode):
    """(셀 번호, 출력 속의 글) 쌍. 그림의 base64는 뺀다."""
    picture = re.compile(r"data:image/[\w+]+;base64,[\w+/=\s]+")
    for cell in code_cells(notebook):
        for output in cell.outputs:
            for text in (output.get("text", ""), *(v for k, v in output.get("data", {}).items() if k != "image/png")):
                yield cell.execution_count, picture.sub("", text if isinstance(text, str) else json.dumps(text))


def headings(notebook: nbformat.NotebookNode, marks: str) -> list[str]:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.findall(rf"^(?:{marks}) (.+)$", text, re.M)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


def test_it_is_a_valid_python3_notebook(notebook) -> None:
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_every_code_cell_was_run_once_from_top_to_bottom(notebook) -> None:
    """실행 번호가 없는 셀을 nbval은 비교하지 않는다: 출력을 지운 노트북도 통과하므로 여기서 막는다."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    for cell in code_cells(notebook):
        results = [o for o in cell.outputs if o.output_type == "execute_result"]
        assert all(o.execution_count == cell.execution_count for o in results)


def test_cells_that_show_something_have_outputs(notebook) -> None:
    """print나 표로 끝나는 셀의 출력만 지워지지 않았는지. 위젯만 있던 셀은 비어 있을 수 있어 태그 붙은 셀은 뺀다."""
    shown = re.compile(r"^(print\(|reveal\(|show_\w+\(|cnnlab\.(layer_table|draw_network|check_facts)\()", re.M)
    silent = [
        cell.execution_count
        for cell in code_cells(notebook)
        if shown.search(cell.source) and not cell.outputs and IGNORED not in tags(cell)
    ]
    assert silent == []


def test_no_cell_failed_or_complained(notebook) -> None:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error", f"[{cell.execution_count}] {output.get('evalue')}"
            assert output.get("name") != "stderr", f"[{cell.execution_count}] {output.text}"
    assert [count for count, text in texts(notebook) if re.search(r"Glyph \d+|Warning: ", text)] == []


def test_outputs_show_nobodys_folders(notebook) -> None:
    found = {count: match[0] for count, text in texts(notebook) if (match := LOCAL_PATH.search(text))}
    assert found == {}


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("데이터(/srv/me/data/cifar10)", True),
        (r"C:\Users\me\data", True),
        ("/home/me/x.py", True),
        ("<td>1</td></tr>", False),
        ("https://example.org/a/b", False),
        ("data/cifar10, ~/cnnlab/data", False),
        ("(32 − 5) / 2 + 1, 곱/합", False),
    ],
)
def test_the_search_for_paths_finds_paths_only(text, local) -> None:
    assert bool(LOCAL_PATH.search(text)) == local


def test_it_is_light(path, notebook) -> None:
    assert path.stat().st_size <= MAX_NOTEBOOK
    for cell in code_cells(notebook):
        for output in cell.outputs:
            for kind, value in output.get("data", {}).items():
                if kind.startswith("image/"):
                    size = len(base64.b64decode(value)) if kind == "image/png" else len(value)
                    assert size <= MAX_IMAGE, f"[{cell.execution_count}] {kind} {size:,}바이트"


def test_no_trace_of_widgets_or_timing(notebook) -> None:
    """커널이 없는 곳에서 위젯의 흔적은 빈칸이나 오류로 보인다."""
    assert "widgets" not in notebook.metadata
    for cell in code_cells(notebook):
        assert "execution" not in cell.metadata
        for output in cell.outputs:
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


def test_most_cells_are_compared(notebook) -> None:
    ignored = [cell for cell in code_cells(notebook) if IGNORED in tags(cell)]
    assert len(ignored) <= len(code_cells(notebook)) / 2


def test_what_varies_is_checked_by_an_assertion_nearby(notebook) -> None:
    """비교하지 않는 셀(준비 셀은 빼고)의 앞이나 뒤 두 코드 셀 안에 assert가 있어야 한다."""
    cells = code_cells(notebook)
    alone = [
        cell.execution_count
        for i, cell in enumerate(cells)
        if IGNORED in tags(cell)
        and "cnnlab.setup(" not in cell.source
        and not any(re.search(r"^\s*assert ", near.source, re.M) for near in cells[max(0, i - 2) : i + 3])
    ]
    assert alone == []


def test_it_opens_with_title_summary_goals_and_minutes(path, notebook) -> None:
    number = path.stem.split("_")[0]
    opening = notebook.cells[0]
    assert opening.cell_type == "markdown"
    assert opening.source.startswith(f"# {number}. ")
    assert opening.source.split("\n")[2].startswith("**"), "제목 다음은 한 문장 요약"
    assert [word for word in OPENING if not re.search(rf"^\*\*{word}\*\*", opening.source, re.M)] == []
    assert len(headings(notebook, "#")) == 1


def test_one_cell_after_the_install_cell_sets_everything_up(notebook) -> None:
    setups = [i for i, cell in enumerate(code_cells(notebook)) if "cnnlab.setup(" in cell.source]
    assert "colab" in tags(code_cells(notebook)[0])
    assert setups == [1]


def test_sections_come_in_the_same_order_in_every_lesson(path, notebook) -> None:
    if path.stem.startswith("00"):
        expected = ("준비", "문제", "연습", "정리")
    else:
        expected = SECTIONS
        below = " / ".join(headings(notebook, "##|###"))
        assert [word for word in SUBSECTIONS if word not in below] == []
    titles = headings(notebook, "##")
    position = 0
    for word in expected:
        later = [i for i, title in enumerate(titles) if i >= position and word in title]
        assert later, f"{word!r}: 순서에 맞는 제목이 없습니다. 있는 제목: {titles}"
        position = later[0]


def test_the_example_of_a_prediction_is_not_the_answer(notebook) -> None:
    """'예:'는 적는 모양만 알려 준다. 답과 5% 안으로 같은 수를 적어 두면 예측할 것이 없다."""
    example: list[float] = []
    for cell in code_cells(notebook):
        if written := re.search(r"^prediction\w* = None\s*#.*?예: (.+)$", cell.source, re.M):
            example = numbers(written[1])
        shown = "\n".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        if example and (answer := re.search(r"^  계산 (.+)$", shown, re.M)):
            assert example != pytest.approx(numbers(answer[1]), rel=0.05), "예로 든 것이 답입니다"
            example = []


def numbers(text: str) -> list[float]:
    """글 속의 수. conv4_x처럼 이름에 든 것은 뺀다."""
    found = re.findall(r"(?<![\w.])\d[\d_]*(?:,\d{3})*(?:\.\d+)?(?![\w,]*_)", text)
    return [float(number.replace(",", "").replace("_", "")) for number in found]
