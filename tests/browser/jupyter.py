"""진짜 JupyterLab을 진짜 브라우저로 다룬다: 서버를 띄우고, 노트북을 열고, 셀을 실행하고, 조절기를 키로 움직인다."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Playwright

ROOT = Path(__file__).resolve().parents[2]
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDE, NARROW = 1280, 800
HEIGHT = 900
OPEN_SECONDS, RUN_SECONDS, MOVE_SECONDS = 60, 300, 20

# 브라우저가 스스로 하는 통신(갱신, 동기화)은 끈다: 네트워크가 없는 곳에서 오류만 쌓인다
QUIET = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
# 조절기 하나하나: 슬라이더의 손잡이, 목록에 붙은 단추, 고르지 않은 단추, 켜고 끄는 칸.
# 목록(select) 자체는 JupyterLab이 방향키를 가로채므로 단추로 옮긴다
CONTROLS = (
    ".noUi-handle:visible, .widget-dropdown ~ button:visible, "
    ".widget-toggle-buttons button:not(.mod-active):visible, input[type=checkbox]:visible"
)
# 확장이 없는 설치에서도 JupyterLab 스스로 남기는 줄. 노트북의 것이 아니다
NOT_OURS = re.compile(r"jupyterlab|lumino|favicon|/lsp/|/api/|workspaces|WebSocket|ResizeObserver", re.I)


def find_chromium() -> str | None:
    """설치된 Chromium이나 Chrome의 경로. CNNLAB_CHROMIUM으로 정할 수 있다."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
    found = (shutil.which(name) for name in names)
    return os.environ.get("CNNLAB_CHROMIUM") or next(filter(None, found), None)


def launch(playwright: Playwright) -> Browser:
    """chromium을 띄운다. 설치된 것이 없으면 playwright가 받아 둔 것을 쓴다. 그것도 없으면 Error."""
    sandbox = [] if getattr(os, "geteuid", lambda: 1)() else ["--no-sandbox"]  # root에서는 모래 상자를 쓸 수 없다
    return playwright.chromium.launch(executable_path=find_chromium(), args=[*QUIET, *sandbox])


