"""Whether a file is still the one that was read: by size and time in microseconds, by content where they changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from img2mesh.models.checksums import sha256


class Fingerprint(NamedTuple):
    """Size in bytes, time of the last change in nanoseconds, SHA-256 of the content."""

    size: int
    mtime_ns: int
    sha256: str


def fingerprint(path: Path) -> Fingerprint | None:
    """Of a file as it is now; None where it cannot be read."""
    try:
        status = os.stat(path)
        return Fingerprint(status.st_size, status.st_mtime_ns, sha256(path))
    except OSError:
        return None


def unchanged(path: Path, before: Fingerprint | None) -> bool:
    """Whether the content is what it was, or is still not to be read; it is read only where size or time differ."""
    if before is None:
        return fingerprint(path) is None
    try:
        status = os.stat(path)
    except OSError:
        return False
    if status.st_size != before.size:
        return False
    if status.st_mtime_ns == before.mtime_ns:
        return True
    now = fingerprint(path)
    return now is not None and now.sha256 == before.sha256
