"""강의 전체를 읽기만 하는 사이트로: 실행된 수업, 차례, 검색, 용어집.

    python3 -m cnnlab.course.site --out site           # site/index.html을 브라우저로 열기

네트워크도 서버도 필요 없다: 폴더째 복사해 어디서나 연다. 조절기는 저장된 모습으로 보인다.
쪽을 만들고 찾는 일은 Sphinx가 한다(myst-nb, furo).
"""

from __future__ import annotations

import argparse
import base64
import html
import io
import re
import shutil
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

import nbformat

from cnnlab.course import glossary
from cnnlab.course.formulas import with_mathml
from cnnlab.course.lessons import CourseError, Lesson, Notebook, alternative_text, read_lessons, tags
from cnnlab.errors import LearnerError
from cnnlab.runtime import FONT_FILE

PICTURES = {"image/svg+xml": "svg+xml", "image/png": "png"}
TEACHING = ("teaching", "classroom")  # docs/에서 함께 싣는 쪽
HANGUL = re.compile(r"[가-힣]+")


class SiteError(LearnerError, RuntimeError):
    """사이트를 만들지 못했다."""


def page_notebook(lesson: Lesson) -> Notebook:
    """사이트에 싣는 모습: 수식은 MathML, 그림은 대신하는 글이 붙은 <img>, 설치 셀은 빼고, 링크는 그대로."""
    made = nbformat.from_dict(lesson.notebook)
    cells = []
    for cell in made.cells:
        if "colab" in tags(cell):
            continue
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
        else:
            cell.outputs = [_still(output) for output in cell.outputs]
        cells.append(cell)
    made.cells = cells
    return made


def _still(output: Any) -> Any:
    """그림을 <img>로 바꾼다. 글과 표는 그대로다."""
    data = output.get("data", {})
    for kind, name in PICTURES.items():
        if kind in data:
            raw = data[kind].encode() if kind == "image/svg+xml" else None
            encoded = base64.b64encode(raw).decode() if raw else "".join(data[kind].split())
            words = html.escape(alternative_text(output), quote=True)
            picture = f'<img loading="lazy" alt="{words}" src="data:image/{name};base64,{encoded}">'
            output["data"] = {"text/html": f'<figure class="picture">{picture}</figure>'}
            return output
    return output


def index_page(lessons: list[Lesson], has_teaching: bool) -> str:
    names = "\n".join(f"notebooks/{lesson.stem}" for lesson in lessons)
    teaching = "\n".join(f"docs/{name}" for name in TEACHING)
    rows = "\n".join(f"- [{lesson.title}](notebooks/{lesson.path.name}): {_summary(lesson)}" for lesson in lessons)
    more = f"\n```{{toctree}}\n:hidden:\n:caption: 가르치는 분께\n\n{teaching}\n```\n" if has_teaching else ""
    return f"""# 바꿔 보며 배우는 CNN 구조

LeNet-5에서 MobileNet까지, CNN 구조를 하나씩 다루는 한국어 수업입니다. 여기에서는 실행된 모습을 읽고 찾을 수 있습니다.
조절기를 움직이고 학습시키고 연습 문제를 채점받으려면 노트북을 JupyterLab이나 Colab에서 여세요.
Colab 링크는 쪽마다 '시간'이 적힌 줄에 있습니다.

{rows}

```{{toctree}}
:hidden:
:caption: 수업

{names}
```

```{{toctree}}
:hidden:
:caption: 찾아보기

docs/glossary
```
{more}"""


def _summary(lesson: Lesson) -> str:
    """첫 셀의 굵은 한 문장."""
    found = re.search(r"^\*\*(.+?)\*\*$", lesson.notebook.cells[0].source, re.M)
    return found[1] if found else ""


