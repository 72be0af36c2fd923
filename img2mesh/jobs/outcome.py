"""What became of an item, and of what sort its failure is."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import Any

from img2mesh.core.files import FULL
from img2mesh.errors import Img2MeshError

INPUT = "input"  # the photo, or what was asked of it
MODEL = "model"  # no item can be made: the model cannot be loaded
MEMORY = "memory"
TIMEOUT = "timeout"
CRASH = "crash"  # the worker's process died
PREVIEW = "preview"  # the mesh was written
OUTPUT = "output"  # no item can be written: a full disk, a folder that became read-only
CANCELLED = "cancelled"
DEFECT = "defect"  # ours

CATEGORIES = (INPUT, MODEL, MEMORY, TIMEOUT, CRASH, PREVIEW, OUTPUT, CANCELLED, DEFECT)
_NO_MEMORY = ("bad_alloc", "can't allocate memory", "out of memory")


@dataclass(frozen=True)
class Outcome:
    """The end of an item.

    Attributes:
        error: one sentence, or None where everything that was asked for was written.
        category: one of `CATEGORIES` where there is an error.
        seconds: wall time of making and writing; cpu_seconds: of the process meanwhile.
        memory_mb: resident memory of the worker afterwards.
        files: path and size in bytes of every file written.
        prints: `jobs.fingerprint` of each photo as it was read.
        report: of the run (docs/, `Result.report`).
    """

    name: str
    error: str | None = None
    category: str | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_mb: float | None = None
    files: dict[str, int] = field(default_factory=dict)
    prints: tuple[Any, ...] = ()
    report: dict[str, Any] | None = None


class Cancelled(BaseException):
    """Raised inside of a stage whose item was cancelled; no `except Exception` stops it."""


class PreviewFailed(Exception):
    """The mesh was written, its picture was not.

    Attributes:
        files, report: as of an item without a failure.
    """

    files: dict[str, int]
    report: dict[str, Any]

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.files, self.report = {}, {}


def explain(error: BaseException) -> tuple[str, str]:
    """One sentence and its category for whatever an item's making or writing raised."""
    text = " ".join(str(error).split())[:300].rstrip(".")
    system = error if isinstance(error, OSError) else error.__context__
    code = system.errno if isinstance(system, OSError) else None
    if isinstance(error, Cancelled):
        return "cancelled.", CANCELLED
    if isinstance(error, PreviewFailed):
        return f"{text}.", PREVIEW
    if code in FULL:
        return "the disk is full.", OUTPUT
    if code == errno.EROFS:
        return f"{text}.", OUTPUT
    if isinstance(error, Img2MeshError):
        return f"{text}.", INPUT
    if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY):
        return "out of memory.", MEMORY
    return f"unexpected {type(error).__name__}: {text}.", DEFECT


def explain_writing(error: BaseException, place: str) -> tuple[str, str]:
    """The same while an item's files are written: what the system refuses now the next item would meet, too."""
    if isinstance(error, OSError) and error.errno is not None and error.errno not in FULL:
        return f"cannot write {error.filename or place}: {error.strerror}.", OUTPUT
    return explain(error)
