"""수용 영역을 움직여 본다: 신경망, 계층, 출력의 자리를 고르면 사진 위의 사각형이 따라 움직인다."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn

from cnnlab.errors import LearnerError
from cnnlab.teaching.explorer import Explorer, dropdown, said_in_place, set_options, set_range, slider
from cnnlab.teaching.field_probe import FieldProbe
from cnnlab.teaching.field_view import FieldView
from cnnlab.teaching.pixels import PictureError, as_input, fit_picture

if TYPE_CHECKING:
    from cnnlab.training.image_data import ImageData

Size: TypeAlias = tuple[int, ...]
Models: TypeAlias = "nn.Module | str | Sequence[str] | Mapping[str, nn.Module | str]"
MEASURED, EFFECTIVE, NOTHING = "기울기로 잰 화소", "유효 수용 영역", "없음"
_SMALL = 64  # 입력이 이보다 크면 재는 데 1초쯤 걸린다: 조절기를 놓을 때에만 다시 재고, 유효 수용 영역의 사진도 줄인다
_PICTURES = {True: 8, False: 2}  # 작은 입력인가 -> 유효 수용 영역을 평균할 사진의 수


class ChoiceError(LearnerError, ValueError):
    """고를 신경망이 없거나 쓸 수 없는 것을 받았다."""


def explore_receptive_field(
    models: Models,
    data: ImageData | Tensor,
    layers: Sequence[str] | None = None,
    *,
    input_size: Size | Mapping[str, Size] = (3, 32, 32),
) -> Explorer:
    """계층과 출력의 자리를 고르면, 그 출력이 사진의 어디를 보는지 식과 기울기로 함께 보인다.

    models: 신경망 하나, `cnnlab.models.build`의 이름(여럿이면 목록), 또는 화면의 이름 -> 신경망이나 build의 이름.
      이름만 준 것은 가중치 없이 만든다(수용 영역은 구조가 정하므로 식과 측정에는 가중치가 필요 없다).
    data: 시험 사진을 쓸 ImageData, 또는 사진 한 장 uint8 (3, H, W). 크기가 다르면 입력에 맞추고 그렇게 적는다.
    layers: 고를 수 있는 계층(`layer_table`의 name). 생략하면 보는 곳이 바뀌는 계층 모두.
    input_size: 배치를 뺀 입력 형태 (C, H, W), 화소. 신경망마다 다르면 화면의 이름 -> 형태.
    유효 수용 영역은 지금의 가중치로, 한가운데 출력에서, 사진 여덟 장(64보다 큰 입력은 두 장)으로 잰다.
    커널이 없는 곳에는 첫 신경망의 가운데 계층을 내장 그림(shapes10) 위에 그린 것이 보인다.
    오류: 신경망이 아닌 것을 주면 ChoiceError. 분석할 수 없는 신경망이면 그 까닭이 그림 자리에 보인다.
    """
    from cnnlab.training.augment import channel_stats
    from cnnlab.training.image_data import ImageData
    from cnnlab.training.shapes10 import make_shapes10

    build = named_models(models)
    probes: dict[str, FieldProbe] = {}
    embedded = make_shapes10()
    pictures = data.test_images if isinstance(data, ImageData) else _one_picture(data)
    chosen = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))[:100]
    statistics: list[tuple[Tensor, Tensor]] = []

    def probe_of(name: str) -> FieldProbe:
        if name not in probes:
            size = input_size[name] if isinstance(input_size, Mapping) else input_size
            probes[name] = FieldProbe(build[name](), size)
        return probes[name]

    def is_small(probe: FieldProbe) -> bool:
        return max(probe.picture_size[1:]) <= _SMALL

    def heat_of(probe: FieldProbe, layer: str) -> Tensor:
        if not statistics:
            statistics.append(channel_stats(data.train_images if isinstance(data, ImageData) else pictures))
        shown = pictures[chosen[: _PICTURES[is_small(probe)]]]
        return probe.effective(layer, as_input(shown, probe.picture_size, *statistics[0]))

    def view(picture: Tensor, model: str, layer: str, unit: tuple[int, int], overlay: str) -> FieldView:
        probe = probe_of(model)
        notes = []
        if overlay == EFFECTIVE:
            unit = probe.centre(layer)
            notes.append("유효 수용 영역은 지금의 가중치로, 자리 조절기와 관계없이 한가운데 출력에서 잽니다.")
        fitted, said = fit_picture(picture, probe.picture_size)
        larger = min(fitted.shape[1:]) > 3 * picture.shape[-1]  # 그릴 때에는 늘이기 전의 화소로 충분하다
        return FieldView(
            title=layer if len(build) == 1 else f"{model} · {layer}",
            picture=picture if larger and len(picture) == len(fitted) else fitted,
            size=(fitted.shape[1], fitted.shape[2]),
            field=probe.at(layer, unit),
            overhang=probe.overhang(layer),
            mask=probe.measure(layer, unit) if overlay == MEASURED else None,
            heat=heat_of(probe, layer) if overlay == EFFECTIVE else None,
            notes=(*notes, *([said] if said else [])),
        )

    controls: dict[str, Any] = {
        "model": dropdown("신경망", build),
        "layer": dropdown("계층", []),
        "row": slider("출력의 행", 0, 0, 0),
        "column": slider("출력의 열", 0, 0, 0),
        "overlay": dropdown("겹쳐 볼 것", [MEASURED, EFFECTIVE, NOTHING]),
        "number": slider("사진 번호", 0, 0, max(len(chosen) - 1, 1)),
    }
    settled: list[tuple[str, str]] = []  # 자리의 범위를 맞춘 (신경망, 계층)

    def follow() -> None:
        probe = probe_of(controls["model"].value)
        fresh = controls["layer"].value is None
        names = [name for name in layers if name in _rows(probe)] if layers else probe.layers
        if not names:
            raise ChoiceError(f"이 신경망에는 고른 계층이 없습니다. 받은 이름: {', '.join(layers or ())}")
        set_options(controls["layer"], names)
        if fresh:
            controls["layer"].value = names[len(names) // 2]
        now = (controls["model"].value, controls["layer"].value)
        if settled != [now]:
            row, column = probe.centre(now[1])
            rows, columns = probe.size(now[1])
            set_range(controls["row"], rows - 1, row)
            set_range(controls["column"], columns - 1, column)
            for name in ("row", "column"):
                controls[name].continuous_update = is_small(probe)
            settled[:] = [now]

    only = next(iter(build))

    def render(layer: str, row: int, column: int, overlay: str, model: str = only, number: int = 0) -> str:
        return view(pictures[chosen[number]], model, layer, (row, column), overlay).html()

    def still() -> str:
        follow()
        unit = (controls["row"].value, controls["column"].value)
        return view(embedded.test_images[0], controls["model"].value, controls["layer"].value, unit, MEASURED).svg()

    shown = {
        name: control
        for name, control in controls.items()
        if not (name == "model" and len(build) == 1) and not (name == "number" and len(chosen) == 1)
    }
    return Explorer(shown, render, said_in_place(still), follow=follow)


def named_models(models: Models) -> dict[str, Callable[[], nn.Module]]:
    """화면의 이름 -> 신경망을 돌려주는 함수. 이름만 준 신경망은 고를 때 meta 장치에 만든다."""
    if isinstance(models, nn.Module):
        models = {type(models).__name__: models}
    elif isinstance(models, str):
        models = {models: models}
    elif isinstance(models, Sequence):
        models = {str(name): name for name in models}
    if not isinstance(models, Mapping) or not models:
        raise ChoiceError(
            "신경망(nn.Module), build의 이름, 또는 이름 -> 신경망의 사전을 주세요. "
            f"받은 것의 종류: {type(models).__name__}"
        )
    for name, model in models.items():
        if not isinstance(model, nn.Module | str):
            raise ChoiceError(f"{name}: 신경망이나 build의 이름을 주세요. 받은 것의 종류: {type(model).__name__}")
    return {str(name): _builder(model) for name, model in models.items()}


def _builder(model: nn.Module | str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        if isinstance(model, nn.Module):
            return model
        from cnnlab.models import build as build_by_name

        with torch.device("meta"):
            return build_by_name(model)

    return build


def _rows(probe: FieldProbe) -> set[str]:
    return {layer.name for layer in probe.traced.layers}


def _one_picture(picture: Tensor) -> Tensor:
    if not isinstance(picture, Tensor) or picture.ndim != 3:
        raise PictureError(
            "ImageData나 사진 한 장(uint8, (3, 높이, 너비))을 주세요. "
            f"받은 것: {tuple(picture.shape) if isinstance(picture, Tensor) else type(picture).__name__}"
        )
    return picture[None]
