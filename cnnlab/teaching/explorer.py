"""조절기와 그 결과를 잇는 틀: 값이 바뀌면 HTML 하나를 다시 그린다."""

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from cnnlab.errors import LearnerError

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
LABEL = "96px"  # 이름 칸의 너비: 여섯 글자까지 잘리지 않는다
Control = Any  # ipywidgets의 조절기. 없는 곳에서도 이 파일을 불러올 수 있도록 이름으로 적지 않는다


class WidgetsMissingError(LearnerError, ImportError):
    """조절기를 그릴 ipywidgets가 없다."""


class Explorer:
    """조절기들과, 그 값으로 그린 HTML 하나.

    JupyterLab과 Colab에서는 조절기가 움직이고, 커널이 없는 곳(코드 저장소의 미리보기)에서는 처음 값의 그림이 보인다.
    controls: 이름 -> 조절기. render(이름=값, ...): HTML을 돌려주는 함수.
    still: 커널이 없는 곳에서 보일 SVG나 HTML. 주지 않으면 처음 값으로 그린 것이다.
    follow: 그리기 전에 다른 조절기를 새 값에 맞추는 함수(계층을 바꾸면 자리의 범위가 바뀌는 따위).
    place: 조절기의 자리, "왼쪽"이나 "위"(넓은 표와 그림에).
    그리다가 난 오류는 그림 자리에 한국어로 보이고, 조절기는 계속 움직인다.
    """

    def __init__(
        self,
        controls: Mapping[str, Control],
        render: Callable[..., str],
        still: str | None = None,
        *,
        follow: Callable[[], None] | None = None,
        place: str = "왼쪽",
    ) -> None:
        widgets = load_widgets()
        self.controls = dict(controls)
        self._render = render
        self._follow = follow
        self._moving = False
        first = self._moved()
        self.still = first if still is None else still
        self.view = widgets.HTML(_fitted(first))
        for control in self.controls.values():
            control.observe(self._update, names="value")
        knobs = [_steppable(control) for control in self.controls.values()]
        if place == "위":
            self.view.layout = widgets.Layout(width="100%", min_width="0")
            row = widgets.HBox(knobs, layout=widgets.Layout(flex_flow="row wrap"))
            self.box = widgets.VBox([row, self.view])
        else:
            self.view.layout = widgets.Layout(flex="1 1 420px", min_width="0")
            column = widgets.VBox(knobs, layout=widgets.Layout(flex="0 0 320px"))
            self.box = widgets.HBox(
                [column, self.view],
                layout=widgets.Layout(flex_flow="row wrap", align_items="flex-start"),
            )

    def html(self) -> str:
        """지금 값으로 그린 HTML. 쓸 수 없는 값이면 까닭을 적은 HTML."""
        return said_in_place(lambda: self._render(**{name: c.value for name, c in self.controls.items()}))

    def _moved(self) -> str:
        """다른 조절기를 맞춘 다음 그린다."""

        def draw() -> str:
            if self._follow:
                self._follow()
            return self.html()

        return said_in_place(draw)

    def _update(self, _change: object) -> None:
        if self._moving:  # follow가 조절기를 옮기는 동안에는 그리지 않는다
            return
        self._moving = True
        try:
            self.view.value = _fitted(self._moved())
        finally:
            self._moving = False

    def _repr_mimebundle_(self, **_formats: object) -> dict[str, Any]:
        names = ", ".join(control.description for control in self.controls.values())
        return bundle(self.box, self.still, names)


class Views:
    """단추로 고르는 여러 보기. 보기는 처음 고를 때 만들고, 만들다가 난 오류는 그 자리에 보인다.

    views: 이름 -> HTML이나 Explorer를 돌려주는 함수. still: 커널이 없는 곳에서 보일 SVG나 HTML.
    """

    def __init__(self, views: Mapping[str, "Callable[[], str | Explorer]"], still: str) -> None:
        widgets = load_widgets()
        self.still = still
        self._views = dict(views)
        self._made: dict[str, Explorer | str] = {}
        choice = widgets.ToggleButtons(options=list(views))
        self.controls = {"view": choice}
        self._pane = widgets.VBox([])
        self.box = widgets.VBox([choice, self._pane])
        choice.observe(self._update, names="value")
        self._update(None)

    @property
    def shown(self) -> "Explorer | str":
        """지금 보이는 것: Explorer나 HTML."""
        return self._made[self.controls["view"].value]

    def html(self) -> str:
        """지금 보이는 HTML."""
        return self.shown if isinstance(self.shown, str) else self.shown.view.value

    def _update(self, _change: object) -> None:
        name = self.controls["view"].value
        if name not in self._made:
            made: list[Explorer | str] = []

            def make() -> str:
                made.append(self._views[name]())
                return ""

            failure = said_in_place(make)
            self._made[name] = made[0] if made else failure
        shown = self._made[name]
        self._pane.children = [load_widgets().HTML(_fitted(shown)) if isinstance(shown, str) else shown.box]

    def _repr_mimebundle_(self, **_formats: object) -> dict[str, Any]:
        return bundle(self.box, self.still, ", ".join(self._views))


