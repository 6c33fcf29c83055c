"""화면의 표가 분석의 값을 그대로 보이는지, 접고 저장해도 잃는 것이 없는지."""

import csv
import re
from html.parser import HTMLParser

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.analysis import compare_models, fold_table, layer_table, receptive_field
from cnnlab.errors import LearnerError
from cnnlab.teaching.tables import HEADINGS, cell, show_table, text

MODEL = nn.Sequential(nn.Conv2d(3, 16, (3, 5), padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 32 * 30, 10))
TABLE = layer_table(MODEL, (3, 32, 32))


def big(name):
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None).eval()
    return layer_table(model, (3, 224, 224))


class Tags(HTMLParser):
    """열고 닫는 짝이 맞는지 보며, <details>의 깊이와 칸을 센다."""

    def __init__(self, html):
        super().__init__()
        self.open, self.deepest, self.rows, self.names = [], 0, 0, []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.deepest = max(self.deepest, self.open.count("details"))
        if tag == "tr" and "tbody" in self.open and "details" in self.open:
            self.rows += 1
            self.first = True

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["td"] and "details" in self.open and self.first:
            self.names.append(data)
            self.first = False


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *[(1216, "1,216"), (18.375, "18.38"), (64.0, "64"), ((6, 28, 28), "6×28×28"), ("전체", "전체")],
        *[(None, "모름"), (float("nan"), "모름")],
    ],
)
def test_cells_read_as_a_teacher_writes_them(value, shown):
    assert cell(value) == shown


def test_positions_are_not_written_as_products():
    assert text("first", (-3, 4)) == "(-3, 4)"
    assert text("rf", (3, 4)) == "3×4"


def test_every_row_and_the_totals_are_shown():
    html = show_table(TABLE)._repr_html_()
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    assert len(rows) == len(TABLE) + 2
    shown = re.findall(r">([^<]*)</td>", rows[1])
    assert shown == [cell(TABLE.iloc[0][column]) for column in HEADINGS if column in TABLE]
    assert f"{TABLE.attrs['params']:,}" in rows[-1]
    assert f"{TABLE.attrs['macs']:,}" in rows[-1]
    assert "<details" not in html


def test_text_version_has_the_same_cells():
    shown = repr(show_table(TABLE))
    assert "16×32×30" in shown
    assert shown.splitlines()[-1].startswith("합계")


def test_a_small_table_keeps_the_columns_that_notebooks_show():
    head = re.findall(r">([^<]*)</th>", show_table(TABLE)._repr_html_())[:11]
    assert head == [
        *(
            "이름",
            "종류",
            "출력",
            "커널",
            "스트라이드",
            "패딩",
            "매개변수",
            "MAC",
            "출력 메모리(KB)",
            "수용 영역",
            "간격",
        )
    ]


@pytest.mark.parametrize(
    ("table", "columns", "totals"),
    [
        (fold_table(TABLE), ["name", "layers", "output", "params", "macs", "activation_kb", "rf", "jump"], True),
        (compare_models([MODEL, MODEL]), ["model", "params", "macs", "activation_kb", "training_kb", "depth"], False),
        (receptive_field(MODEL), ["name", "type", "output", "rf", "jump", "start", "first", "last"], False),
    ],
    ids=["fold", "compare", "receptive_field"],
)
def test_the_other_tables_have_korean_headings_and_no_false_total(table, columns, totals):
    lines = repr(show_table(table)).splitlines()
    assert [name for name in columns if HEADINGS[name] not in lines[0]] == []
    assert len(lines) == 1 + len(table) + totals
    html = show_table(table)._repr_html_()
    assert ("합계" in html) == totals
    assert html.count("<tr>") == len(lines)


def test_the_field_without_its_gate_has_a_heading():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.gate = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            x = self.conv(x)
            return x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()

    assert "게이트를 뺀 수용 영역" in repr(show_table(receptive_field(Gated(), (3, 8, 8))))


# --- 큰 표


@pytest.mark.parametrize("name", ["resnet152", "densenet121", "mobilenet_v2", "googlenet"])
def test_a_big_table_folds_into_stages_that_open_to_every_row(name):
    table = big(name)
    view = show_table(table)
    html = view._repr_html_()
    tags = Tags(html)
    assert tags.rows == len(table)
    assert tags.names == table.name.tolist()
    assert len(repr(view).splitlines()) <= 25
    assert f"{table.attrs['macs']:,}" in html
    assert f"{table.attrs['macs']:,}" in repr(view)
    assert len(html.encode()) < 200_000
    assert html == show_table(big(name))._repr_html_()


def test_long_stages_open_block_by_block():
    assert Tags(show_table(big("resnet152"))._repr_html_()).deepest == 2


# --- CSV


def test_saved_csv_opens_in_excel_and_holds_every_value(tmp_path):
    path = show_table(TABLE).save(tmp_path / "표.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:4] == ["이름", "종류", "입력", "출력"]
    assert len(rows) == len(TABLE)
    assert rows[0][:5] == ["0", "Conv2d", "3×32×32", "16×32×30", "3×5"]
    assert [int(row[head.index("MAC")]) for row in rows] == TABLE.macs.tolist()
    assert [float(row[head.index("출력 메모리(KB)")]) for row in rows] == TABLE.activation_kb.tolist()


def test_a_big_table_is_saved_row_by_row(tmp_path):
    table = big("resnet152")
    lines = show_table(table).save(str(tmp_path / "resnet152.csv")).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + len(table)


@pytest.mark.parametrize(
    ("name", "words"), [("없는 폴더/표.csv", "폴더가 있는지"), ("표.xlsx", ".csv로 끝나야"), (".", ".csv로 끝나야")]
)
def test_a_path_that_cannot_be_written_is_told_in_korean(tmp_path, name, words):
    with pytest.raises(LearnerError, match=words) as caught:
        show_table(TABLE).save(tmp_path / name)
    assert isinstance(caught.value, OSError)