def write_source(root: Path, source: Path) -> None:
    """Sphinx가 읽을 폴더를 만든다."""
    lessons = read_lessons(root)
    (source / "notebooks").mkdir(parents=True)
    (source / "docs").mkdir()
    (source / "_static").mkdir()
    for lesson in lessons:
        nbformat.write(page_notebook(lesson), source / "notebooks" / lesson.path.name)
    pages = [name for name in TEACHING if (root / "docs" / f"{name}.md").is_file()]
    for name in pages:
        shutil.copy(root / "docs" / f"{name}.md", source / "docs")
    (source / "docs" / "glossary.md").write_text(glossary.page(lessons), encoding="utf-8")
    (source / "index.md").write_text(index_page(lessons, pages == list(TEACHING)), encoding="utf-8")
    with resources.as_file(resources.files("cnnlab") / "assets") as packaged:
        shutil.copy(packaged / "site" / "site.css", source / "_static")
        shutil.copy(packaged / FONT_FILE, source / "_static")


def build(root: Path, out: Path) -> None:
    """out에 사이트를 만든다. 오류: Sphinx가 멈추면 그 말을 담은 SiteError."""
    from sphinx.application import Sphinx

    log = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="cnnlab-site-") as work:
        source = Path(work) / "source"
        write_source(root, source)
        app = Sphinx(
            srcdir=source,
            confdir=None,
            outdir=out,
            doctreedir=Path(work) / "doctrees",
            buildername="html",
            confoverrides=SETTINGS,
            status=None,
            warning=log,
        )
        app.add_search_language(korean_search())
        app.build()
    if app.statuscode:
        raise SiteError(f"사이트를 만들지 못했습니다. 까닭: {log.getvalue().strip()[-500:]}")
    for name in (".buildinfo", "objects.inv"):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / "_sources", ignore_errors=True)


SETTINGS: dict[str, Any] = {
    "project": "cnnlab",
    "html_title": "바꿔 보며 배우는 CNN 구조",
    "language": "ko",
    "extensions": ["myst_nb"],
    "html_theme": "furo",
    "html_static_path": ["_static"],
    "html_css_files": ["site.css"],
    "html_show_copyright": False,
    "html_copy_source": False,
    "html_show_search_summary": False,  # 찾은 쪽을 다시 읽어 오는데, 폴더에서 연 쪽에서는 브라우저가 막는다
    "html_search_language": "ko",
    "nb_execution_mode": "off",
    "nb_render_markdown_format": "myst",
    "myst_heading_anchors": 3,
    "suppress_warnings": ["myst.xref_missing", "myst.header"],
}


def korean_search() -> Any:
    """한국어 찾기: 조사가 붙은 낱말도 찾도록 한글 낱말의 앞부분을 모두 적어 둔다('잔차를' -> 잔차, 잔차를)."""
    from sphinx.search import SearchLanguage

    class Korean(SearchLanguage):
        lang = "ko"
        language_name = "Korean"
        stopwords: frozenset[str] = frozenset()

        def split(self, input: str) -> list[str]:
            words = super().split(input)
            return [part for word in words for part in beginnings(word)]

        def word_filter(self, word: str) -> bool:
            return len(word) > 1

    return Korean


def beginnings(word: str) -> list[str]:
    """한글로 시작하는 낱말이면 두 글자부터의 앞부분들, 아니면 그 낱말 하나."""
    hangul = HANGUL.match(word)
    if hangul is None:
        return [word]
    return list(dict.fromkeys([*(word[:size] for size in range(2, len(hangul[0]) + 1)), word]))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m cnnlab.course.site", description="읽기만 하는 사이트를 만듭니다.")
    parser.add_argument("--out", type=Path, default=Path("site"), help="사이트를 둘 폴더(site)")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="프로젝트 폴더(지금 폴더)")
    given = parser.parse_args(arguments)
    try:
        build(given.root, given.out)
    except (CourseError, SiteError) as error:
        parser.exit(1, f"{error}\n")
    print(f"{given.out}/index.html을 브라우저로 여세요.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
