import re
import warnings
import xml.etree.ElementTree as ElementTree

import pytest
import torch
import torchvision
from torch import nn

from cnnlab import models
from cnnlab.analysis import LayerNameError, draw_block, draw_network, layer_table
from cnnlab.analysis.diagram import SaveError

SVG = "{http://www.w3.org/2000/svg}"


def texts(drawing):
    return [node.text for node in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")]


def titles(drawing):
    return [node.text for node in ElementTree.fromstring(drawing.svg).iter(f"{SVG}title")]


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


NETWORKS = [
    "resnet18",
    "resnet50",
    "googlenet",
    "inception_v3",
    "densenet121",
    "mobilenet_v2",
    "efficientnet_b0",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "convnext_tiny",
    "mnasnet1_0",
]


def torchvision_model(name):
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore", FutureWarning)
        return torchvision.models.get_model(name, weights=None).eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_of_a_branched_network_is_in_its_picture(name):
    model = torchvision_model(name)
    size = (3, 299, 299) if name == "inception_v3" else (3, 224, 224)
    table = layer_table(model, size)
    whole = draw_block(model, size)
    hovered = "\n".join(titles(whole)).splitlines()
    for row in table.itertuples():
        assert f"{row.name} ({row.type})" in hovered
    overview = draw_network(model, size)
    assert texts(overview)[1] == f"매개변수 {table.attrs['params']:,}개 · MAC {table.attrs['macs']:,}"
    shares = [
        re.match(r"매개변수 ([\d,]+)개 · MAC ([\d,]+)", line) for line in "\n".join(titles(overview)).splitlines()
    ]
    counted = [[int(number.replace(",", "")) for number in share.groups()] for share in shares if share]
    assert sum(macs for _, macs in counted) == table.attrs["macs"]
    assert sum(params for params, _ in counted) == table.params.sum()
    assert overview.svg == draw_network(model, size).svg
    assert len(overview.svg) < 60_000


def test_a_deep_network_folds_into_its_stages():
    drawing = draw_network(torchvision_model("resnet50"), (3, 224, 224))
    words = texts(drawing)
    assert [word for word in words if word.startswith("×")] == ["×3", "×4", "×6", "×3"]
    assert [word for word in words if word.startswith("layer")] == [
        "layer1.0–2",
        "layer2.0–3",
        "layer3.0–5",
        "layer4.0–2",
    ]
    assert words.count("1×1 → 3×3 → 1×1") == 4
    assert words.count("지름길") == 4


def test_kinds_of_blocks_are_told_apart():
    def kinds(name):
        return {word for word in texts(draw_network(torchvision_model(name), (3, 224, 224))) if word.endswith("블록")}

    assert kinds("resnet18") == {"잔차 블록"}
    assert kinds("densenet121") == {"밀집 블록"}
    assert kinds("googlenet") == {"갈래 블록"}
    assert kinds("efficientnet_b0") == {"잔차 블록", "게이트 블록"}
    words = texts(draw_network(torchvision_model("densenet121"), (3, 224, 224)))
    assert [word for word in words if "되풀이" in word] == [f"{count}번 되풀이" for count in (6, 12, 24, 16)]


def test_the_inside_of_an_inception_block():
    model = torchvision_model("googlenet")
    drawing = draw_block(model, (3, 224, 224), "inception3a")
    words = texts(drawing)
    assert [words.count(word) for word in ("합성곱 1×1", "합성곱 3×3", "최대 풀링 3×3", "이어 붙이기")] == [4, 2, 1, 1]
    assert words.count("입력") == 1 + 1  # 범례와 상자
    inside = layer_table(model, (3, 224, 224))
    inside = inside[inside.name.str.startswith("inception3a")]
    assert words[1] == f"매개변수 {inside.params.sum():,}개 · MAC {inside.macs.sum():,}"
    places = {node.find(f"{SVG}text").text: node for node in ElementTree.fromstring(drawing.svg).iter(f"{SVG}g")}
    assert "이어 붙이기" in places


def test_a_gate_and_a_shortcut_are_drawn_as_circles():
    drawing = draw_block(torchvision_model("efficientnet_b0"), (3, 224, 224), "features.2.1")
    words = texts(drawing)
    assert words.count("×") == 1
    assert words.count("+") == 1
    assert words.count("지름길") == 1  # 게이트로 가는 선은 지름길이 아니다


def test_skips_over_most_of_the_network_are_drawn_layer_by_layer():
    class Unet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv2d(3, 8, 3, padding=1)
            self.pool = nn.MaxPool2d(2)
            self.middle = nn.Conv2d(8, 8, 3, padding=1)
            self.up = nn.ConvTranspose2d(8, 8, 2, 2)
            self.out = nn.Conv2d(16, 2, 1)

        def forward(self, x):
            x = self.down(x)
            return self.out(torch.cat([x, self.up(self.middle(self.pool(x)))], 1))

    words = texts(draw_network(Unet(), (3, 32, 32)))
    assert "전치 합성곱 2×2 /2" in words
    assert "up · 8×32×32" in words
    assert words.count("지름길") == 1


def test_two_inputs_and_side_outputs_are_drawn():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.image = nn.Conv2d(3, 4, 3)
            self.other = nn.Conv2d(1, 4, 3)
            self.head = nn.Conv2d(4, 2, 1)
            self.side = nn.Conv2d(4, 7, 1)

        def forward(self, x, y):
            both = self.image(x) + self.other(y)
            return self.head(both), self.side(both)

    words = texts(draw_network(Two(), ((3, 8, 8), (1, 8, 8))))
    assert {"3×8×8", "1×8×8", "head · 2×6×6", "side · 7×6×6"} <= set(words)


def test_an_unknown_block_is_named_with_the_known_ones():
    with pytest.raises(LayerNameError, match=r"'layer9'.*layer1\.0"):
        draw_block(torchvision_model("resnet18"), (3, 224, 224), "layer9")


def test_nothing_of_a_block_leaves_its_card():
    for name, block in [("inception_v3", "Mixed_7b"), ("densenet121", "features.denseblock1"), ("resnet50", "")]:
        root = ElementTree.fromstring(draw_block(torchvision_model(name), (3, 299, 299), block).svg)
        _, _, width, height = map(float, root.get("viewBox").split())
        for node in root.iter(f"{SVG}text"):
            assert 10 < float(node.get("x")) < width - 10
            assert 10 < float(node.get("y")) < height - 5


def test_a_block_is_drawn_with_its_own_first_layers():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(8)
            self.conv = nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x):
            x = torch.relu(self.norm(x))
            return x + self.conv(x)

    model = nn.Sequential(nn.Conv2d(3, 8, 3), Block(), nn.Conv2d(8, 2, 1))
    words = texts(draw_block(model, (3, 8, 8), "1"))
    assert {"배치 정규화", "합성곱 3×3", "+"} <= set(words)  # 앞의 합성곱에 붙지 않고 제 블록에 남는다
    assert words[1] == f"매개변수 {2 * 8 + 8 * 8 * 9 + 8:,}개 · MAC {6 * 6 * 8 * 8 * 9:,}"


def test_auxiliary_classifiers_hang_from_the_stage_they_leave():
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore", FutureWarning)
        model = torchvision.models.googlenet(aux_logits=True, num_classes=10)
    words = texts(draw_network(model.train(), (3, 224, 224)))
    assert words.count("↳ 보조 출력 10") == 2
    assert "↳ 보조 출력 10" not in texts(draw_network(model.eval(), (3, 224, 224)))
