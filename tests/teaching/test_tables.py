"""화면의 표가 layer_table의 값을 그대로 보이는지."""

import re

import pytest
from torch import nn

from cnnlab.analysis.tables import layer_table
from cnnlab.teaching.tables import HEADINGS, cell, show_table

MODEL = nn.Sequential(nn.Conv2d(3, 16, (3, 5), padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 32 * 30, 10))


@pytest.mark.parametrize(
    ("value", "text"), [(1216, "1,216"), (18.375, "18.38"), (64.0, "64"), ((6, 28, 28), "6×28×28"), ("전체", "전체")]
)
def test_cells_read_as_a_teacher_writes_them(value, text):
    assert cell(value) == text


def test_every_row_and_the_totals_are_shown():
    table = layer_table(MODEL, (3, 32, 32))
    html = show_table(table)._repr_html_()
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    assert len(rows) == len(table) + 2
    shown = re.findall(r">([^<]*)</td>", rows[1])
    assert shown == [cell(table.iloc[0][column]) for column in HEADINGS]
    assert f"{table.attrs['params']:,}" in rows[-1]
    assert f"{table.attrs['macs']:,}" in rows[-1]


def test_text_version_has_the_same_cells():
    text = repr(show_table(layer_table(MODEL, (3, 32, 32))))
    assert "16×32×30" in text
    assert text.splitlines()[-1].startswith("합계")
