"""A job as its owner sees it, and as it is kept on disk."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from img2mesh.core.files import atomic_file

QUEUED, RUNNING, DONE, FAILED, CANCELLED = STATES = "queued", "running", "done", "failed", "cancelled"
MESH, CUTOUT = KINDS = "mesh", "cutout"
RECORD = "job.json"


@dataclass(frozen=True)
class Job:
    """One object to make; every change makes a new one, so that readers never see half of it.

    Attributes:
        id: unguessable; who has it may read, cancel and delete the job.
        kind: `mesh`, or `cutout` for a look at what would be cut out.
        state: one of `STATES`.
        stage: what is being done, such as `views`; empty before and after.
        share: of the work that is done, 0..1; it never falls.
        created, started, ended, expected_end: seconds since 1970, or None where not known.
        ahead: jobs that come before a queued one.
        error: one sentence; category: one of `jobs.outcome.CATEGORIES`.
        said: notes and warnings of the run, in order.
        files: the products' names and bytes.
        settings: those that were asked for.
        photos: how many.
    """

    id: str
    kind: str = MESH
    state: str = QUEUED
    stage: str = ""
    share: float = 0.0
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    expected_end: float | None = None
    ahead: int = 0
    error: str | None = None
    category: str | None = None
    said: tuple[str, ...] = ()
    files: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    photos: int = 1

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in (DONE, FAILED, CANCELLED)

    def but(self, **changes: Any) -> Job:
        """A copy with some values changed."""
        return dataclasses.replace(self, **changes)

    def write(self, folder: Path) -> None:
        """Into the job's folder."""
        with atomic_file(folder / RECORD) as temporary:
            temporary.write_text(json.dumps(dataclasses.asdict(self), ensure_ascii=False), encoding="utf-8")


def read_job(folder: Path) -> Job | None:
    """The job that a folder holds; None where there is none that can be read."""
    try:
        values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        known = {item.name for item in dataclasses.fields(Job)}
        job = Job(**{key: value for key, value in values.items() if key in known})
        job = job.but(said=tuple(job.said), files={str(k): int(v) for k, v in job.files.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return job if job.id == folder.name and job.state in STATES and job.kind in KINDS else None
