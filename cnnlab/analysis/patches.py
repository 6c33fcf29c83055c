"""특징 맵 하나를 가장 크게 울리는 그림들과, 그 그림에서 그 값이 본 조각."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from cnnlab.analysis.errors import LayerNameError
from cnnlab.analysis.fields.field import fields_of
from cnnlab.analysis.formulas import Pair
from cnnlab.analysis.probe import images_for, layer_output, need_channel
from cnnlab.analysis.receptive_field import find_layer, sight_of
from cnnlab.analysis.trace import trace


@dataclass(frozen=True)
class Patch:
    """image: 그림의 번호. value: 그 그림에서 가장 큰 값. place: 그 값이 있는 특징 맵의 (세로, 가로).

    first, last: 그 값이 본 (세로, 가로) 첫 화소와 마지막 화소(양 끝을 포함하고, 그림 밖은 잘랐다).
    pixels: 그 조각 (C, h, w), 받은 그림의 값 그대로. 그림의 가장자리에서는 수용 영역보다 작다.
    """

    image: int
    value: float
    place: Pair
    first: Pair
    last: Pair
    pixels: Tensor = field(repr=False, compare=False)


def top_patches(
    model: nn.Module, images: Tensor, layer: str, channel: int, count: int = 9, batch: int = 128
) -> list[Patch]:
    """layer의 한 채널이 가장 큰 그림 count장과 그 자리의 수용 영역. 큰 것부터, 그림 한 장에서 하나만 뽑는다.

    images: (N, C, H, W), 신경망이 받는 그대로(정규화한 것). layer: `layer_table`의 name인 모듈 계층.
    batch: 한 번에 흘리는 그림 수(메모리만 달라진다). 값이 같으면 번호가 앞선 그림이 먼저다.
    반환: Patch의 목록. 그림이 count보다 적으면 그만큼이다. 신경망은 eval 모드로 실행하고 바꾸지 않는다.
    오류: 그런 계층이나 채널이 없으면 LayerNameError, 그림이 틀리면 InputSizeError; 나머지는 `receptive_field`와 같다.
    출처: Zeiler, Fergus 2014, 그림 2(논문도 아홉 장을 보였다).
    """
    if count < 1:
        raise LayerNameError(f"뽑을 그림 수(count)는 1 이상이어야 합니다. 받은 값: {count}")
    images_for(model, images[:1])
    values, places = [], []
    width = 1
    for part in images.split(batch):
        out = layer_output(model, images_for(model, part), layer)
        need_channel(out, layer, channel)
        best = out[:, channel].flatten(1).max(dim=1)  # 그림마다 하나
        values.append(best.values.cpu())
        places.append(best.indices.cpu())
        width = out.shape[3]
    value, place = torch.cat(values), torch.cat(places)
    order = value.argsort(descending=True, stable=True)[:count].tolist()
    traced = trace(model, tuple(images.shape[1:]))
    rows, columns = sight_of(fields_of(traced), find_layer(traced, layer)).axes
    found = []
    for number in order:
        y, x = divmod(int(place[number]), width)
        top, bottom = rows.seen_by(y) or (0, -1)
        left, right = columns.seen_by(x) or (0, -1)
        pixels = images[number, :, top : bottom + 1, left : right + 1]
        found.append(Patch(number, float(value[number]), (y, x), (top, left), (bottom, right), pixels))
    return found
