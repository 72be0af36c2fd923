"""A server in this process whose workers pretend."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from img2mesh.service import JobService, Limits
from img2mesh.settings import Settings
from img2mesh.web.app import make_app
from img2mesh.web.guard import rules_for
from tests.web.quick_work import QuickCutout, QuickWork

SERVER = Settings.load("draft", offline=True, device="cpu")


@contextmanager
def shop(folder: Path, token: str | None = None, pause: float = 0.0, page: bool = False, **limits: Any):
    """A client of it, and the service behind it."""
    service = JobService(
        folder, Limits(**limits), device="cpu", work=QuickWork(pause), cutout_work=QuickCutout()
    )
    rules = rules_for("127.0.0.1", token, service.limits.request_bytes, service.store.cache, ("testserver",))
    app = make_app(service, SERVER, rules, page)
    client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    try:
        yield client, service
    finally:
        service.close()
