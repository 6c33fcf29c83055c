"""반의 점수판을 화면에 띄워 두기: 누군가 학습을 끝낼 때마다 저절로 새로 그린다."""

from __future__ import annotations

import html
import threading
import warnings
from pathlib import Path
from typing import Any

from cnnlab.errors import LearnerError
from cnnlab.teaching.scoreboard import scoreboard

SHOWN = ["순위", "누구", "신경망", "시험 정확도", "분", "장치"]  # 교실의 큰 화면에서 읽히는 만큼만
ROWS = 30
# 위젯 속의 표에는 노트북의 표 모양이 미치지 않는다
STYLE = (
    "<style>.cnnlab-board table{border-collapse:collapse}"
    ".cnnlab-board th,.cnnlab-board td{padding:5px 16px 5px 0;text-align:left !important;font-size:16px}"
    ".cnnlab-board tr{border-bottom:1px solid #d0d4d9}</style>"
)


class LiveScoreboard:
    """화면에 떠 있는 점수판. `멈춤` 단추나 stop()으로 멈춘다. 커널이 꺼지면 함께 꺼진다."""

    def __init__(self, folder: str | Path | None, seconds: float) -> None:
        import ipywidgets as widgets

        self.folder, self.seconds = folder, seconds
        self.table = widgets.HTML()
        self.button = widgets.Button(description="멈춤", tooltip="점수판을 새로 그리지 않습니다")
        self.button.on_click(lambda _: self.stop())
        self._stopped = threading.Event()
        self.refresh()  # 폴더가 없으면 여기서 말한다
        self._thread = threading.Thread(target=self._keep, daemon=True, name="cnnlab-scoreboard")
        self._thread.start()

    def refresh(self) -> None:
        """지금의 점수판으로 바꾼다. 잠깐 읽지 못하는 것(쓰는 중인 줄, 끊긴 공유 폴더)은 다음 차례에 다시 읽는다."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.table.value = as_html(self.folder)

    def stop(self) -> None:
        self._stopped.set()
        self.button.disabled = True
        self.button.description = "멈췄습니다"

    def _keep(self) -> None:
        while not self._stopped.wait(self.seconds):
            try:
                self.refresh()
            except (LearnerError, OSError) as error:
                self.table.value = f"<p>점수판을 읽지 못해 다시 시도합니다. {html.escape(str(error))}</p>"

    def _ipython_display_(self, **_: Any) -> None:
        import ipywidgets as widgets
        from IPython.display import display

        display(widgets.VBox([self.table, self.button]))


def live_scoreboard(folder: str | Path | None = None, seconds: float = 5) -> LiveScoreboard:
    """seconds초마다 새로 그리는 점수판. 셀의 마지막 줄에 두면 보인다. folder와 오류는 scoreboard()와 같다."""
    return LiveScoreboard(folder, seconds)


def as_html(folder: str | Path | None) -> str:
    """데이터마다 표 하나. 위에서 ROWS줄까지."""
    runs = scoreboard(folder)
    if runs.empty:
        return "<p>아직 끝난 학습이 없습니다. 누군가 학습을 끝내면 여기에 나타납니다.</p>"
    parts = []
    for source, group in runs.groupby("데이터", sort=True):
        table = group[SHOWN].head(ROWS).copy()
        table["시험 정확도"] = [f"{value:.1%}" if value == value else "-" for value in table["시험 정확도"]]
        table["분"] = [f"{value:.1f}" if value == value else "-" for value in table["분"]]
        left = len(group) - len(table)
        note = f"<p>그 아래에 {left}번의 학습이 더 있습니다.</p>" if left else ""
        shown = table.to_html(index=False, na_rep="-", border=0)
        parts.append(f"<h4>{html.escape(str(source))}</h4>{shown}{note}")
    return f'<div class="cnnlab-board">{STYLE}{"".join(parts)}</div>'
