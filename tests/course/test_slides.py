"""슬라이드: 노트북에 적힌 종류대로, 네트워크 없이, 그림과 표와 수식이 모두 있는 채로."""

import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cnnlab.course import slides
from cnnlab.course.formulas import with_mathml
from cnnlab.course.lessons import read_lessons, tags

ROOT = Path(__file__).resolve().parents[2]
LESSONS = read_lessons(ROOT)


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("slides")
    slides.export(ROOT, out)
    return out


class Links(HTMLParser):
    """브라우저가 스스로 불러오는 주소들."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.pictures: list[dict[str, str | None]] = []

    def handle_starttag(self, tag, attributes) -> None:
        given = dict(attributes)
        if tag in ("script", "img", "iframe") and given.get("src"):
            self.loaded.append(given["src"])
        if tag == "link" and given.get("href"):
            self.loaded.append(given["href"])
        if tag == "img":
            self.pictures.append(given)


def links(page: str) -> Links:
    parser = Links()
    parser.feed(page)
    return parser


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_every_cell_says_what_it_is_on_the_slides(lesson) -> None:
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in lesson.notebook.cells]
    assert set(kinds) <= set(slides.TYPES), "python3 -m cnnlab.course.slides --stamp를 실행하세요"
    assert kinds[0] == "slide"
    for cell, kind in zip(lesson.notebook.cells, kinds, strict=True):
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            assert kind in ("slide", "skip")
        if "visible-block" in tags(cell):
            assert kind in ("subslide", "-"), "핵심 블록은 슬라이드에 있어야 한다"
        if "reveal(" in cell.source and cell.cell_type == "code":
            assert kind in ("subslide", "skip"), "예측의 답이 물음과 같은 장에 있으면 안 된다"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_deck_loads_nothing_from_the_network_and_everything_it_loads_is_there(lesson, exported) -> None:
    page = (exported / f"{lesson.stem}.html").read_text(encoding="utf-8")
    for address in links(page).loaded:
        if not address.startswith("data:"):
            assert (exported / address).is_file(), address
    assert not re.search(r"import [^;]*from ['\"]https?:", page)
    assert "MathJax" not in page


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_pictures_tables_and_formulas_are_on_the_slides_with_words_for_the_pictures(lesson, exported) -> None:
    page = (exported / f"{lesson.stem}.html").read_text(encoding="utf-8")
    shown = [cell for cell in lesson.notebook.cells if cell.metadata.slideshow.slide_type != "skip"]
    kinds = [kind for cell in shown for output in cell.get("outputs", []) for kind in output.get("data", {})]
    pictures = links(page).pictures
    assert page.count("<svg") + len(pictures) >= sum(kind in slides.PICTURES for kind in kinds) > 0
    assert page.count("<table") >= sum("<table" in str(c.outputs) for c in shown if c.cell_type == "code") > 0
    # 이름이 옆에 적힌 작은 그림은 alt=""이다. alt가 없는 그림은 없다
    assert [picture for picture in pictures if picture.get("alt") is None] == []
    assert sum(len(picture["alt"] or "") >= 12 for picture in pictures) >= kinds.count("image/png")
    assert not re.search(r"\$[^$<\n]{1,80}\\[a-z]+[^$<\n]*\$", page), "그려지지 않은 수식"


def test_the_index_lists_every_lesson_and_the_libraries_come_with_their_licence(exported) -> None:
    index = (exported / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'href="(\d\d_\w+)\.html"', index) == [lesson.stem for lesson in LESSONS]
    assert "Permission is hereby granted" in (exported / "assets" / "reveal.js" / "LICENSE").read_text()


def test_what_a_teacher_changed_is_kept_and_only_new_cells_are_stamped() -> None:
    notebook = new_notebook(cells=[new_markdown_cell("# 제목"), new_markdown_cell("글"), new_markdown_cell("## 절")])
    assert slides.stamp(notebook)
    assert [cell.metadata["slideshow"]["slide_type"] for cell in notebook.cells] == ["slide", "-", "slide"]
    notebook.cells[1].metadata["slideshow"]["slide_type"] = "notes"
    assert not slides.stamp(notebook)
    assert notebook.cells[1].metadata["slideshow"]["slide_type"] == "notes"


def test_the_answer_to_a_prediction_starts_a_slide_of_its_own_and_silent_cells_are_left_out() -> None:
    stream = new_output("stream", name="stdout", text="64")
    cells = [
        new_markdown_cell("## 3. 예측\n\n몇일까요?"),
        new_code_cell("prediction = None"),
        new_code_cell('reveal("수", prediction, 64)', outputs=[stream]),
        new_code_cell("assert True"),
    ]
    notebook = new_notebook(cells=cells)
    slides.stamp(notebook)
    assert [cell.metadata["slideshow"]["slide_type"] for cell in cells] == ["slide", "skip", "subslide", "skip"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("값은 `$x$`입니다", "`$x$`"), ("```\n$a$\n```", "$a$"), ("5달러($)와 3달러", "5달러($)와 3달러")],
)
def test_code_and_lone_dollars_are_not_formulas(given, kept) -> None:
    assert kept in with_mathml(given)


def test_formulas_become_mathml() -> None:
    made = with_mathml(r"크기는 $\frac{a}{b}$이고 $$\text{출력} = x^2$$ 입니다")
    assert "<mfrac>" in made
    assert 'display="block"' in made
    assert "출력" in made
    assert "$" not in made


def test_stamping_writes_the_file_as_notebooks_are_written_here(tmp_path) -> None:
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / LESSONS[0].path.name
    notebook = nbformat.read(LESSONS[0].path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("slideshow", None)
    nbformat.write(notebook, path)
    assert slides.main(["--root", str(tmp_path), "--stamp"]) == 0
    assert path.read_text(encoding="utf-8") == LESSONS[0].path.read_text(encoding="utf-8")
