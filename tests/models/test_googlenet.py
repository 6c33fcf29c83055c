"""GoogLeNet을 논문의 표 1과, 다르게 만든 torchvision과 견준다."""

import warnings

import pytest
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.analysis import fold_table, layer_table
from cnnlab.models.googlenet import INCEPTIONS, Inception, NaiveInception, Widths, googlenet, googlenet_cifar

# 표 1: 행 -> (출력, 매개변수(K), 연산(M)). 매개변수와 연산은 논문에 적힌 그대로다
TABLE_1 = {
    "3a": ((256, 28, 28), 159, 128),
    "3b": ((480, 28, 28), 380, 304),
    "4a": ((512, 14, 14), 364, 73),
    "4b": ((512, 14, 14), 437, 88),
    "4c": ((512, 14, 14), 463, 100),
    "4d": ((528, 14, 14), 580, 119),
    "4e": ((832, 14, 14), 840, 170),
    "5a": ((832, 7, 7), 1072, 54),
    "5b": ((1024, 7, 7), 1388, 71),
}


@pytest.fixture(scope="module")
def rows():
    with torch.device("meta"):
        table = layer_table(googlenet(), (3, 224, 224))
    return table, table.assign(stage=table.name.str.split(".").str[0]).groupby("stage")


def test_total_is_what_the_docstring_says():
    for build in (googlenet, googlenet_cifar):
        with torch.device("meta"):
            assert f"{sum(p.numel() for p in build().parameters()):,}개" in build.__doc__
    with torch.device("meta"):
        assert f"{sum(p.numel() for p in googlenet(aux=True).parameters()):,}개" in googlenet.__doc__


@pytest.mark.parametrize("name", TABLE_1)
def test_rows_of_table_1(rows, name):
    _, stages = rows
    stage = stages.get_group(f"inception{name}")
    output, _, millions = TABLE_1[name]
    assert stage.output.iloc[-1] == output
    if name != "5a":  # 표의 54M은 이 행의 폭으로 나오지 않는다: 5a의 값은 51M이다
        assert stage.macs.sum() / 1e6 == pytest.approx(millions, abs=1)  # 버린 자리까지


def test_parameters_of_table_1_are_near_but_not_ours(rows):
    # 표의 매개변수는 폭에서 계산한 값(편향 없이)과 어느 행도 꼭 맞지는 않는다: 합은 3% 안에서 같다
    _, stages = rows
    ours = {name: stages.get_group(f"inception{name}").params.sum() for name in TABLE_1}
    paper = {name: params * 1000 for name, (_, params, _) in TABLE_1.items()}
    assert sum(ours.values()) == pytest.approx(sum(paper.values()), rel=0.03)
    assert all(abs(ours[name] / paper[name] - 1) < 0.08 for name in ("3a", "3b", "4b", "4d", "5a", "5b"))


def test_depth_is_22_and_the_stem_ends_at_28(rows):
    table, _ = rows
    assert table.attrs["depth"] == 22
    assert fold_table(table, 1).set_index("name").output["stem"] == (192, 28, 28)


def test_macs_equal_half_of_flop_counter(rows):
    table, _ = rows
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        googlenet()(torch.zeros(1, 3, 224, 224))
    assert table.attrs["macs"] * 2 == counter.get_total_flops()


def test_torchvision_differs_where_it_says_so():
    # torchvision은 5x5 자리에 3x3을 쓰고, 편향 대신 배치 정규화를 쓴다: 합성곱의 모양이 그만큼만 다르다
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore", FutureWarning)
        theirs = torchvision.models.googlenet(aux_logits=False, init_weights=False)
        ours = googlenet()
    shapes = [
        [tuple(m.weight.shape) for m in model.modules() if isinstance(m, torch.nn.Conv2d)] for model in (ours, theirs)
    ]
    different = [(a, b) for a, b in zip(*shapes, strict=True) if a != b]
    assert len(different) == 9
    assert all(a[2:] == (5, 5) and b[2:] == (3, 3) and a[:2] == b[:2] for a, b in different)


def test_auxiliary_scores_come_by_name_and_only_while_training():
    torch.manual_seed(0)
    model = googlenet(num_classes=10, aux=True).train()
    scores = model(torch.randn(2, 3, 224, 224))
    assert [score.shape for score in scores] == [(2, 10)] * 3
    (scores.aux1.sum() + 0 * scores.logits.sum()).backward()
    assert model.aux1.output.weight.grad.abs().sum() > 0
    assert model.inception4b.one[0].weight.grad.abs().sum() == 0  # 4a 뒤는 첫 보조 분류기와 상관없다
    assert model.stem[0][0].weight.grad.abs().sum() > 0
    plain = googlenet(num_classes=10).eval()
    plain.load_state_dict({key: value for key, value in model.state_dict().items() if not key.startswith("aux")})
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(x), plain(x))


def test_the_naive_module_grows_and_costs_more():
    widths = INCEPTIONS["3a"]
    with torch.device("meta"):
        reduced, naive = (layer_table(kind(192, widths), (192, 28, 28)) for kind in (Inception, NaiveInception))
    assert naive.output.iloc[-1][0] == 64 + 128 + 32 + 192
    assert naive.attrs["macs"] == 28 * 28 * 192 * (64 + 9 * 128 + 25 * 32)
    assert naive.attrs["macs"] > 2.3 * reduced.attrs["macs"]


def test_branches_are_joined_in_the_order_of_the_table():
    torch.manual_seed(0)
    block, x = Inception(4, Widths(1, 2, 3, 2, 5, 7)), torch.randn(1, 4, 8, 8)
    out = block(x)
    assert out.shape == (1, 16, 8, 8)
    torch.testing.assert_close(out[:, 4:9], block.five(x))


def test_the_cifar_sibling_learns_with_every_weight():
    torch.manual_seed(0)
    model = googlenet_cifar()
    torch.nn.functional.cross_entropy(model(torch.randn(8, 3, 32, 32)), torch.arange(8)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.dim() > 1)
