"""용어집: 수업이 쓰는 말과 어긋나지 않는다. 한 낱말은 모든 수업에서 한 가지로 쓴다."""

import re
from pathlib import Path

import pytest

from cnnlab.course.glossary import PAGE, first_lesson, page, pairs, prose, terms
from cnnlab.course.lessons import read_lessons

ROOT = Path(__file__).resolve().parents[2]
LESSONS = read_lessons(ROOT)
TERMS = {term.english: term for term in terms()}

# 괄호 속이 용어의 영어가 아닌 것(고유한 이름, 그 자리에서만 쓰는 풀이)
NOT_TERMS = {"depthwise", "pointwise", "fully connected", "bottleneck"}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_term_has_the_same_korean_in_every_lesson(lesson) -> None:
    wrong = [
        (korean, english)
        for korean, english in pairs(lesson)
        if english in TERMS and english not in NOT_TERMS and not korean.endswith(TERMS[english].korean)
    ]
    assert wrong == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_words_that_would_be_a_second_name_for_a_term_are_not_used(lesson) -> None:
    text = prose(lesson)
    found = [(word, term.korean) for term in TERMS.values() for word in term.avoid if word in text]
    assert found == []


def test_every_term_is_used_in_some_lesson_and_explained_in_one_sentence() -> None:
    for term in TERMS.values():
        assert first_lesson(term, LESSONS), term.korean
        assert re.fullmatch(r"[^.]+(?:\d\.\d[^.]*)*니다\.", term.meaning), term.meaning


def test_no_term_is_listed_twice() -> None:
    listed = terms()
    assert len({term.korean for term in listed}) == len({term.english for term in listed}) == len(listed)


def test_the_lessons_introduce_no_technical_term_that_the_glossary_lacks() -> None:
    """두 낱말이 넘는 영어(feature map처럼)는 용어다. 한 낱말은 풀이일 수 있어 여기서는 보지 않는다."""
    introduced = {english for lesson in LESSONS for _, english in pairs(lesson) if " " in english}
    assert introduced - set(TERMS) - NOT_TERMS - ONE_PLACE == set()


# 한 수업의 한 곳에서만 쓰고 다른 수업이 기대지 않는 말
ONE_PLACE = {
    "asymmetric kernel",
    "covariance matrix",
    "full pre-activation",
    "lateral inhibition",
    "one weird trick",
    "position embedding",
    "representational bottleneck",
    "inverted residual",
}


def test_the_committed_page_is_what_the_terms_give() -> None:
    made = (ROOT / PAGE).read_text(encoding="utf-8")
    assert made == page(LESSONS), "python3 -m cnnlab.course.glossary를 실행하세요"
    for target in re.findall(r"\]\(([^)]+)\)", made):
        assert (ROOT / "docs" / target).resolve().is_file()
