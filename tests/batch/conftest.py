"""A folder of pretended photos and batches over it, in processes that do what the photos' text says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from img2mesh.batch import Request, run_batch
from img2mesh.settings import Settings
from tests.jobs.fake_work import FakeWork, photo


class Shop:
    """`photos/` and `meshes/` in a folder of their own."""

    def __init__(self, root: Path) -> None:
        self.photos, self.meshes, self.diary = root / "photos", root / "meshes", root / "diary"
        self.photos.mkdir(exist_ok=True)

    def add(self, *names: str, text: str = "ok") -> None:
        for name in names:
            photo(self.photos, name, f"{text} {name}" if text == "ok" else text)

    def run(self, *, jobs=0, work=None, inputs=None, settings=None, folder=None, timeout=None, **options):
        run = {key: options.pop(key) for key in ("progress", "on_done", "report") if key in options}
        request = Request(tuple(inputs or [self.photos]), settings or Settings(), **options)
        work = work or FakeWork(self.diary)
        return run_batch(request, folder or self.meshes, jobs=jobs, timeout=timeout, work=work, **run)

    def begun(self) -> list[str]:
        """Names of the items that were begun, and forget them."""
        names = self.diary.read_text().split() if self.diary.exists() else []
        self.diary.unlink(missing_ok=True)
        return names

    def files(self) -> dict[str, str]:
        """Digest of every mesh."""
        return {
            path.relative_to(self.meshes).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.meshes.rglob("*.glb")
        }


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)
