import pytest
import torch
import torchvision
from torch import nn

from cnnlab.analysis import compare_models, fold_table, layer_table
from cnnlab.analysis.compare import FoldError


def saved_for_backward(model, size):
    """torch가 역전파를 위해 실제로 남기는 값(KiB, 그림 한 장). 매개변수와 채널마다의 통계는 뺀다."""
    parameters = {p.untyped_storage().data_ptr() for p in [*model.parameters(), *model.buffers()]}
    storages = {}

    def keep(tensor):
        if tensor.untyped_storage().data_ptr() not in parameters and tensor.ndim > 1:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = model.train()(torch.rand(2, *size))
    del out
    return sum(storage.nbytes() for storage in storages.values()) / 2 / 1024


@pytest.mark.parametrize(
    "name", ["resnet18", "squeezenet1_1", "densenet121", "vgg11_bn", "shufflenet_v2_x0_5", "mobilenet_v2"]
)
def test_training_memory_is_what_torch_saves_for_backward(name):
    model = torchvision.models.get_model(name, weights=None)
    table = layer_table(model, (3, 64, 64))
    assert table.attrs["training_kb"] == pytest.approx(saved_for_backward(model, (3, 64, 64)), rel=1e-3)


@pytest.mark.parametrize("inplace", [True, False], ids=["제자리", "새 값"])
@pytest.mark.parametrize(
    "activation", [nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Mish, nn.ReLU, nn.ReLU6, nn.LeakyReLU]
)
def test_an_activation_in_place_keeps_a_copy_where_torch_does(activation, inplace):
    """silu_의 역전파는 바꾸기 전의 값을 쓰므로 제자리에서 해도 사본이 남는다. relu_는 바꾼 뒤의 값만 쓴다."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), activation(inplace=inplace), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)
    )
    table = layer_table(model, (3, 16, 16))
    assert table.attrs["training_kb"] == pytest.approx(saved_for_backward(model, (3, 16, 16)), rel=1e-3)


def test_forward_memory_is_the_largest_set_alive_at_once():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act = nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True)

        def forward(self, x):
            return self.act(self.conv(self.conv(x)) + x)

    one = 4 * 8 * 8 * 4 / 1024
    assert (
        layer_table(nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True)), (4, 8, 8)).attrs["forward_kb"] == 2 * one
    )
    assert layer_table(Residual(), (4, 8, 8)).attrs["forward_kb"] == 3 * one


def on_meta(name):
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None).eval()


def test_resnet152_folds_to_ten_lines():
    table = layer_table(on_meta("resnet152"), (3, 224, 224))
    folded = fold_table(table)
    assert folded.name.tolist() == [
        *("conv1~maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool~flatten", "fc")
    ]  # fmt: skip
    assert len(folded) <= 10
    assert folded.output.tolist()[:2] == [(64, 56, 56), (256, 56, 56)]
    assert folded.output.tolist()[4:] == [(2048, 7, 7), (2048,), (1000,)]
    assert folded.rf.iloc[0] == 11
    assert folded.layers.sum() == len(table) == 515


@pytest.mark.parametrize("name", ["resnet152", "densenet121", "mobilenet_v2", "squeezenet1_1", "vgg16", "alexnet"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_folding_keeps_the_totals_and_the_chain_of_shapes(name, depth):
    table = layer_table(on_meta(name), (3, 224, 224))
    folded = fold_table(table, depth)
    for column in ("params", "macs", "activation_kb"):
        assert folded[column].sum() == table[column].sum() == table.attrs[column]
    assert folded.layers.sum() == len(table)
    assert folded.input.iloc[0] == (3, 224, 224)
    assert folded.output.iloc[-1] == (1000,)


def test_depth_two_lists_the_blocks():
    names = fold_table(layer_table(on_meta("resnet152"), (3, 224, 224)), 2).name.tolist()
    assert len(names) == 3 + 8 + 36 + 3 + 3
    assert names[:3] == ["conv1~maxpool", "layer1.0", "layer1.1"]
    names = fold_table(layer_table(on_meta("densenet121"), (3, 224, 224)), 2).name.tolist()
    assert names[:3] == ["features.conv0~features.pool0", "features.denseblock1", "features.transition1"]


def test_rows_outside_a_stage_fold_behind_their_convolution():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2, self.fc = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3), nn.Linear(8, 2)

        def forward(self, x):
            x = nn.functional.max_pool2d(self.conv1(x).relu(), 2)
            return self.fc(self.conv2(x).relu().mean((2, 3)))

    folded = fold_table(layer_table(Plain(), (1, 16, 16)))
    assert folded.name.tolist() == ["conv1~max_pool2d", "conv2~mean", "fc"]
    assert folded.layers.tolist() == [3, 3, 1]


@pytest.mark.parametrize("depth", [0, -1, 1.0, True, "1"])
def test_a_depth_that_makes_no_sense_is_refused(depth):
    table = layer_table(nn.Sequential(nn.Conv2d(3, 4, 3)), (3, 8, 8))
    with pytest.raises(FoldError, match="1 이상"):
        fold_table(table, depth)


def test_networks_side_by_side():
    with torch.device("meta"):
        models = [torchvision.models.resnet18(), torchvision.models.resnet50(), torchvision.models.resnet152()]
    table = compare_models(models, (3, 224, 224))
    assert table.model.tolist() == ["ResNet", "ResNet:2", "ResNet:3"]
    assert table.params.tolist() == [11_689_512, 25_557_032, 60_192_808]
    assert table.depth.tolist() == [18, 50, 152]
    assert table.rf.tolist() == [435, 427, 1451]


def test_models_can_be_given_names():
    small, large = nn.Sequential(nn.Conv2d(3, 4, 3)), nn.Sequential(nn.Conv2d(3, 8, 3))
    table = compare_models({"좁은 것": small, "넓은 것": large})
    assert list(table.model) == ["좁은 것", "넓은 것"]
    assert list(table.params) == [4 * 27 + 4, 8 * 27 + 8]
