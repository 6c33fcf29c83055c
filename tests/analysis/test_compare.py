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


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "densenet121", "vgg11_bn", "shufflenet_v2_x0_5"])
def test_training_memory_is_what_torch_saves_for_backward(name):
    model = torchvision.models.get_model(name, weights=None)
    table = layer_table(model, (3, 64, 64))
    assert table.attrs["training_kb"] == pytest.approx(saved_for_backward(model, (3, 64, 64)), rel=1e-3)


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


def test_resnet152_folds_into_ten_rows_with_the_same_totals():
    with torch.device("meta"):
        table = layer_table(torchvision.models.resnet152(), (3, 224, 224))
    folded = fold_table(table)
    assert folded.name.tolist() == [
        *("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "flatten", "fc")
    ]
    assert folded.output.iloc[6] == (1024, 14, 14)
    for column in ("params", "macs", "activation_kb"):
        assert folded[column].sum() == pytest.approx(table[column].sum())
    assert folded.layers.sum() == len(table)
    assert fold_table(table, 2).name.tolist().count("layer3.35") == 1
    with pytest.raises(FoldError, match="1 이상"):
        fold_table(table, 0)


def test_networks_side_by_side():
    with torch.device("meta"):
        models = [torchvision.models.resnet18(), torchvision.models.resnet50(), torchvision.models.resnet152()]
    table = compare_models(models, (3, 224, 224))
    assert table.model.tolist() == ["ResNet", "ResNet:2", "ResNet:3"]
    assert table.params.tolist() == [11_689_512, 25_557_032, 60_192_808]
    assert table.depth.tolist() == [18, 50, 152]
    assert table.rf.tolist() == [435, 427, 1451]
