"""One line of what a batch is asked for, before it has a file name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from img2mesh.jobs.item import Picture


@dataclass(frozen=True)
class Entry:
    """An object to make.

    Attributes:
        source: the name by which a later run knows it again.
        pictures: the front first.
        wanted: name of the mesh that is wished for, without its suffix, with `/` between folders.
        asked: whether the user gave that name.
        changes: settings that differ from the batch's.
        category: of the object, for the reports.
    """

    source: str
    pictures: tuple[Picture, ...]
    wanted: str
    asked: bool = False
    changes: tuple[tuple[str, Any], ...] = ()
    category: str = ""
