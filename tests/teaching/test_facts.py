"""검산: 모든 주장이 지금 계산되고, 적힌 값을 고치면 판정이 바뀐다."""

from dataclasses import replace
from importlib.resources import files

import pytest
import torch
from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.teaching.facts import VERDICTS, FactTable, agrees, all_facts, check, check_facts
from cnnlab.teaching.quantities import Subject, compute

FACTS = all_facts()
COMPUTED = [fact for fact in FACTS if fact.kind == "computed"]


@pytest.fixture(scope="module")
def table() -> FactTable:
    return check(FACTS)


def test_csv_is_well_formed_and_every_claim_has_a_source() -> None:
    raw = files("cnnlab.teaching").joinpath("facts.csv").read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert len({fact.id for fact in FACTS}) == len(FACTS)
    for fact in FACTS:
        assert fact.source
        assert fact.claim
        assert fact.stated
        assert None not in vars(fact).values()
        assert fact.lesson in ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13")
        assert fact.id.startswith(f"{fact.lesson}-")
        assert bool(fact.model) == bool(fact.input) or fact.kind == "cited"
        if fact.kind == "cited":
            assert fact.verdict in VERDICTS
            assert fact.correct
            assert not fact.quantity
        else:
            assert fact.kind == "computed"
            assert fact.verdict in ("", "오타", "모호")
            assert fact.quantity
            assert not fact.correct


def test_every_claim_that_is_not_right_says_why(table: FactTable) -> None:
    assert all(row.fact.note for row in table.rows if row.verdict != "맞음")


# 세거나 계산해 얻은 판정. 여기 없는 computed 주장은 모두 맞다.
NOT_RIGHT = {
    "00-10": "모호",
    "00-17": "오타",
    "00-27": "틀림",
    "01-18": "모호",
    "01-20": "모호",
    "01-43": "모호",
    "02-06": "틀림",
    "02-08": "모호",
    "02-17": "오타",
    "02-26": "틀림",
    "02-28": "모호",
    "02-29": "모호",
    "02-30": "모호",
    "02-31": "모호",
    "02-35": "오타",
    "02-39": "틀림",
    "02-42": "틀림",
    "02-43": "모호",
    "02-45": "틀림",
    "02-57": "모호",
    "02-72": "틀림",
    "02-74": "틀림",
    "03-08": "모호",
    "04-06": "모호",
    "04-13": "모호",
    "04-23": "틀림",
    "04-24": "틀림",
    "04-48": "틀림",
    "04-49": "틀림",
    "04-50": "틀림",
    "04-54": "모호",
    "04-58": "틀림",
    "04-62": "모호",
    "04-64": "모호",
    "05-25": "틀림",
    "05-26": "틀림",
    "05-27": "모호",
    "05-29": "틀림",
    "05-30": "틀림",
    "05-31": "틀림",
    "05-35": "모호",
    "05-37": "모호",
    "05-44": "틀림",
    "05-48": "모호",
    "05-56": "모호",
    "05-57": "틀림",
    "05-58": "틀림",
    "05-65": "틀림",
    "05-69": "틀림",
    "05-71": "틀림",
    "05-73": "틀림",
    "05-75": "틀림",
    "05-76": "틀림",
    "05-77": "틀림",
    "06-01": "틀림",
    "06-14": "모호",
    "06-18": "모호",
    "06-19": "모호",
    "06-25": "모호",
    "06-34": "모호",
    "06-35": "모호",
    "06-36": "모호",
    "06-37": "오타",
    "06-38": "오타",
    "07-35": "모호",
    "07-55": "모호",
    "07-58": "모호",
    "07-60": "틀림",
    "09-11": "모호",
    "10-02": "모호",
    "10-05": "틀림",
    "10-26": "모호",
    "11-06": "모호",
    "11-08": "모호",
    "11-38": "틀림",
    "12-10": "오타",
    "12-15": "모호",
    "12-32": "모호",
    "13-02": "모호",
    "13-06": "모호",
    "13-13": "틀림",
    "13-14": "틀림",
    "13-22": "모호",
}


