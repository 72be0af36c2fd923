"""index.html: every item of a folder with its cutout and its mesh from all sides, in one file that needs no network."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from img2mesh.batch.journal import Record
from img2mesh.batch.rows import COLUMNS
from img2mesh.core.files import atomic_file
from img2mesh.jobs.pipeline_work import STRIP_SIDE, STRIP_VIEWS

_SHOWN = tuple(
    name
    for name in COLUMNS
    if name not in ("photos", "mesh", "preview", "memory_mb", "cpu_seconds", "vertices")
)


def write_page(folder: Path, records: Iterable[Record], about: str) -> None:
    """Write the page, whole or not at all; pictures are read one by one, so that memory stays small.

    Args:
        about: a line of text for its head.

    Raises:
        OSError, Img2MeshError: it cannot be written.
    """
    before, _, after = Path(__file__).with_name("page.html").read_text(encoding="utf-8").partition("@DATA@")
    records = sorted(records, key=lambda record: record["name"])
    facts = {"views": STRIP_VIEWS, "side": STRIP_SIDE, "about": about}
    with atomic_file(folder / "index.html") as temporary:
        with temporary.open("w", encoding="utf-8", errors="replace") as page:
            page.write(before)
            page.write(_json(facts)[:-1] + ',"rows":[')
            for index, record in enumerate(records):
                page.write(("," if index else "") + _json(_row(record, index, folder)))
            page.write('],"strips":[')
            for index, record in enumerate(records):
                page.write(("," if index else "") + _json(_strip(folder, record)))
            page.write("]}")
            page.write(after)


def _row(record: Record, index: int, folder: Path) -> dict[str, Any]:
    row = {name: record.get(name) for name in _SHOWN}
    return {
        **row,
        "index": index,
        "href": _link(record["mesh"]) if record.get("mesh") else None,
        "preview_href": _link(record["preview"]) if record.get("preview") else None,
        "photo_hrefs": [_link(os.path.relpath(path, folder)) for path in record.get("photos", ())],
    }


def _link(path: str) -> str:
    """A relative address for any file name, those whose bytes are no text included."""
    return quote(os.fsencode(path.replace(os.sep, "/")))


def _strip(folder: Path, record: Record) -> str:
    if not record.get("thumbnail"):
        return ""
    try:
        return base64.b64encode((folder / record["thumbnail"]).read_bytes()).decode("ascii")
    except OSError:
        return ""


def _json(value: Any) -> str:
    """JSON that may stand inside of a script element, whatever names and sentences are in it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("&", "\\u0026")
