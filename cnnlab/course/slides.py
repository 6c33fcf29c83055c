"""노트북을 네트워크 없이 열리는 슬라이드로 내보낸다.

    python3 -m cnnlab.course.slides --out slides       # slides/index.html
    python3 -m cnnlab.course.slides --stamp            # 새 셀에 슬라이드 종류를 적기

셀의 슬라이드 종류(metadata.slideshow.slide_type)는 노트북에 적혀 있다. 교사가 바꾼 것은 그대로 둔다.
조절기가 움직이는 화면은 `voila notebooks/01_lenet5.ipynb`로 본다(docs/teaching.md).
"""

from __future__ import annotations

import argparse
import copy
import html
import json
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from cnnlab.course.formulas import with_mathml
from cnnlab.course.lessons import Lesson, Notebook, alternative_text, read_lessons, tags
from cnnlab.runtime import FONT_FILE

TYPES = ("slide", "subslide", "fragment", "-", "skip", "notes")
LONG_PROSE = 700  # 글자. 이보다 긴 글 다음의 셀은 새 장에서 시작한다
SHORT_PROSE = 250  # 글자. 핵심 블록의 코드는 이보다 짧은 글과만 한 장에 들어간다
THEME = re.compile(r'<link[^>]*id="theme"[^>]*>')  # 모양은 slides.css가 정한다
REVEAL = re.compile(r"https://unpkg\.com/reveal\.js@[\d.]+/")  # 밖의 reveal.js 대신 옆에 둔 것
PICTURES = ("image/svg+xml", "image/png")


def slide_type(cell: Notebook, fullness: int) -> str:
    """셀의 처음 종류. fullness: 지금 장에 이미 있는 글자 수(그림과 표는 LONG_PROSE로 친다).

    ## 제목은 새 장, ### 제목은 아래 장에서 시작한다. 코드는 핵심 블록과 보여 줄 것이 있는 셀만 남긴다.
    예측의 답은 물음과 다른 장에 둔다.
    """
    if cell.cell_type == "markdown":
        if cell.source.startswith("## 준비"):
            return "skip"
        if cell.source.startswith(("# ", "## ")):
            return "slide"
        return "subslide" if cell.source.startswith("### ") or fullness >= LONG_PROSE else "-"
    if "visible-block" in tags(cell) or "reveal(" in cell.source:
        return "subslide" if fullness >= SHORT_PROSE or "reveal(" in cell.source else "-"
    if not _shows(cell) or ".check(" in cell.source or "cnnlab.setup(" in cell.source:
        return "skip"
    return "subslide" if fullness >= LONG_PROSE else "-"


def stamp(notebook: Notebook) -> bool:
    """종류가 없는 셀에 종류를 적는다. 반환: 바뀌었으면 True."""
    changed, fullness = False, 0
    for cell in notebook.cells:
        show = cell.metadata.setdefault("slideshow", {})
        if show.get("slide_type") not in TYPES:
            show["slide_type"] = slide_type(cell, fullness)
            changed = True
        if show["slide_type"] in ("slide", "subslide"):
            fullness = 0
        if show["slide_type"] != "skip":
            fullness += len(cell.source) if cell.cell_type == "markdown" else LONG_PROSE
    return changed


def slide_html(lesson: Lesson) -> str:
    """한 수업의 슬라이드. 그림과 표가 나오는 셀의 코드는 감추고 핵심 블록의 코드는 보인다."""
    from nbconvert.exporters import SlidesExporter

    made = copy.deepcopy(lesson.notebook)
    made.metadata["title"] = lesson.title
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
            continue
        cell.outputs = [_readable(output) for output in cell.outputs]
        if _draws(cell) and "visible-block" not in tags(cell):
            cell.metadata["transient"] = {"remove_source": True}
    template = resources.files("cnnlab") / "assets" / "slides" / "slides.html.j2"
    with resources.as_file(template) as path:
        body, _ = SlidesExporter(template_file=str(path), language_code="ko").from_notebook_node(made)
    body = THEME.sub("", str(body))
    return REVEAL.sub("assets/reveal.js/", body)


def export(root: Path, out: Path) -> list[Path]:
    """out에 수업마다 HTML 한 장과 index.html, 함께 쓰는 assets를 쓴다."""
    assets = out / "assets"
    with resources.as_file(resources.files("cnnlab") / "assets") as packaged:
        shutil.copytree(packaged / "slides", assets, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.j2"))
        shutil.copy(packaged / FONT_FILE, assets / FONT_FILE)
    lessons = read_lessons(root)
    written = []
    for lesson in lessons:
        path = out / f"{lesson.stem}.html"
        path.write_text(slide_html(lesson), encoding="utf-8", newline="\n")
        written.append(path)
    links = "".join(f'<li><a href="{one.stem}.html">{html.escape(one.title)}</a></li>' for one in lessons)
    (out / "index.html").write_text(
        '<!DOCTYPE html><html lang="ko"><meta charset="utf-8"><title>cnnlab 슬라이드</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="assets/slides.css">'
        f'<body class="jp-Notebook" style="padding:2em"><h1>cnnlab 슬라이드</h1><ul>{links}</ul></body></html>\n',
        encoding="utf-8",
    )
    return written


def _shows(cell: Notebook) -> bool:
    return bool(cell.get("outputs"))


def _draws(cell: Notebook) -> bool:
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    return bool(kinds & {*PICTURES, "text/html"})


def _readable(output: Any) -> Any:
    """그림에 대신하는 글을 붙인다."""
    words = alternative_text(output)
    for kind in PICTURES:
        if kind in output.get("data", {}):
            output.setdefault("metadata", {}).setdefault(kind, {})["alt"] = words
            output["metadata"]["alt"] = words
    return output


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m cnnlab.course.slides", description="슬라이드를 내보냅니다.")
    parser.add_argument("--out", type=Path, default=Path("slides"), help="슬라이드를 둘 폴더(slides)")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="프로젝트 폴더(지금 폴더)")
    parser.add_argument("--stamp", action="store_true", help="내보내지 않고, 종류가 없는 셀에 슬라이드 종류를 적습니다")
    given = parser.parse_args(arguments)
    if given.stamp:
        for lesson in read_lessons(given.root):
            if stamp(lesson.notebook):
                text = json.dumps(_with_line_lists(lesson), ensure_ascii=False, indent=1) + "\n"
                lesson.path.write_text(text, encoding="utf-8", newline="\n")
                print(f"적었습니다: {lesson.path.name}")
        return 0
    written = export(given.root, given.out)
    print(f"수업 {len(written)}개: {given.out}/index.html을 브라우저로 여세요. 화살표로 넘기고, S는 발표자 화면입니다.")
    return 0


def _with_line_lists(lesson: Lesson) -> Any:
    import nbformat

    return json.loads(nbformat.writes(lesson.notebook))


if __name__ == "__main__":
    raise SystemExit(main())
