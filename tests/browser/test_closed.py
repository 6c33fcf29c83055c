"""학습하는 도중에 브라우저를 닫는다: 노트북을 덮은 학생, 끊긴 무선 네트워크."""

import json
import os
import time
from pathlib import Path

from jupyter import OPEN_SECONDS, Lesson

MINUTES = 0.2


def test_closing_the_browser_in_mid_training_loses_nothing(browser, lab) -> None:
    log = Path(os.environ["CNNLAB_RUNS"]) / "runs.jsonl"
    lesson = Lesson.open(browser, lab, "01_lenet5.ipynb")
    lesson.run_all()
    place = next(i for i, cell in enumerate(lesson.cells()) if "history = cnnlab.fit(" in cell["source"])
    source = lesson.cells()[place]["source"].replace("minutes=MINUTES", f"minutes={MINUTES}, seed=20261124")
    lesson.start(place, source)
    lesson.page.locator(".jp-Cell-outputArea button:has-text('멈춤'):not([disabled])").wait_for(timeout=60_000)
    lesson.close()

    def finished() -> list[dict]:
        rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        return [row for row in rows if row["seed"] == 20261124]

    end = time.monotonic() + 60 * MINUTES + OPEN_SECONDS
    while not finished() and time.monotonic() < end:
        time.sleep(0.5)
    assert [row["stopped"] for row in finished()] == ["시간을 다 썼습니다"], "보는 사람이 없어도 끝까지 간다"

    again = Lesson.open(browser, lab, "01_lenet5.ipynb")
    outputs = again.run(place, "print(len(history.steps), history.stopped)")
    again.shut_down()
    steps, _, stopped = outputs[0]["text"].strip().partition(" ")
    assert int(steps) > 0
    assert stopped == "시간을 다 썼습니다", "커널이 살아 있어 history가 그대로 있다"
