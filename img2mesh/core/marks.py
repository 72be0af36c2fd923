"""The mark that every written file carries, so that a later run knows it from a file of the user's.

A mark is text in a place that the format has for it: a comment, a generator's name, a PNG text chunk.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

MARK = "img2mesh"
PLY_COMMENT = b"comment img2mesh, +Z up"
DERIVED = ("preview", "texture")  # pictures that show a result and are never taken for photos
_HEAD = 1 << 16  # bytes looked at; every mark stands near the beginning
_LONGEST_JSON = 1 << 26


def png_mark(kind: str) -> PngInfo:
    """For Pillow's `save(pnginfo=...)`. `kind`: preview, texture, cutout or view."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Software", f"{MARK} {kind}")
    return info


def kind_of(path: str | Path) -> str | None:
    """What this program wrote there: mesh, preview, texture, cutout, view, report, page or data; None: not its own.

    The content decides, not the name. A file that cannot be read is not its own.
    """
    path = Path(path)
    try:
        if not path.is_file():  # to open a pipe would wait for ever
            return None
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
        if head.startswith(b"\x89PNG\r\n"):
            return _word(head, b"tEXtSoftware\0")
        if head.startswith(b"GIF8"):
            return _word(head, b"\x21\xfe\x10")
        if head[4:8] == b"ftyp":
            return "preview" if f"{MARK} preview".encode() in head else None
        if head.startswith(b"glTF"):
            return "mesh" if f'"generator":"{MARK} '.encode() in head else None
        if head.startswith((b"ply\n", b"ply\r\n")):
            return "mesh" if f"\ncomment {MARK}".encode() in head else None
        if head.startswith((f"# {MARK}".encode(), MARK.encode())):  # OBJ and MTL, binary STL
            return "mesh"
        if head.startswith(b"PK") and zipfile.is_zipfile(path):
            return _archive_kind(path)
        if head[:15].lower() == b"<!doctype html>":
            return "page" if f'name="generator" content="{MARK} '.encode() in head else None
        if head.lstrip().startswith(b"{") and path.stat().st_size < _LONGEST_JSON:
            tree = json.loads(path.read_bytes())
            return "report" if isinstance(tree, dict) and MARK in tree else None
    except (OSError, ValueError, zipfile.BadZipFile, RecursionError):
        return None
    return None


def _archive_kind(path: Path) -> str | None:
    """Of a zip: our own arrays, USDZ and 3MF."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if f"{MARK}.npy" in names:
            return "data"
        if f"{MARK}.usdc" in names:
            return "mesh"
        if "3D/3dmodel.model" in names:
            with archive.open("3D/3dmodel.model") as stream:
                return "mesh" if f'name="Application">{MARK} '.encode() in stream.read(4096) else None
    return None


def is_ours(path: str | Path) -> bool:
    """Whether this program wrote the file that is there."""
    return kind_of(path) is not None


def _word(head: bytes, before: bytes) -> str | None:
    """The kind in `before` + "img2mesh KIND"."""
    start = head.find(before + MARK.encode() + b" ")
    if start < 0:
        return None
    tail = head[start + len(before) + len(MARK) + 1 :][:8]
    return next((kind for kind in (*DERIVED, "cutout", "view") if tail.startswith(kind.encode())), None)
