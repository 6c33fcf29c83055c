"""읽기만 하는 사이트: 폴더째 옮겨도, 네트워크가 없어도, 모든 수업이 읽히고 찾아진다."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlab.course import site
from cnnlab.course.glossary import terms
from cnnlab.course.lessons import CourseError, read_lessons

ROOT = Path(__file__).resolve().parents[2]
LESSONS = read_lessons(ROOT)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("site")
    site.build(ROOT, out)
    return out


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.pictures: list[str | None] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attributes) -> None:
        given = dict(attributes)
        if tag in ("script", "img") and given.get("src"):
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") == "stylesheet":
            self.loaded.append(given["href"])
        if tag == "a" and given.get("href"):
            self.linked.append(given["href"])
        if tag == "img":
            self.pictures.append(given.get("alt"))

    def handle_data(self, data) -> None:
        self.text.append(data)


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def lesson_page(built: Path, lesson) -> Page:
    return read(built / "notebooks" / f"{lesson.stem}.html")


def test_nothing_is_loaded_from_the_network_and_no_link_inside_is_broken(built) -> None:
    for path in built.rglob("*.html"):
        page = read(path)
        for address in page.loaded:
            if not address.startswith("data:"):
                assert not address.startswith(("http", "//")), f"{path.name}: {address}"
                assert (path.parent / address.split("?")[0]).resolve().is_file(), f"{path.name}: {address}"
        for address in page.linked:
            target = address.split("#")[0].split("?")[0]
            if target and not re.match(r"[a-z]+:", target):
                assert (path.parent / target).resolve().is_file(), f"{path.name} -> {address}"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_is_whole_with_its_outputs_and_explorers(lesson, built) -> None:
    page = lesson_page(built, lesson)
    text = "".join("".join(page.text).split())
    for cell in lesson.notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                line = "".join(output.text.strip().splitlines()[-1].split())
                assert line in text, line
    stored = [
        o
        for c in lesson.notebook.cells
        for o in c.get("outputs", [])
        if any(k in o.get("data", {}) for k in site.PICTURES)
    ]
    assert len([alt for alt in page.pictures if alt]) >= len(stored) > 0
    assert None not in page.pictures, "모든 그림에 대신하는 글"
    assert "%pip" not in text, "설치 셀은 읽는 사람에게 필요 없다"
    assert not re.search(r"\$\\\\?[a-z]+", "".join(page.text)), "그려지지 않은 수식"


def test_the_front_page_lists_the_lessons_in_order_with_a_sentence_each(built) -> None:
    page = read(built / "index.html")
    listed = [href for href in page.linked if re.fullmatch(r"notebooks/\d\d_\w+\.html", href)]
    assert list(dict.fromkeys(listed)) == [f"notebooks/{lesson.stem}.html" for lesson in LESSONS]
    assert all(site._summary(lesson) for lesson in LESSONS)


def found(index: dict, word: str) -> set[str]:
    """찾기 상자에 word를 넣으면 나오는 쪽: 본문과 제목."""
    pages = [index[place].get(word, []) for place in ("terms", "titleterms")]
    return {index["docnames"][n] for where in pages for n in ([where] if isinstance(where, int) else where)}


def test_search_finds_a_korean_word_even_with_a_particle_on_it(built) -> None:
    text = (built / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").rstrip(";\n").removesuffix(")"))
    assert "notebooks/07_resnet" in found(index, "잔차")
    assert "notebooks/09_resnext" in found(index, "카디널리티")
    missing = [
        term.korean
        for term in terms()
        if " " not in term.korean and "·" not in term.korean and len(term.korean) > 1 and not found(index, term.korean)
    ]
    assert missing == []


@given(
    st.text(
        alphabet=st.characters(whitelist_categories=["Lo"], min_codepoint=0xAC00, max_codepoint=0xD7A3),
        min_size=2,
        max_size=12,
    )
)
def test_every_beginning_of_a_korean_word_is_found(word) -> None:
    parts = site.beginnings(word)
    assert parts == [word[:n] for n in range(2, len(word) + 1)]


@pytest.mark.parametrize(
    ("word", "parts"), [("depthwise", ["depthwise"]), ("3x3", ["3x3"]), ("합", ["합"]), ("잔차F", ["잔차", "잔차F"])]
)
def test_other_words_are_left_alone(word, parts) -> None:
    assert site.beginnings(word) == parts


def test_it_is_made_for_phones_dark_screens_and_machines_without_korean_fonts(built) -> None:
    page = (built / "notebooks" / "00_convolution.html").read_text(encoding="utf-8")
    assert 'name="viewport"' in page
    assert 'lang="ko"' in page
    style = (built / "_static" / "site.css").read_text(encoding="utf-8")
    assert "NotoSansKR-subset.otf" in style
    assert (built / "_static" / "NotoSansKR-subset.otf").stat().st_size > 100_000
    assert "prefers-color-scheme:dark" in (built / "_static" / "styles" / "furo.css").read_text(
        encoding="utf-8"
    ).replace(" ", "")


def test_an_empty_folder_is_told(tmp_path) -> None:
    with pytest.raises(CourseError, match="--root"):
        site.build(tmp_path, tmp_path / "out")
