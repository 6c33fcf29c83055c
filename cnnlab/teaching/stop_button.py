"""셀이 도는 동안에도 눌리는 단추. 보통 위젯의 콜백은 셀이 끝나야 불린다."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def pressed_while_busy(button: Any) -> Iterator[Callable[[], bool] | None]:
    """눌렸는지 묻는 함수를 준다. 이 커널에서 셀이 도는 동안 단추를 들을 길이 없으면 None을 준다.

    button: ipywidgets.Button. ipykernel의 판에 따라 길이 다르다.
    7.4부터: 단추의 소식이 커널에 닿으면 다른 스레드가 그 comm에 어디로 보낼지 묻는다. 그때 알아챈다.
    7.0~7.3: JupyterLab 4.4부터는 위젯의 소식을 subshell(다른 스레드)로 보내므로 기다리기만 하면 된다.
    그 전: jupyter_ui_poll로 밀린 소식을 처리한다(그 패키지가 부르는 do_one_iteration은 7.1부터 없다).
    """
    presses: list[object] = []
    button.on_click(presses.append)
    kernel = _kernel()
    if hasattr(button.comm, "_reply_subshell_for"):
        _overhear(button.comm, presses)
        yield lambda: bool(presses)
    elif hasattr(kernel, "do_one_iteration"):
        events = _ui_events()
        if events is None:
            yield None
            return
        with events as poll:
            yield lambda: bool(poll(1) or presses)
    elif getattr(kernel, "_supports_kernel_subshells", False):
        yield lambda: bool(presses)
    else:
        yield None


def _overhear(comm: Any, presses: list[object]) -> None:
    """comm의 길 찾기에 끼어들어 단추 소식을 presses에 적는다. 길은 바꾸지 않는다."""
    route = comm._reply_subshell_for

    def notice(data: Any, default: Any) -> Any:
        if isinstance(data, dict) and data.get("method") == "custom":
            presses.append(data)
        return route(data, default)

    comm._reply_subshell_for = notice


def _kernel() -> Any:
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None)


def _ui_events() -> Any:
    try:
        from jupyter_ui_poll import ui_events

        return ui_events()
    except Exception:  # 설치되지 않았거나(Colab) 이 커널과 맞지 않는다: 단추 없이 학습한다
        return None
