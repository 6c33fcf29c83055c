"""docs/reliability.md의 표: 적힌 시험이 모두 있고, 언제나 건너뛰는 것이 아니다."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| 고장", "| 무엇을"))]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_row_names_a_test() -> None:
    assert len(ROWS) >= 40
    assert [row for row in ROWS if len(NAMED.findall(row)) != 1] == []


@pytest.mark.parametrize(("file", "name"), NAMED.findall(TEXT), ids=lambda text: Path(text).stem)
def test_the_named_test_exists_and_asserts_something(file: str, name: str) -> None:
    functions = {
        node.name: node
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert name in functions
    body = ast.unparse(functions[name])
    assert re.search(r"\bassert\b|pytest\.raises", body)
    assert not re.search(r"mark\.(skip|xfail)\b", body), "건너뛰는 시험은 지키지 않는다"


def test_the_number_of_cases_in_the_table_is_the_number_that_runs() -> None:
    for file, name in re.findall(NAMED, TEXT.split("## 무엇이든")[1]):
        source = (ROOT / file).read_text(encoding="utf-8")
        found = re.search(r"^CASES = (\d+)|max_examples=(\d+)", source, re.M)
        assert found, file
        row = next(row for row in ROWS if name in row)
        assert row.split("|")[2].strip() == f"{int(found[1] or found[2]):,}"