@contextmanager
def server(home: Path, **environment: str) -> Iterator[str]:
    """home의 노트북을 여는 JupyterLab의 주소. 설정은 home 옆의 빈 폴더에 두어 이 컴퓨터의 것과 섞이지 않는다."""
    port = _free_port()
    settings = home.parent / "jupyter"
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_RUNTIME_DIR")
    isolated = {name: str(settings / name.lower()) for name in folders}
    for folder in isolated.values():
        Path(folder).mkdir(parents=True, exist_ok=True)
    _quiet_settings(Path(isolated["JUPYTERLAB_SETTINGS_DIR"]))
    command = [
        *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--expose-app-in-browser"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--allow-root"),
        f"--ServerApp.root_dir={home}",
    ]
    log = settings / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, **isolated, **environment}, cwd=home
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address + "/api/status", process, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class Lesson:
    """열린 노트북 하나. 셀은 노트북에서의 자리(0부터)로 부른다."""

    page: Page
    complaints: list[str] = field(default_factory=list)  # 브라우저 콘솔의 오류

    @classmethod
    def open(cls, browser: Browser, address: str, name: str) -> "Lesson":
        page = browser.new_page(viewport={"width": WIDE, "height": HEIGHT}, locale="ko-KR")
        lesson = cls(page)
        page.on("console", lambda message: lesson._hear(message.type, message.text, message.location))
        page.on("pageerror", lambda error: lesson.complaints.append(str(error)))
        page.goto(f"{address}/lab/workspaces/{name.removesuffix('.ipynb')}/tree/{name}?reset")
        page.wait_for_function(
            """() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'
                  && window.jupyterapp.shell.currentWidget.content.model.cells.length > 1""",
            timeout=OPEN_SECONDS * 1000,
        )
        return lesson

    def close(self) -> None:
        """브라우저만 닫는다. 커널은 돈다."""
        self.page.close()

    def shut_down(self) -> None:
        """커널을 끄고 닫는다: 수업 열넷의 커널이 함께 살아 있으면 메모리가 모자란다."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.close()

    def run_all(self) -> None:
        """Run > Run All Cells. 마칠 때까지 기다린다."""
        self.page.evaluate(
            """() => { window.ran = 0;
                window.jupyterapp.commands.execute('notebook:run-all-cells').finally(() => { window.ran = 1; }); }"""
        )
        self.page.wait_for_function("() => window.ran === 1", timeout=RUN_SECONDS * 1000)

    def cells(self) -> list[dict[str, Any]]:
        """지금의 셀들: type, source, count(실행 번호), outputs."""
        found = self.page.evaluate(
            """() => Array.from(window.jupyterapp.shell.currentWidget.content.model.cells).map(cell => {
                const one = cell.sharedModel.toJSON();
                return {type: one.cell_type, source: [].concat(one.source).join(''), count: one.execution_count,
                        outputs: one.outputs ?? []};
            })"""
        )
        return list(found)

    def show(self, place: int) -> Locator:
        """셀을 화면에 데려온다. JupyterLab은 보이는 셀만 그린다."""
        self.page.evaluate(
            """async (place) => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.deselectAll();
                notebook.activeCellIndex = place;
                await notebook.scrollToItem(place, 'start');
            }""",
            place,
        )
        cell = self.page.locator(f'.jp-Notebook:visible .jp-Cell[data-windowed-list-index="{place}"]')
        cell.wait_for(state="attached", timeout=MOVE_SECONDS * 1000)
        return cell

    def start(self, place: int, source: str) -> None:
        """셀의 글을 지우고 source를 친 다음 Ctrl+Enter를 누른다."""
        cell = self.show(place)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Control+Enter")

    def run(self, place: int, source: str, seconds: float = MOVE_SECONDS) -> list[dict[str, Any]]:
        """start하고 끝나기를 기다린다. 반환: 그 셀의 출력."""
        before = self.cells()[place]["count"]
        self.start(place, source)
        return self.wait(place, before, seconds)

    def wait(self, place: int, before: int | None, seconds: float) -> list[dict[str, Any]]:
        self.page.wait_for_function(
            """([place, before]) => {
                const panel = window.jupyterapp.shell.currentWidget;
                const count = panel.content.model.cells.get(place).sharedModel.execution_count;
                return count !== null && count !== before && panel.sessionContext.session.kernel.status === 'idle';
            }""",
            arg=[place, before],
            timeout=seconds * 1000,
        )
        return list(self.cells()[place]["outputs"])

    def explorers(self) -> list[int]:
        """조절기가 보이는 셀의 자리."""
        found = []
        for place, cell in enumerate(self.cells()):
            if any(WIDGET_VIEW in output.get("data", {}) for output in cell["outputs"]):
                output = self.show(place).locator(".jp-Cell-outputArea")
                output.locator(".jupyter-widgets").first.wait_for(state="attached", timeout=MOVE_SECONDS * 1000)
                if output.locator(CONTROLS).count():
                    found.append(place)
        return found

    def screenshot(self, place: int, path: Path) -> list[int]:
        """셀을 넓은 화면과 좁은 화면에서 찍는다: <path>-1280.png, <path>-800.png. 반환: 셀 밖으로 나간 화소."""
        outside = []
        for width in (NARROW, WIDE):
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            cell = self.show(place)
            self.page.wait_for_timeout(200)  # 그림이 새 너비에 맞게 놓일 때까지
            self.page.screenshot(path=path.with_name(f"{path.name}-{width}.png"))
            outside += cell.evaluate(_OUTSIDE)
        return outside

    def _hear(self, kind: str, text: str, location: Any) -> None:
        if kind == "error" and not NOT_OURS.search(text + str(location.get("url", ""))):
            self.complaints.append(text)


def views(cell: Locator) -> dict[str, list[str]]:
    """조절기가 그린 것: 그림(svg)과 표(table)와 글(text)."""
    return cell.evaluate(
        """node => {
            const all = [...node.querySelectorAll('.jp-Cell-outputArea .widget-html-content')];
            return {
                그림: all.flatMap(one => [...one.querySelectorAll('svg, img')].map(x => x.outerHTML)),
                표: all.flatMap(one => [...one.querySelectorAll('table')].map(x => x.outerHTML)),
                글: all.map(one => one.innerHTML),
            };
        }"""
    )


def press(page: Page, control: Locator) -> str:
    """조절기에 초점을 두고 키로 다음 값으로 옮긴다. 끝에 있으면 앞 값으로. 반환: 되돌리는 키, 없으면 빈 글."""
    control.focus()
    if control.evaluate("node => node.tagName") == "BUTTON":
        page.keyboard.press("Space")
        return ""
    if control.evaluate("node => node.tagName") == "INPUT":
        page.keyboard.press("Space")
        return "Space"
    now, most = (float(control.get_attribute(name) or 0) for name in ("aria-valuenow", "aria-valuemax"))
    there, back = ("ArrowLeft", "ArrowRight") if now >= most else ("ArrowRight", "ArrowLeft")
    page.keyboard.press(there)
    return back


def fonts(page: Page) -> list[tuple[str, dict[str, int]]]:
    """화면에 있는 한글 글(마디)마다 (글, {실제로 쓴 글꼴: 글자 수})."""
    session = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        session.send(f"{domain}.enable")
    session.send("DOM.getDocument", {"depth": 0})
    found = []
    for name in page.evaluate(_MARK_HANGUL):
        search = session.send("DOM.performSearch", {"query": f'[data-hangul="{name}"]'})
        results = {"searchId": search["searchId"], "fromIndex": 0, "toIndex": search["resultCount"]}
        for node in session.send("DOM.getSearchResults", results)["nodeIds"] if search["resultCount"] else []:
            used = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
            found.append((name, {font["familyName"]: int(font["glyphCount"]) for font in used}))
    session.detach()
    return found


# 조절기와 그 그림이 셀의 오른쪽 끝을 넘은 화소. 스스로 움직이는(overflow) 표 속은 세지 않는다
_OUTSIDE = """cell => {
    const right = cell.getBoundingClientRect().right;
    return [...cell.querySelectorAll('.jp-Cell-outputArea .jupyter-widgets')]
        .map(node => Math.round(node.getBoundingClientRect().right - right)).filter(over => over > 1);
}"""

# 한글만 든 마디에 표시를 한다. 글꼴 무리가 같은 것은 하나면 된다
_MARK_HANGUL = """() => {
    const seen = new Map();
    document.querySelectorAll('[data-hangul]').forEach(node => node.removeAttribute('data-hangul'));
    for (const node of document.querySelectorAll('.jp-Notebook *')) {
        const text = [...node.childNodes].filter(x => x.nodeType === 3).map(x => x.textContent).join('').trim();
        const {top, bottom} = node.getBoundingClientRect();  // 화면 밖의 것은 아직 글꼴을 고르지 않았을 수 있다
        if (!/^[가-힣]{2,}$/.test(text) || top < 120 || bottom > innerHeight || top === bottom) continue;
        const family = getComputedStyle(node).fontFamily;
        if (seen.has(family)) continue;
        seen.set(family, text);
        node.setAttribute('data-hangul', text);
    }
    return [...new Set(seen.values())];
}"""


def korean_fonts() -> set[str]:
    """한글이 든, 이 컴퓨터의 글꼴 이름."""
    listed = subprocess.run(["fc-list", ":lang=ko", "family"], capture_output=True, text=True, check=True).stdout
    return {name.strip().replace("\\", "") for line in listed.splitlines() for name in line.split(",")}


def _quiet_settings(folder: Path) -> None:
    """첫 실행의 소식 창과 저장 확인이 화면을 가리지 않게 한다."""
    plugins = {
        "apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
        "docmanager-extension/plugin.jupyterlab-settings": {"autosave": False},
    }
    for name, values in plugins.items():
        path = folder / "@jupyterlab" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + OPEN_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < end, log.read_text(errors="replace")
            time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