def test_verdicts_are_the_ones_meant(table: FactTable) -> None:
    found = {r.fact.id: r.verdict for r in table.rows if r.fact.kind == "computed" and r.verdict != "맞음"}
    assert found == NOT_RIGHT


def test_changing_a_right_value_flips_its_verdict(table: FactTable) -> None:
    right = [row for row in table.rows if row.fact.kind == "computed" and row.verdict == "맞음"]
    for row in right:
        stated = row.fact.stated
        if stated[0] in "<>":
            changed = (">" if stated[0] == "<" else "<") + stated[1:]
        elif isinstance(row.computed, str):
            changed = stated + "0"
        else:
            changed = str(float(stated) + 3 * float(row.fact.tolerance or 0) + 1)
        assert not agrees(changed, row.fact.tolerance, row.computed), row.fact.id
        assert agrees(stated, row.fact.tolerance, row.computed), row.fact.id


def test_writing_the_computed_value_makes_a_wrong_claim_right(table: FactTable) -> None:
    for row in table.rows:
        if row.fact.id in NOT_RIGHT:
            fixed = check([replace(row.fact, stated=str(row.computed))])
            assert fixed.rows[0].verdict == "맞음"


def test_a_wrong_value_is_marked_wrong_end_to_end() -> None:
    c1 = next(fact for fact in FACTS if fact.quantity == "trainable_params:c1")
    assert check([c1]).rows[0].verdict == "맞음"
    assert check([replace(c1, stated="150")]).rows[0].verdict == "틀림"


def test_connections_by_switching_inputs_on_equal_the_formula_on_an_ordinary_convolution() -> None:
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("c", nn.Conv2d(2, 3, 3))
    subject = Subject(model, (2, 6, 6))
    assert compute("connections:c", subject) == 3 * 4 * 4 * (2 * 9 + 1)


def test_connections_of_the_1998_layers_add_up_to_the_papers_total(table: FactTable) -> None:
    by_quantity = {row.fact.quantity: row.computed for row in table.rows if row.fact.model == "lenet5_1998"}
    layers = sum(by_quantity[f"connections:{layer}"] for layer in ("c1", "s2", "c3", "s4", "c5"))
    f6 = 84 * 120 + 84
    assert layers + f6 == by_quantity["connections:c1+s2+c3+s4+c5+f6"] == 340_068
    assert layers + f6 + by_quantity["connections:output"] == by_quantity["connections"] == 340_908


def test_lesson_and_model_select_their_claims() -> None:
    assert {row.fact.lesson for row in check_facts("01").rows} == {"01"}
    assert {row.fact.model for row in check_facts("lenet5_cifar").rows} == {"lenet5_cifar"}


@pytest.mark.parametrize("name", ["", "99", "lenet", None])
def test_unknown_lesson_lists_what_there_is(name) -> None:
    with pytest.raises(LearnerError, match=r"00, 01, .*lenet5_1998"):
        check_facts(name)


def test_unknown_quantity_is_named_not_skipped() -> None:
    with pytest.raises(LearnerError, match="weights:c1"):
        compute("weights:c1", None)
    with pytest.raises(LearnerError, match="magic"):
        check([replace(COMPUTED[0], quantity="magic:1")])


def test_frame_has_the_columns_and_one_row_per_claim(table: FactTable) -> None:
    frame = table.frame
    assert list(frame.columns) == ["주장", "출처", "적힌 값", "지금 계산", "판정", "설명"]
    assert list(frame.index) == [fact.id for fact in FACTS]
    assert frame.loc["00-17", "지금 계산"] == "37,752,832"


def test_both_renderings_say_every_verdict_in_words_and_html_sets_its_colours(table: FactTable) -> None:
    text, html = repr(table), table._repr_html_()
    for verdict in VERDICTS:
        assert verdict in text
        assert verdict in html
    assert "background:#ffffff;color:#1b1b1b" in html
    assert html.count("<tr") == len(FACTS) + 2  # 머리줄이 둘: 펴 둔 표와 접은 표
    assert "&lt;" not in html  # 부등호는 말로 바꾸어 보인다


def test_rendering_is_the_same_each_time() -> None:
    assert check_facts("01")._repr_html_() == check_facts("01")._repr_html_()
