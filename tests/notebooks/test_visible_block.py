"""노트북에 보이는 블록과 패키지의 블록은 같은 것이다: 같은 가중치, 같은 출력."""

from importlib import import_module
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import nn

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def visible_blocks() -> list[pytest.param]:
    """태그 visible-block이 붙은 셀들: (원문, 메타데이터의 cnnlab)"""
    found = []
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            if "visible-block" in cell.metadata.get("tags", []):
                about = cell.metadata["cnnlab"]
                found.append(pytest.param(cell.source, about, id=f"{path.stem}-{about['class']}"))
    return found


def test_every_lesson_shows_its_block() -> None:
    lessons = {path.stem for path in NOTEBOOKS if not path.stem.startswith("00")}
    assert {str(block.id).split("-")[0] for block in visible_blocks()} == lessons


@pytest.mark.parametrize(("source", "about"), visible_blocks())
def test_visible_block_equals_the_package(source: str, about: dict) -> None:
    torch.manual_seed(0)
    scope = {"torch": torch, "nn": nn, "F": F}
    exec(source, scope)
    module, name = about["package"].rsplit(".", 1)
    packaged = getattr(import_module(module), name)().eval()
    visible = scope[about["class"]]().eval()
    for p in packaged.parameters():  # 처음 값이 0이나 1인 매개변수도 차이를 드러내게. 깊어도 신호가 죽지 않는 크기로
        if p.ndim > 1:
            nn.init.kaiming_normal_(p)
        else:
            nn.init.uniform_(p, 0.5, 1.5)
    visible.load_state_dict(packaged.state_dict())
    x = torch.randn(3, *about.get("input", (1, 32, 32)))
    with torch.no_grad():
        expected = packaged(x)
        assert torch.equal(visible(x), expected)
    assert expected.std(dim=0).min() > 0, "입력이 달라도 출력이 같으면 비교가 아니다"
