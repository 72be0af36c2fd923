"""A folder of results: one sub-folder per job, which expires."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from img2mesh.core.files import user_path
from img2mesh.errors import Img2MeshError
from img2mesh.service.job import CUTOUT, FAILED, Job, read_job
from img2mesh.service.uploads import Upload

_LOCK, _SECRET, _CACHE = ".lock", ".secret", ".page"
CUTOUT_SECONDS = 3600.0  # that a look at a cutout is kept


def default_folder() -> Path:
    """Where the system keeps what programs make for their user."""
    home = user_path(os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA") or "~/.local/share")
    return (home or Path(tempfile.gettempdir())) / "img2mesh" / "results"


class Store:
    """Holds the folder; no second server may use it meanwhile.

    Args:
        folder: made if it is not there, readable by this user only.
        days: that the results of a job are kept after its end.

    Raises:
        Img2MeshError: it cannot be written, or another server has it.
    """

    def __init__(self, folder: Path, days: float) -> None:
        from filelock import FileLock, Timeout

        self.folder, self.days = folder.absolute(), days
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.lock = FileLock(self.folder / _LOCK)
            self.lock.acquire(timeout=0)
        except Timeout:
            raise Img2MeshError(f"Another server is using {folder}: give each its own --results.") from None
        except OSError as error:
            raise Img2MeshError(f"Cannot use the results' folder {folder}: {error.strerror}.") from None

    def load(self) -> dict[str, Job]:
        """The jobs of earlier servers, oldest first; what had not ended will not."""
        found = []
        for folder in self.folder.iterdir():
            job = read_job(folder) if folder.is_dir() else None
            if job is not None and not job.over:
                job = job.but(state=FAILED, stage="", ended=time.time(), error="The server was stopped.")
                job.write(folder)
            if job is not None:
                found.append(job)
        return {job.id: job for job in sorted(found, key=lambda job: job.created)}

    def new(self, photos: Sequence[Upload]) -> tuple[str, list[Path]]:
        """A fresh id, and its folder with the photos in it; names are ours."""
        number = secrets.token_urlsafe(18)
        folder = self.folder / number
        folder.mkdir(mode=0o700)
        paths = []
        for index, photo in enumerate(photos):
            paths.append(folder / f"photo-{index}{photo.suffix}")
            paths[-1].write_bytes(photo.data)
        return number, paths

    def place(self, job: Job | str) -> Path:
        """The folder of a job that exists."""
        return self.folder / (job if isinstance(job, str) else job.id)

    def forget_photos(self, job: Job | str) -> None:
        """Remove what was uploaded; the products stay."""
        for path in self.place(job).glob("photo-*"):
            path.unlink(missing_ok=True)

    def remove(self, job: Job | str) -> None:
        """Everything of a job."""
        shutil.rmtree(self.place(job), ignore_errors=True)

    @property
    def cache(self) -> Path:
        """Folder for what browsers upload and are shown."""
        return self.folder / _CACHE

    def expired(self, job: Job) -> bool:
        """Whether it was kept long enough."""
        keep = CUTOUT_SECONDS if job.kind == CUTOUT else self.days * 86400
        return job.over and time.time() - (job.ended or job.created) > keep

    def secret(self) -> str:
        """Random text that stays the same as long as the folder does."""
        path = self.folder / _SECRET
        try:
            return path.read_text()
        except OSError:
            text = secrets.token_hex(32)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                stream.write(text)
            return text

    def close(self) -> None:
        """Let other servers have it."""
        self.lock.release()
