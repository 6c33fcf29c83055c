"""채널 하나와 가림의 조절기: 보이는 조각이 정말 그 채널을 가장 크게 울린 조각이고, 확률이 신경망이 낸 것인가."""

import base64
import io
import re

import pytest
import torch
from PIL import Image
from torch import nn

from cnnlab.analysis.patches import Patch, top_patches
from cnnlab.models import build
from cnnlab.teaching.unit_explorer import explore_occlusion, explore_units
from cnnlab.teaching.unit_view import GREY, cut_patches, signal_pictures
from cnnlab.training.augment import channel_stats, normalise
from cnnlab.training.shapes10 import make_shapes10


@pytest.fixture(scope="module")
def data():
    return make_shapes10()


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build("zfnet_cifar").eval()


def pictures_of(html: str) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(code))) for code in re.findall(r"base64,([\w+/=]+)", html)]


def pixels_of(picture: Image.Image) -> torch.Tensor:
    flat = torch.frombuffer(bytearray(picture.convert("RGB").tobytes()), dtype=torch.uint8)
    return flat.view(picture.height, picture.width, 3).permute(2, 0, 1)


# 조각


def test_a_patch_inside_the_picture_is_its_pixels():
    images = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).view(2, 3, 8, 8)
    patch = Patch(1, 1.0, (0, 0), (2, 3), (4, 5), torch.zeros(3, 3, 3))
    assert torch.equal(cut_patches(images, [patch], 3)[0], images[1, :, 2:5, 3:6])


def test_a_patch_cut_by_the_edge_keeps_its_place_and_the_rest_is_grey():
    images = torch.full((1, 3, 8, 8), 7, dtype=torch.uint8)
    corner = Patch(0, 1.0, (0, 0), (0, 0), (1, 2), torch.zeros(3, 2, 3))  # 위가 셋, 왼쪽이 둘 잘렸다
    far = Patch(0, 1.0, (0, 0), (6, 5), (7, 7), torch.zeros(3, 2, 3))
    first, last = cut_patches(images, [corner, far], 5)
    assert (first[:, 3:, 2:] == 7).all()
    assert (first[:, :3] == GREY).all()
    assert (first[:, :, :2] == GREY).all()
    assert (last[:, :2, :3] == 7).all()
    assert (last[:, 2:] == GREY).all()
    assert (last[:, :, 3:] == GREY).all()


def test_a_field_larger_than_the_picture_shows_the_whole_picture():
    images = torch.randint(0, 255, (1, 3, 8, 8), dtype=torch.uint8)
    whole = Patch(0, 1.0, (0, 0), (0, 0), (7, 7), torch.zeros(3, 8, 8))
    assert torch.equal(cut_patches(images, [whole], 39)[0], images[0])


def test_signals_are_grey_at_zero_and_each_fills_its_own_range():
    signals = torch.zeros(3, 3, 4, 4)
    signals[0, 0, 0, 0], signals[1, 1, 2, 2] = 0.001, -50.0
    shown = signal_pictures(signals)
    assert shown[0, 0, 0, 0] == 255
    assert shown[1, 1, 2, 2] == 1
    assert (shown[2] == GREY).all()
    assert (shown[0, 1:] == GREY).all()


# 채널을 고르는 조절기


