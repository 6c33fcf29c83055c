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


# 표 1의 K는 1,024다: 그래야 conv2(112K)와 linear(1000K)가 남김없이 맞는다. 3a, 3b, 4b는 1K 안에서 맞는다
WRONG_PARAMETERS = {"4a": 367, "4c": 498, "4d": 591, "4e": 847, "5a": 1018, "5b": 1409}  # 표의 폭으로 계산한 값, K


def test_k_of_table_1_is_1024(rows):
    table, _ = rows
    weights = table.set_index("name").params
    assert weights["stem.3.0"] + weights["stem.4.0"] - 64 - 192 == 112 * 1024  # 편향을 뺀 값
    assert weights["fc"] - 1000 == 1000 * 1024


@pytest.mark.parametrize("name", TABLE_1)
def test_parameters_of_table_1(rows, name):
    _, stages = rows
    stage = stages.get_group(f"inception{name}")
    widths = INCEPTIONS[name]
    biases = widths.out_channels + widths.three_reduce + widths.five_reduce
    ours = (stage.params.sum() - biases) / 1024
    if name in WRONG_PARAMETERS:
        assert ours == pytest.approx(WRONG_PARAMETERS[name], abs=0.5)
        assert abs(ours - TABLE_1[name][1]) > 2
    else:
        assert ours == pytest.approx(TABLE_1[name][1], abs=1)


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
