"""A server on a port of this machine, in a thread, and a browser that looks at it."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from img2mesh.service import JobService, Limits
from img2mesh.web.server import Address
from tests.web.quick_work import QuickCutout, QuickWork
from tests.web.shop import SERVER

# Rendering without a GPU.
_FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader", "--use-gl=angle", "--use-angle=swiftshader"]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
PATIENCE = 120.0  # seconds: what is waited for comes at once, but on a busy machine


def browser_path() -> str:
    """The system's chromium; skips, with the reason, where there is none."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    return found


@contextmanager
def listening(
    folder: Path,
    page: bool = True,
    real: bool = False,
    pause: float = 0.0,
    gate: Path | None = None,
    **limits: Any,
):
    """The address of a server, and the service behind it.

    Args:
        real: with the real pipeline; otherwise its workers pretend (`quick_work.QuickWork`: pause, gate).
    """
    import uvicorn

    from img2mesh.web.app import make_app
    from img2mesh.web.guard import rules_for

    works = {} if real else {"work": QuickWork(pause, gate), "cutout_work": QuickCutout()}
    service = JobService(folder, Limits(**limits), device="cpu", **works)
    rules = rules_for("127.0.0.1", None, service.limits.request_bytes, service.store.cache)
    listener = Address(port=0).bind()
    config = uvicorn.Config(
        make_app(service, SERVER, rules, page), log_level="error", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < until and thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", service
    finally:
        server.should_exit = True
        thread.join(10)
        service.close()
        listener.close()


class Visitor:
    """A browser's window that remembers what went wrong and what it asked other machines for."""

    def __init__(self, page: Any, home: str) -> None:
        self.page, self.home = page, home
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._asked)
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(home)
        page.wait_for_selector("#photo input[type=file]", state="attached")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.home, "blob:", "data:")):
            self.elsewhere.append(request.url)

    def choose(self, path: Path) -> None:
        """Upload a photo."""
        self.page.set_input_files("#photo input[type=file]", str(path))

    def wait_for_cutout(self, seconds: float = PATIENCE) -> None:
        """Until it is shown."""
        self.page.wait_for_selector("#cutout img", timeout=1000 * seconds)

    def progress(self) -> str:
        """What the bar says."""
        return self.page.inner_text("#progress")

    def wait_for_progress(self, word: str, seconds: float = PATIENCE) -> list[str]:
        """What the bar said until, and when, it said that word."""
        said: list[str] = []
        until = time.monotonic() + seconds
        while word not in (text := self.progress()):
            assert time.monotonic() < until, (word, said)
            if text and text not in said:
                said.append(text)
            self.page.wait_for_timeout(150)
        return [*said, text]


@contextmanager
def window(browser: Any, home: str, size: dict[str, int] | None = None):
    """A fresh visitor; nothing may go wrong or leave the machine meanwhile."""
    context = browser.new_context(viewport=size or DESK, accept_downloads=True)
    try:
        visitor = Visitor(context.new_page(), home)
        yield visitor
        assert visitor.elsewhere == [] and visitor.errors == []
    finally:
        context.close()


@contextmanager
def started_browser():
    """Chromium."""
    path = browser_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()
