"""A job service whose workers pretend: `tests.jobs.fake_work` reads what becomes of a photo from its text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from img2mesh.service import JobService, Limits, Upload
from img2mesh.settings import Settings
from tests.jobs.fake_work import FakeWork

DRAFT = Settings(preset="draft")


def service(folder: Path, pause: float = 0.0, diary: Path | None = None, **limits: Any) -> JobService:
    """With one worker process for each kind of job, which takes `pause` seconds for one."""
    work = FakeWork(diary, pause)
    return JobService(folder, Limits(**limits), device="cpu", work=work, cutout_work=FakeWork())


def says(text: str) -> list[Upload]:
    """A photo that says what becomes of it."""
    return [Upload(text.encode(), ".png")]