def test_the_board_holds_the_nine_patches_that_ring_loudest(model, data):
    explorer = explore_units(model, data, ["relu1", "relu2"], pictures=len(data.test_images))
    explorer.controls["layer"].value, explorer.controls["channel"].value = "relu1", 3
    board = pixels_of(pictures_of(explorer.view.value)[0])
    mean, std = channel_stats(data.train_images)
    order = torch.randperm(len(data.test_images), generator=torch.Generator().manual_seed(0))
    images = data.test_images[order]
    best = top_patches(model, normalise(images, mean, std), "relu1", 3, 9)
    patches = cut_patches(images, best, 5)
    assert board.shape == (3, 17, 17)  # 5×5 아홉과 그 사이의 선
    for number, patch in enumerate(patches):
        top, left = 6 * (number // 3), 6 * (number % 3)
        assert torch.equal(board[:, top : top + 5, left : left + 5], patch), number
    assert f"값 {best[0].value:.2f}–{best[-1].value:.2f}" in explorer.view.value
    assert ", ".join(data.classes[int(data.test_labels[order][patch.image])] for patch in best) in explorer.view.value


def test_the_channel_slider_follows_the_layer(model, data):
    explorer = explore_units(model, data, ["relu1", "relu2", "relu5"], pictures=50)
    for layer, channels in (("relu1", 24), ("relu2", 64), ("relu5", 64), ("relu1", 24)):
        explorer.controls["layer"].value = layer
        assert explorer.controls["channel"].max == channels - 1
        explorer.controls["channel"].value = channels - 1
        assert f"{layer}, 채널 {channels - 1}" in explorer.view.value
    explorer.controls["layer"].value = "relu5"
    assert "사진 전체" in explorer.view.value


def test_a_channel_that_never_rings_is_said_so(data):
    torch.manual_seed(0)
    model = build("zfnet_cifar").eval()
    with torch.no_grad():
        model.conv1.weight[5] = 0
        model.conv1.bias[5] = -1
    explorer = explore_units(model, data, ["relu1"], pictures=50)
    explorer.controls["channel"].value = 5
    assert "어느 사진에서도 울리지 않았습니다" in explorer.view.value
    explorer.controls["channel"].value = 4
    assert "울리지 않았습니다" not in explorer.view.value


def test_without_a_kernel_only_the_embedded_pictures_are_shown(model, data):
    explorer = explore_units(model, data, ["relu1", "relu2"], pictures=50)
    still = explorer._repr_mimebundle_()["text/html"]
    assert len(pictures_of(still)) == 4  # 두 계층, 조각과 되돌린 것


def test_a_network_with_batch_norm_is_refused_in_korean(data):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 30 * 30, 10))
    explorer = explore_units(model, data, ["2"], pictures=20)
    assert re.search("[가-힣]", explorer.view.value)
    assert "Traceback" not in explorer.view.value
    assert "BatchNorm2d" in explorer.view.value


# 가리는 조절기


class Corner(nn.Module):
    """왼쪽 위 8×8의 밝기만 보는 신경망."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3 * 32 * 32, 10)
        with torch.no_grad():
            self.fc.weight.zero_(), self.fc.bias.zero_()
            self.fc.weight[:, :].view(10, 3, 32, 32)[4, :, :8, :8] = 1.0

    def forward(self, x):
        return self.fc(x.flatten(1))


def test_the_map_reddens_only_where_the_network_looks(data):
    torch.manual_seed(0)
    model = Corner().eval()
    explorer = explore_occlusion(model, data)
    mean, std = channel_stats(data.train_images)
    order = torch.randperm(len(data.test_images), generator=torch.Generator().manual_seed(0))[:100]
    bright = normalise(data.test_images[order], mean, std)[:, :, :8, :8].sum(dim=(1, 2, 3))
    number = int(((data.test_labels[order] == 4) * bright.clamp_min(0)).argmax())
    assert data.test_labels[order[number]] == 4
    assert bright[number] > 0
    explorer.controls["number"].value, explorer.controls["size"].value = number, 8
    tinted = pixels_of(pictures_of(explorer.view.value)[1]).int()
    red = tinted[0] - tinted[1]
    assert red[:8, :8].max() > 50
    assert red[20:, 20:].abs().max() <= 1  # 회색조
    with torch.no_grad():
        probability = float(model(normalise(data.test_images[order[number]][None], mean, std)).softmax(1)[0, 4])
    assert f"가리기 전 {probability:.0%}" in explorer.view.value


def test_every_position_of_the_occlusion_controls_answers(model, data):
    explorer = explore_occlusion(model, data, pictures=3)
    seen = set()
    for number in range(3):
        for size in (4, 8, 12, 16):
            explorer.controls["number"].value, explorer.controls["size"].value = number, size
            seen.add(explorer.view.value)
            assert len(pictures_of(explorer.view.value)) == 3
    assert len(seen) == 12


def test_an_unknown_layer_is_answered_in_its_place_with_the_names_that_exist(model, data):
    explorer = explore_units(model, data, ["relu9"], pictures=20)
    assert "그런 이름의 모듈 계층이 없습니다" in explorer.view.value
    assert "relu5" in explorer.view.value
