import re
import xml.etree.ElementTree as ElementTree

import pytest
import torch
import torchvision
from torch import nn

from cnnlab import models
from cnnlab.analysis import BranchError, draw_network, layer_table
from cnnlab.analysis.diagram import SaveError

SVG = "{http://www.w3.org/2000/svg}"


def texts(drawing):
    return [node.text for node in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")]


def test_lenet5_is_drawn_from_the_live_model():
    drawing = draw_network(models.lenet5(), (1, 32, 32), title="LeNet-5")
    words = texts(drawing)
    assert words[:2] == ["LeNet-5", "매개변수 61,706개 · MAC 416,520"]
    shapes = [word for word in words if re.fullmatch(r"\d+(×\d+×\d+)?", word)]
    assert shapes == ["1×32×32", "6×28×28", "6×14×14", "16×10×10", "16×5×5", "120×1×1", "84", "10"]
    assert words.count("합성곱") == 1 + 3  # 범례와 세 계층
    assert words.count("평균 풀링") == 2
    assert "Tanh" in words
    assert len(drawing.shapes) == len(shapes)


def test_hovering_tells_the_numbers_of_the_table():
    hovers = [
        node.text for node in ElementTree.fromstring(draw_network(models.lenet5(), (1, 32, 32)).svg).iter(f"{SVG}title")
    ]
    table = layer_table(models.lenet5(), (1, 32, 32)).set_index("name")
    assert f"매개변수 {table.params['c3']:,}개 · MAC {table.macs['c3']:,}" in "\n".join(hovers)
    assert "수용 영역 14×14" in hovers[3]
    assert "수용 영역 그림 전체" in hovers[-1]


def test_the_same_network_gives_the_same_text():
    first, second = (draw_network(models.lenet5_1998(), (1, 32, 32)) for _ in range(2))
    assert first == second
    assert first.svg == second.svg == first._repr_svg_()
    assert not re.search(r"\d\.\d{3,}|0x[0-9a-f]{6,}", first.svg)
    assert len(repr(first)) < 100


def test_everything_stays_inside_the_card_and_long_networks_wrap():
    with torch.device("meta"):
        drawings = [
            draw_network(torchvision.models.vgg16_bn(), (3, 224, 224)),
            draw_network(torchvision.models.alexnet(), (3, 224, 160)),
        ]
    for drawing in drawings:
        root = ElementTree.fromstring(drawing.svg)
        _, _, width, height = map(float, root.get("viewBox").split())
        assert width <= 1121
        places = [(float(node.get("x")), float(node.get("y"))) for node in root.iter(f"{SVG}text")]
        assert all(10 < x < width - 10 and 10 < y < height - 10 for x, y in places)
    assert len({y for _, y in places}) > 4  # 두 줄 이상이다


def test_svg_fits_its_page_and_reads_on_a_dark_one():
    root = ElementTree.fromstring(draw_network(models.lenet5(), (1, 32, 32)).svg)
    assert "width:100%" in root.get("style")
    assert "max-width" in root.get("style")
    assert root.get("font-family").startswith("Noto Sans KR")
    assert root.find(f"{SVG}rect").get("fill") == "#FBFCFF"
    assert all(node.get("fill") for node in root.iter(f"{SVG}text"))


def test_title_is_escaped():
    assert texts(draw_network(models.lenet5(), (1, 32, 32), title="<b>A & B</b>"))[0] == "<b>A & B</b>"


def test_labels_of_other_kinds_of_layers():
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, 2, 1),
        nn.BatchNorm2d(32),
        nn.ReLU6(),
        nn.Conv2d(32, 32, 3, padding=2, dilation=2, groups=32),
        nn.Conv2d(32, 64, (1, 7), groups=4),
        nn.AdaptiveAvgPool2d((2, 2)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
        nn.Softmax(1),
    )
    words = texts(draw_network(model, (3, 32, 48)))
    for word in [
        "3×3 /2",
        "배치 정규화",
        "ReLU6",
        "깊이별",
        "3×3 팽창 2",
        "1×7",
        "그룹 4",
        "→ 2×2",
        "전역 평균",
        "펼치기",
    ]:
        assert word in words


def test_saving(tmp_path):
    drawing = draw_network(models.lenet5(), (1, 32, 32))
    assert drawing.save(tmp_path / "lenet.svg").read_text(encoding="utf-8") == drawing.svg
    with pytest.raises(SaveError, match="svg"):
        drawing.save(tmp_path / "lenet.png")
    with pytest.raises(SaveError, match="폴더"):
        drawing.save(tmp_path / "none" / "lenet.svg")


def test_branches_are_refused_in_the_picture_too():
    with torch.device("meta"), pytest.raises(BranchError):
        draw_network(torchvision.models.resnet18(), (3, 224, 224))
