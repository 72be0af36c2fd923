"""One object to make: which photos, which settings, which files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from img2mesh.settings import Settings


@dataclass(frozen=True)
class Picture:
    """A photo of the object, and the direction that it was taken from where that is known.

    Attributes:
        azimuth, elevation: degrees (docs/conventions.md); None: not told. The first picture of an item is its front.
    """

    path: Path
    azimuth: float | None = None
    elevation: float | None = None


@dataclass(frozen=True)
class Item:
    """What a worker needs to know; it can be pickled.

    Attributes:
        name: unique among the items of a pool.
        photos: the front first.
        output: the mesh to write.
        preview, keep: as the command line has them, or None.
        thumbnail: small picture strip to write for the batch's page, or None.
        staging: folder for unfinished files, on the file system of `output`; None: beside `output`.
    """

    name: str
    photos: tuple[Picture, ...]
    output: Path
    settings: Settings
    preview: Path | None = None
    keep: Path | None = None
    thumbnail: Path | None = None
    staging: Path | None = None
