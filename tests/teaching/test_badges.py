"""저장소의 주소: pyproject.toml 한 곳에 적고, 노트북과 README가 모두 그것을 가리킨다."""

import json
import shutil
from pathlib import Path

import pytest

from cnnlab.teaching import badges

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def fork(tmp_path) -> Path:
    (tmp_path / "notebooks").mkdir()
    for path in (*NOTEBOOKS[:2], ROOT / "README.md", ROOT / "pyproject.toml"):
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    return tmp_path


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_everything_committed_agrees_with_pyproject() -> None:
    assert badges.stamped_files(ROOT, badges.repository(ROOT)) == {}, "python3 -m cnnlab.teaching.badges를 실행하세요"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_link_opens_this_very_notebook_and_the_first_code_cell_installs(path) -> None:
    title, *_ = cells(path)
    assert f"/blob/main/notebooks/{path.name})" in "".join(title["source"])
    first = next(cell for cell in cells(path) if cell["cell_type"] == "code")
    source = "".join(first["source"])
    assert f'"cnnlab @ git+https://github.com/{badges.repository(ROOT)}"' in source
    assert "--no-deps" in source
    assert " -e " not in source


def test_a_fork_changes_every_address_with_one_command(fork, capsys) -> None:
    assert badges.main(["someone/my-cnn", "--root", str(fork)]) == 0
    assert badges.repository(fork) == "someone/my-cnn"
    texts = [path.read_text(encoding="utf-8") for path in (*fork.rglob("*.ipynb"), *fork.glob("*.*"))]
    assert all("someone/my-cnn" in text for text in texts)
    assert not [text for text in texts if badges.repository(ROOT) in text]
    assert badges.main(["--check", "--root", str(fork)]) == 0
    assert "모두 맞습니다" in capsys.readouterr().out


def test_going_to_a_fork_and_back_leaves_no_trace(fork) -> None:
    before = {path: path.read_bytes() for path in fork.rglob("*.*") if path.is_file()}
    badges.main(["someone/my-cnn", "--root", str(fork)])
    badges.main([badges.repository(ROOT), "--root", str(fork)])
    assert {path: path.read_bytes() for path in before} == before


def test_a_new_notebook_gets_a_link_and_an_install_cell_and_its_counts_move_by_one() -> None:
    output = {"output_type": "execute_result", "execution_count": 1, "data": {}, "metadata": {}}
    plain = {
        "cells": [
            {
                "cell_type": "markdown",
                "id": "a",
                "metadata": {},
                "source": ["# 99. 새 수업\n", "\n", "**시간** 50분\n", "\n", "끝."],
            },
            {
                "cell_type": "code",
                "id": "b",
                "metadata": {},
                "execution_count": 1,
                "outputs": [output],
                "source": ["1"],
            },
        ]
    }
    made = badges.stamped_notebook(json.dumps(plain), "99_new.ipynb", "a/b")
    title, install, old = json.loads(made)["cells"]
    assert (
        "".join(title["source"]).splitlines()[2].startswith("**시간** 50분 · [Colab에서 열기](https://colab.research")
    )
    assert "".join(title["source"]).endswith("\n\n끝.")
    assert (install["execution_count"], old["execution_count"], old["outputs"][0]["execution_count"]) == (1, 2, 2)
    assert badges.stamped_notebook(made, "99_new.ipynb", "a/b") == made


def test_check_names_the_file_that_disagrees_and_changes_nothing(fork, capsys) -> None:
    path = fork / "notebooks" / NOTEBOOKS[0].name
    path.write_text(path.read_text(encoding="utf-8").replace(badges.repository(ROOT), "old/place"), encoding="utf-8")
    before = path.read_bytes()
    assert badges.main(["--check", "--root", str(fork)]) == 1
    assert f"어긋남: notebooks/{path.name}" in capsys.readouterr().out
    assert path.read_bytes() == before


@pytest.mark.parametrize("given", ["cnnlab", "https://github.com/a/b", "a/b c", "/a/b"])
def test_an_address_in_the_wrong_form_is_refused(fork, given, capsys) -> None:
    with pytest.raises(SystemExit):
        badges.main([given, "--root", str(fork)])
    assert "소유자/저장소" in capsys.readouterr().err


def test_a_project_without_an_address_is_told_where_to_write_it(fork) -> None:
    (fork / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    with pytest.raises(badges.BadgeError, match=r"project\.urls"):
        badges.repository(fork)


def test_an_opening_without_a_time_line_is_named() -> None:
    text = json.dumps({"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# 제목만"]}]})
    with pytest.raises(badges.BadgeError, match=r"99_new\.ipynb.*시간"):
        badges.stamped_notebook(text, "99_new.ipynb", "a/b")
