"""조절기와 그 결과를 잇는 틀: 값이 바뀌면 HTML 하나를 다시 그린다."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from cnnlab.errors import LearnerError

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
Control = Any  # ipywidgets의 조절기. 없는 곳에서도 이 파일을 불러올 수 있도록 이름으로 적지 않는다


class WidgetsMissingError(LearnerError, ImportError):
    """조절기를 그릴 ipywidgets가 없다."""


class Explorer:
    """조절기들과, 그 값으로 그린 HTML 하나.

    JupyterLab과 Colab에서는 조절기가 움직이고, 커널이 없는 곳(코드 저장소의 미리보기)에서는 처음 값의 그림이 보인다.
    controls: 이름 -> 조절기. render(이름=값, ...): HTML을 돌려주는 함수.
    still: 커널이 없는 곳에서 보일 SVG나 HTML. 주지 않으면 처음 값으로 그린 것이다.
    """

    def __init__(self, controls: Mapping[str, Control], render: Callable[..., str], still: str | None = None) -> None:
        widgets = load_widgets()
        self.controls = dict(controls)
        self._render = render
        first = self.html()
        self.still = first if still is None else still
        self.view = widgets.HTML(first, layout=widgets.Layout(flex="1 1 420px", min_width="0"))
        for control in self.controls.values():
            control.observe(self._update, names="value")
        knobs = widgets.VBox(list(self.controls.values()), layout=widgets.Layout(flex="0 0 320px"))
        self.box = widgets.HBox(
            [knobs, self.view],
            layout=widgets.Layout(flex_flow="row wrap", align_items="flex-start"),
        )

    def html(self) -> str:
        """지금 값으로 그린 HTML. 쓸 수 없는 값이면 까닭을 적은 HTML."""
        try:
            return self._render(**{name: control.value for name, control in self.controls.items()})
        except LearnerError as error:
            return f"<b>✕</b> {escape(str(error))}"

    def _update(self, _change: object) -> None:
        self.view.value = self.html()

    def _repr_mimebundle_(self, **_formats: object) -> dict[str, Any]:
        names = ", ".join(control.description for control in self.controls.values())
        return {
            WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id},
            # 코드 저장소의 미리보기는 HTML 속의 SVG를 지우므로, SVG는 SVG라고 말한다
            "image/svg+xml" if self.still.startswith("<svg") else "text/html": self.still,
            "text/plain": f"(실행하면 조절기가 나타납니다: {names})",
        }


def slider(description: str, value: int, low: int, high: int) -> Control:
    """정수 조절기. 설명이 잘리지 않게 이름 칸을 넓게 잡는다."""
    widgets = load_widgets()
    return widgets.IntSlider(
        value=value,
        min=low,
        max=high,
        description=description,
        style={"description_width": "88px"},
        layout=widgets.Layout(width="310px"),
    )


def load_widgets() -> Any:
    try:
        import ipywidgets
    except ImportError as error:
        raise WidgetsMissingError(
            "조절기를 쓰려면 ipywidgets가 필요합니다. `pip install ipywidgets`를 실행하고 커널을 다시 시작하세요. "
            "조절기가 없어도 Convolution(size=8, kernel=3)처럼 값을 적은 셀은 같은 그림을 보여 줍니다."
        ) from error
    return ipywidgets
