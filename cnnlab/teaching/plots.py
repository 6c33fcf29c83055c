"""matplotlib 그림: 사진, 커널, 수용 영역, 혼동 행렬, 계층별 막대."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.errors import LearnerError
from cnnlab.runtime import use_korean_font

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    from cnnlab.analysis.receptive_field import MeasuredField
    from cnnlab.training.evaluation import Evaluation
    from cnnlab.training.image_data import ImageData

    Heat = np.ndarray[Any, Any]  # (H, W), 0 이상이고 가장 큰 값이 1

DPI = 110  # 강의실 화면에서 또렷하고, 저장된 그림은 200 KB를 넘지 않는다
BLUE, ORANGE, GREEN, GREY = "#2563eb", "#d97706", "#059669", "#6b7280"


class PlotError(LearnerError, ValueError):
    """그릴 수 없는 것을 받았다."""


class Picture:
    """matplotlib 그림 한 장과 그 설명. 셀의 마지막 줄에 두면 보인다."""

    def __init__(self, figure: Figure, caption: str) -> None:
        self.figure = figure
        self.caption = caption

    def __repr__(self) -> str:
        return f"그림: {self.caption}"

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", bbox_inches="tight")
        return buffer.getvalue()


def show_filters(layer: nn.Module, *, columns: int = 8, caption: str = "커널") -> Picture:
    """합성곱 계층의 커널. 입력 채널이 3이면 색으로, 아니면 첫 입력 채널을 회색으로 그린다.

    커널마다 가장 작은 값을 검정, 가장 큰 값을 흰색으로 맞춘다: 커널끼리 밝기를 비교할 수는 없다.
    """
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim != 4:
        raise PlotError(
            f"커널을 그리려면 합성곱 계층(nn.Conv2d)을 넣어 주세요. 예: model.c1. 받은 것: {type(layer).__name__}"
        )
    kernels = weight.detach().cpu().float()
    kernels = kernels if kernels.shape[1] == 3 else kernels[:, :1]
    low, high = kernels.amin((1, 2, 3), keepdim=True), kernels.amax((1, 2, 3), keepdim=True)
    kernels = (kernels - low) / (high - low).clamp_min(1e-12)
    figure, axes = _grid(len(kernels), columns, size=1.1)
    for n, (ax, kernel) in enumerate(zip(axes, kernels, strict=False)):
        ax.imshow(kernel.permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray", vmin=0, vmax=1)
        ax.set_title(f"{n}", fontsize=9)
    return Picture(figure, caption)


def show_edges(images: Tensor, kernels: Mapping[str, Tensor]) -> Picture:
    """사진과, 그 밝기에 커널을 댄 결과의 절댓값을 나란히.

    images: uint8 (N, 3, H, W). kernels: 이름 -> (K, K).
    """
    grey = images.float().mean(dim=1, keepdim=True)  # (N, 1, H, W)
    figure, axes = _grid(len(images) * (1 + len(kernels)), len(images), size=1.25)
    for n, image in enumerate(images):
        axes[n].imshow(image.permute(1, 2, 0).numpy())
    for row, (name, kernel) in enumerate(kernels.items(), start=1):
        edges = F.conv2d(grey, kernel[None, None].float()).abs()[:, 0]
        for n, edge in enumerate(edges):
            axes[row * len(images) + n].imshow(edge.numpy(), cmap="gray")
        axes[row * len(images)].set_title(name, fontsize=9, loc="left")
    axes[0].set_title("사진", fontsize=9, loc="left")
    return Picture(figure, f"사진과 경계: {', '.join(kernels)}")


def show_receptive_field(*measured: MeasuredField) -> Picture:
    """입력의 어느 화소가 출력 하나에 영향을 주는가: 칠한 곳이 측정, 테두리가 이론."""
    from matplotlib.patches import Rectangle

    figure, axes = _grid(len(measured), len(measured), size=2.1)
    for ax, field in zip(axes, measured, strict=True):
        height, width = field.mask.shape
        ax.set_axis_on()
        ax.imshow(field.mask, cmap=_two_colours("#dbeafe", "#f59e0b"), vmin=0, vmax=1)
        (top, left), (bottom, right) = field.theory_first, field.theory_last
        corner, size = (left - 0.5, top - 0.5), (right - left + 1, bottom - top + 1)
        ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor="#1f2937", linewidth=1.6))
        ax.set_xticks([0, width - 1])
        ax.set_yticks([0, height - 1])
        ax.tick_params(labelsize=8)
        ax.set_title(f"{field.layer}: 측정 {field.size}, 이론 {field.theory}", fontsize=9)
    return Picture(figure, "수용 영역: " + ", ".join(f"{field.layer} {field.size}" for field in measured))


def show_effective_field(heat: Heat, theory: MeasuredField | None = None, *, title: str = "") -> Picture:
    """`effective_receptive_field`의 열지도. theory를 주면 이론의 수용 영역을 네모로 두른다.

    어두운 곳까지 보이게 밝기를 제곱근으로 그린다(값은 그대로다).
    """
    return compare_effective_fields({title or (theory.layer if theory else "출력 하나"): heat}, theory)


def compare_effective_fields(heats: Mapping[str, Heat], theory: MeasuredField | None = None) -> Picture:
    """열지도 여럿을 나란히: {"학습 전": 열지도, "학습 후": 열지도}. 제목의 수는 영향의 절반이 모인 화소의 수다."""
    from matplotlib.colors import PowerNorm
    from matplotlib.patches import Rectangle

    shapes = {heat.shape for heat in heats.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise PlotError(
            "effective_receptive_field가 돌려준 (높이, 너비) 열지도를 주세요. 여럿이면 크기가 같아야 합니다. "
            f"받은 모양: {', '.join(map(str, sorted(shapes))) or '없음'}"
        )
    figure, axes = _grid(len(heats), len(heats), size=2.8)
    half = {name: pixels_holding(heat, 0.5) for name, heat in heats.items()}
    for ax, (name, heat) in zip(axes, heats.items(), strict=True):
        ax.set_axis_on()
        ax.imshow(heat, cmap="magma", norm=PowerNorm(0.5, vmin=0, vmax=1))
        if theory:
            (top, left), (bottom, right) = theory.theory_first, theory.theory_last
            corner, size = (left - 0.5, top - 0.5), (right - left + 1, bottom - top + 1)
            ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor="#22d3ee", linewidth=1.6))
        ax.set_xticks([0, heat.shape[1] - 1])
        ax.set_yticks([0, heat.shape[0] - 1])
        ax.tick_params(labelsize=8)
        ax.set_title(f"{name}: 영향의 절반이 화소 {half[name]:,}개에", fontsize=9)
    note = f", 네모는 이론의 수용 영역({theory.theory})" if theory else ""
    return Picture(figure, f"유효 수용 영역: {', '.join(heats)}{note}")


def pixels_holding(heat: Heat, share: float) -> int:
    """영향이 큰 화소부터 더하여, 합이 전체의 share(0..1)에 이르는 데 드는 화소의 수."""
    values = sorted(heat.flatten().tolist(), reverse=True)
    goal = share * math.fsum(values)
    return next((n for n, total in enumerate(accumulate(values), start=1) if total >= goal), 0) if goal > 0 else 0


def show_confusion(evaluation: Evaluation, data: ImageData) -> Picture:
    """혼동 행렬: 행이 정답, 열이 예측, 칸은 그 정답 가운데의 비율(%)."""
    counts = evaluation.confusion.double()
    percent = 100 * counts / counts.sum(dim=1, keepdim=True).clamp_min(1)
    figure = _figure(5.6, 4.4)
    ax = figure.subplots()
    ax.imshow(percent.numpy(), cmap="Blues", vmin=0, vmax=100)
    for i, row in enumerate(percent.tolist()):
        for j, value in enumerate(row):
            if value >= 0.5:
                ax.text(
                    j, i, f"{value:.0f}", ha="center", va="center", fontsize=7, color="white" if value > 55 else "black"
                )
    ax.set_xticks(range(len(data.classes)), data.classes, rotation=40, ha="left", fontsize=8)
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(data.classes)), data.classes, fontsize=8)
    ax.set_xlabel("예측(위)과 정답(왼쪽). 0.5% 미만인 칸은 비웠습니다.", fontsize=8)
    ax.set_title(f"혼동 행렬(%) · {data.name} · 정확도 {evaluation.accuracy:.1%}", fontsize=10)
    return Picture(figure, f"혼동 행렬, {data.name}")


def show_layer_bars(table: pd.DataFrame, *, title: str = "") -> Picture:
    """layer_table의 매개변수, MAC, 출력 메모리를 계층마다 막대로: 무엇이 어디에 사는가."""
    parts = (("params", "매개변수", BLUE), ("macs", "MAC", ORANGE), ("activation_kb", "출력 메모리(KB)", GREEN))
    rows = table[(table["params"] > 0) | (table["macs"] > 0) | (table["kernel"] != "")]
    figure = _figure(9.6, 0.36 * len(rows) + 1.1)
    for ax, (column, name, colour) in zip(figure.subplots(1, 3, sharey=True), parts, strict=True):
        values = rows[column].astype(float).tolist()
        ax.barh(range(len(rows)), values, color=colour)
        total = float(table[column].sum()) or 1.0
        for y, value in enumerate(values):
            ax.text(value, y, f" {value / total:.0%}", va="center", fontsize=8, color=GREY)
        ax.set_yticks(range(len(rows)), rows["name"], fontsize=9)
        ax.set_xlim(0, max(values) * 1.22 or 1)
        ax.set_title(name, fontsize=10)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.locator_params(axis="x", nbins=3)
        ax.spines[["top", "right"]].set_visible(False)
    ax.invert_yaxis()
    note = "%는 신경망 전체에 대한 비율입니다. 활성화 함수와 펼치기는 그리지 않았습니다."
    figure.supxlabel(note, fontsize=8, color=GREY)
    if title:
        figure.suptitle(title, fontsize=11)
    return Picture(figure, title or "계층별 매개변수, MAC, 메모리")


def _two_colours(low: str, high: str) -> ListedColormap:
    from matplotlib.colors import ListedColormap

    return ListedColormap([low, high])


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    use_korean_font()
    return Figure(figsize=(width, height), layout="constrained")


def _grid(count: int, columns: int, size: float) -> tuple[Figure, list[Axes]]:
    """축 없는 작은 그림 count개의 모눈."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = _figure(size * columns, (size + 0.18) * rows)
    axes = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for ax in axes:
        ax.axis("off")
    return figure, axes