def bundle(box: Control, still: str, names: str) -> dict[str, Any]:
    """셀의 출력: 조절기, 커널이 없는 곳의 그림, 글만 보이는 곳의 한 줄."""
    return {
        WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": box.model_id},
        # 코드 저장소의 미리보기는 HTML 속의 SVG를 지우므로, SVG는 SVG라고 말한다
        "image/svg+xml" if still.startswith("<svg") else "text/html": still,
        "text/plain": f"(실행하면 조절기가 나타납니다: {names})",
    }


def said_in_place(draw: Callable[[], str]) -> str:
    """draw()의 HTML. 오류가 나면 그 문장: 조절기의 콜백에서 난 오류는 화면 어디에도 나타나지 않기 때문이다."""
    try:
        return draw()
    except LearnerError as error:
        return problem_html(str(error))
    except Exception as error:
        return problem_html(
            "예상하지 못한 오류가 나서 여기를 그리지 못했습니다. 다른 값으로 옮기면 계속할 수 있습니다. "
            f"원래 메시지: {type(error).__name__}: {error}"
        )


def _fitted(html: str) -> str:
    """넓은 표나 그림이 보기를 페이지 밖까지 넓히지 못하게 한다: 넘치면 그 안에서 줄거나 움직인다."""
    return f'<div style="width:0;min-width:100%">{html}</div>'


def problem_html(text: str) -> str:
    """그림 대신 놓는, 할 수 없는 까닭."""
    return f'<div style="border-left:4px solid #dc2626;padding:.4em .8em;max-width:760px"><b>✕</b> {escape(text)}</div>'


def slider(description: str, value: int, low: int, high: int) -> Control:
    """정수 조절기. 설명이 잘리지 않게 이름 칸을 넓게 잡는다."""
    widgets = load_widgets()
    return widgets.IntSlider(
        value=value,
        min=low,
        max=max(high, low + 1),  # 처음과 끝이 같은 조절기는 브라우저가 그리지 못한다
        description=description,
        style={"description_width": LABEL},
        layout=widgets.Layout(width="310px"),
    )


def dropdown(description: str, options: Iterable[Any], value: Any = None) -> Control:
    """목록에서 하나를 고른다. options: 값, 또는 (글, 값). value를 주지 않으면 첫째."""
    widgets = load_widgets()
    chosen = list(options)
    control = widgets.Dropdown(
        options=chosen,
        description=description,
        style={"description_width": LABEL},
        layout=widgets.Layout(width="310px"),
    )
    if value is not None:
        control.value = value
    return control


def step(control: Control, by: int) -> None:
    """목록에서 by칸 떨어진 것을 고른다. 끝을 지나면 처음으로 돈다."""
    if control.options:
        control.index = ((control.index or 0) + by) % len(control.options)


def steps(description: str, values: Iterable[Any], value: Any) -> Control:
    """정해진 값 사이를 움직이는 조절기."""
    widgets = load_widgets()
    return widgets.SelectionSlider(
        options=[(str(item), item) for item in values],
        value=value,
        description=description,
        style={"description_width": LABEL},
        layout=widgets.Layout(width="310px"),
    )


def checkbox(description: str, value: bool) -> Control:
    return load_widgets().Checkbox(
        value=value, description=description, indent=False, layout=load_widgets().Layout(width="310px")
    )


def set_range(control: Control, high: int, value: int | None = None) -> None:
    """정수 조절기의 끝을 high로 바꾼다(0부터). 값은 그 안으로 들어오거나 value가 된다. 고를 것이 없으면 숨긴다."""
    control.layout.display = None if high > 0 else "none"
    control.value = min(control.value if value is None else value, max(high, 0), control.max)
    control.max = max(high, 1)  # 처음과 끝이 같은 조절기는 브라우저가 그리지 못한다
    if value is not None:
        control.value = min(value, max(high, 0))


def set_options(control: Control, options: Iterable[Any]) -> None:
    """목록을 바꾼다. 지금 고른 것이 새 목록에도 있으면 그대로 둔다."""
    new = list(options)
    if list(control.options) == new:
        return
    kept = control.value
    control.options = new
    values = [item[1] if isinstance(item, tuple) else item for item in new]
    if kept in values:
        control.value = kept


def _steppable(control: Control) -> Control:
    """목록에는 앞뒤로 옮기는 단추 둘을 붙인다. JupyterLab은 목록에서 누른 방향키를 가로채 다음 셀로 가 버리지만,
    단추는 Tab으로 가서 스페이스로 누를 수 있다.
    """
    widgets = load_widgets()
    if not isinstance(control, widgets.Dropdown):
        return control
    row = [control]
    for sign, name, by in (("‹", "앞의 것", -1), ("›", "다음 것", 1)):
        button = widgets.Button(description=sign, tooltip=name, layout=widgets.Layout(width="26px", padding="0"))
        button.on_click(lambda _button, by=by: step(control, by))
        row.append(button)
    control.layout.width = "246px"  # 단추 둘을 붙여도 다른 조절기와 너비가 같다
    return widgets.HBox(row, layout=widgets.Layout(width="318px"))


def load_widgets() -> Any:
    try:
        import ipywidgets
    except ImportError as error:
        raise WidgetsMissingError(
            "조절기를 쓰려면 ipywidgets가 필요합니다. `pip install ipywidgets`를 실행하고 커널을 다시 시작하세요. "
            "조절기가 없어도 Convolution(size=8, kernel=3)처럼 값을 적은 셀은 같은 그림을 보여 줍니다."
        ) from error
    return ipywidgets
