"""저장소의 주소를 노트북의 Colab 링크와 설치 셀, README에 찍는다.

    python3 -m cnnlab.teaching.badges             # pyproject.toml의 주소대로 다시 찍기
    python3 -m cnnlab.teaching.badges 나/내사본     # 주소를 바꾸고 찍기(포크한 뒤 한 번)
    python3 -m cnnlab.teaching.badges --check     # 고치지 않고, 어긋난 파일이 있으면 실패

주소는 pyproject.toml의 `[project.urls] Repository` 한 곳에만 적는다. 나머지는 모두 여기서 만든다.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from cnnlab.errors import LearnerError

BRANCH = "main"
TAG = "colab"  # 설치 셀의 태그
HIDDEN = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # JupyterLab과 Colab에서 코드를 접어 둔다
TIME = re.compile(r"^(\*\*시간\*\* .*?)(?: · \[Colab에서 열기\]\(.*\))?$", re.M)
ADDRESS = re.compile(r'^(Repository = "https://github\.com/)([^"]+)(")$', re.M)
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
README_LINK = re.compile(r"https://colab\.research\.google\.com/github/[^/\s]+/[^/\s]+/blob/[^/\s]+/notebooks/")
README_GIT = re.compile(r"git\+https://github\.com/[\w./-]+")

INSTALL = """\
# @title cnnlab 설치: Colab처럼 cnnlab이 없는 곳에서만 일합니다. 이미 있으면 그냥 지나갑니다.
import importlib.util

if importlib.util.find_spec("cnnlab") is None:
    %pip install --quiet --no-deps "cnnlab @ git+https://github.com/{repository}" jupyter-ui-poll torchinfo
    importlib.invalidate_caches()
    if importlib.util.find_spec("cnnlab") is None:
        raise ImportError("cnnlab을 설치하지 못했습니다. 네트워크를 확인하고 이 셀을 다시 실행하세요. 까닭은 위에 찍힌 줄에 있습니다.")"""  # noqa: E501


class BadgeError(LearnerError, ValueError):
    """저장소의 주소를 알 수 없거나 쓸 수 없다."""


def repository(root: Path) -> str:
    """pyproject.toml에 적힌 `소유자/저장소`."""
    found = ADDRESS.search((root / "pyproject.toml").read_text(encoding="utf-8"))
    if found is None:
        raise BadgeError(
            'pyproject.toml의 [project.urls]에 이런 줄을 적어 주세요: Repository = "https://github.com/소유자/저장소"'
        )
    return found[2]


def colab_link(repository: str, notebook: str) -> str:
    """Colab이 그 노트북을 바로 여는 주소."""
    return f"https://colab.research.google.com/github/{repository}/blob/{BRANCH}/notebooks/{notebook}"


def stamped_notebook(text: str, name: str, repository: str) -> str:
    """링크와 설치 셀이 repository를 가리키는 노트북(JSON). 이미 그러면 text 그대로다.

    링크는 첫 셀의 '시간' 줄 끝에, 설치 셀은 첫 코드 셀로 넣는다. 설치 셀이 새로 생기면 뒤의 실행 번호를 하나씩 민다.
    오류: 첫 셀에 '시간' 줄이 없으면 BadgeError.
    """
    notebook = json.loads(text)
    cells = notebook["cells"]
    opening = "".join(cells[0]["source"])
    if not TIME.search(opening):
        raise BadgeError(
            f"{name}의 첫 셀에 '**시간** 수업 50분'처럼 시작하는 줄이 없습니다. 링크는 그 줄의 끝에 찍습니다."
        )
    link = f"[Colab에서 열기]({colab_link(repository, name)})"
    cells[0]["source"] = _lines(TIME.sub(rf"\g<1> · {link}", opening, count=1))
    first = next(i for i, cell in enumerate(cells) if cell["cell_type"] == "code")
    if TAG not in cells[first]["metadata"].get("tags", []):
        for cell in cells:
            _shift_counts(cell)
        cells.insert(first, _install_cell())
    cells[first]["metadata"] |= HIDDEN
    cells[first]["source"] = _lines(INSTALL.format(repository=repository))
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def stamped_readme(text: str, repository: str) -> str:
    """README의 Colab 주소와 설치 줄을 맞춘 것."""
    return README_GIT.sub(f"git+https://github.com/{repository}", README_LINK.sub(colab_link(repository, ""), text))


def stamped_files(root: Path, repository: str) -> dict[Path, str]:
    """repository를 가리키게 고친 파일들: 경로 -> 내용. 이미 맞는 파일은 넣지 않는다."""
    pyproject, readme = root / "pyproject.toml", root / "README.md"
    wanted = {
        pyproject: ADDRESS.sub(rf"\g<1>{repository}\g<3>", pyproject.read_text(encoding="utf-8")),
        readme: stamped_readme(readme.read_text(encoding="utf-8"), repository),
    }
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        wanted[path] = stamped_notebook(path.read_text(encoding="utf-8"), path.name, repository)
    return {path: text for path, text in wanted.items() if path.read_text(encoding="utf-8") != text}


def _install_cell() -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": 1,
        "id": "colab-install",
        "metadata": {"tags": [TAG]},
        "outputs": [],
        "source": [],
    }


def _shift_counts(cell: dict[str, Any]) -> None:
    for holder in (cell, *cell.get("outputs", [])):
        if holder.get("execution_count") is not None:
            holder["execution_count"] += 1


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m cnnlab.teaching.badges",
        description="저장소의 주소를 노트북의 Colab 링크와 설치 셀, README에 찍습니다.",
    )
    parser.add_argument("repository", nargs="?", metavar="소유자/저장소")
    parser.add_argument("--check", action="store_true", help="고치지 않고 어긋난 파일만 알립니다")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="프로젝트 폴더(지금 폴더)")
    given = parser.parse_args(arguments)
    if given.repository and not REPOSITORY.fullmatch(given.repository):
        parser.error(f"저장소는 '소유자/저장소'로 적어 주세요. 받은 값: {given.repository}")
    if not (given.root / "notebooks").is_dir():
        parser.error("notebooks/가 있는 프로젝트 폴더에서 실행하거나 --root에 그 폴더를 적어 주세요.")
    files = stamped_files(given.root, given.repository or repository(given.root))
    for path, text in files.items():
        if not given.check:
            path.write_text(text, encoding="utf-8", newline="\n")
        print(f"{'어긋남' if given.check else '고침'}: {path.relative_to(given.root).as_posix()}")
    if not files:
        print("모두 맞습니다.")
    return int(given.check and bool(files))


if __name__ == "__main__":
    raise SystemExit(main())
