"""Work that takes milliseconds: a photo's text says what becomes of it, its "mesh" is that text in capitals."""

from __future__ import annotations

import ctypes
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2mesh.errors import Img2MeshError
from img2mesh.jobs.item import Item, Picture
from img2mesh.jobs.outcome import PreviewFailed
from img2mesh.jobs.pipeline_work import Staging
from img2mesh.settings import Settings

MARK = "ply\ncomment img2mesh\n"  # so that the files are known as this program's


@dataclass(frozen=True)
class FakeWork:
    """`diary` gets a line for each item that is begun; `seconds` is how long each takes at least."""

    diary: Path | None = None
    seconds: float = 0.0
    bytes: int = 100
    broken: bool = False

    def model_key(self, settings: Settings) -> str:
        return settings.model

    def load(self, settings: Settings, progress: Any) -> str:
        if self.broken:
            raise Img2MeshError("There is no such model.")
        return "model"

    def make(self, item: Item, model: str, progress: Any) -> str:
        if self.diary is not None:
            with self.diary.open("a") as stream:
                stream.write(f"{item.name}\n")
        if not item.photos[0].path.exists():
            raise Img2MeshError(f"No such photo: {item.photos[0].path}.")
        text = item.photos[0].path.read_text()
        word, _, value = text.partition(" ")
        with progress.stage("views", 1000) as step:
            end = time.monotonic() + (float(value) if word == "sleep" else self.seconds)
            while time.monotonic() < end:
                time.sleep(0.005)
                step()
        if word == "hang":
            time.sleep(float(value))
        if word == "bad":
            raise Img2MeshError(f"{item.photos[0].path.name} shows nothing.")
        if word == "bug":
            raise ZeroDivisionError("oh")
        if word == "memory":
            raise MemoryError
        if word == "exit":
            os._exit(3)
        if word == "crash":
            ctypes.string_at(0)
        progress.warn("it is only pretended.")
        return f"{text} seed {item.settings.seed}".upper()

    def write(self, item: Item, made: str) -> tuple[dict[str, int], dict[str, Any]]:
        if made.startswith("SLOWWRITE"):
            time.sleep(0.5)
        with Staging(item) as staging:
            (staging.folder / item.output.name).write_text((MARK + made).ljust(self.bytes, "."))
            files = staging.publish()
        doubtful = made.startswith("DOUBT")
        report = {
            "seed": item.settings.seed,
            "warnings": ["it is only pretended."],
            "mesh": {"faces": 12, "vertices": 8},
            "cutout": {"doubtful": doubtful, "confidence": 0.1 if doubtful else 0.9},
        }
        if made.startswith("NOPREVIEW"):
            error = PreviewFailed("no pixels")
            error.files, error.report = files, report
            raise error
        return files, report


def photo(folder: Path, name: str, text: str = "ok") -> Path:
    """A photo that says what becomes of it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def item(path: Path, out: Path, **settings: Any) -> Item:
    """One photo, its mesh in a folder."""
    return Item(path.stem, (Picture(path),), out / f"{path.stem}.glb", Settings(**settings))
