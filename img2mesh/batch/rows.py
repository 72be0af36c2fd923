"""From an outcome to a row of the reports and a record of the journal."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from img2mesh.batch.entry import Entry
from img2mesh.batch.journal import Record
from img2mesh.jobs.fingerprint import fingerprint
from img2mesh.jobs.item import Item
from img2mesh.jobs.outcome import Outcome

COLUMNS = (
    "name status error_category error photos mesh preview bytes vertices faces watertight front_psnr_db "
    "cutout_confidence doubtful warnings seconds cpu_seconds memory_mb seed height category finished"
).split()


def record(item: Item, entry: Entry, outcome: Outcome, key: str, folder: Path) -> Record:
    """What the journal keeps of an item: the reports' columns, and what tells whether it still stands."""
    report = outcome.report or {}
    mesh, cutout = report.get("mesh") or {}, report.get("cutout") or {}
    files = {os.path.relpath(path, folder): size for path, size in outcome.files.items()}
    prints = outcome.prints or tuple(fingerprint(picture.path) for picture in item.photos)
    preview = item.preview.relative_to(folder).as_posix() if item.preview is not None else None
    return {
        "name": item.name,
        "status": "failed" if outcome.error else "done",
        "error_category": outcome.category,
        "error": outcome.error,
        "photos": [str(picture.path) for picture in item.photos],
        "mesh": item.output.relative_to(folder).as_posix() if files else None,
        "preview": preview if files else None,
        "bytes": sum(files.values()) or None,
        "vertices": mesh.get("vertices"),
        "faces": mesh.get("faces"),
        "watertight": mesh.get("watertight"),
        "front_psnr_db": report.get("front_psnr_db"),
        "cutout_confidence": cutout.get("confidence"),
        "doubtful": bool(cutout.get("doubtful")),
        "warnings": list(report.get("warnings") or ()),
        "seconds": outcome.seconds,
        "cpu_seconds": outcome.cpu_seconds,
        "memory_mb": outcome.memory_mb,
        "seed": item.settings.seed,
        "height": item.settings.height or None,
        "category": entry.category or None,
        "finished": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "source": entry.source,
        "key": key,
        "prints": [list(each) if each else None for each in prints],
        "files": files,
        "thumbnail": str(item.thumbnail.relative_to(folder)) if files and item.thumbnail else None,
    }


def row(record: Record) -> dict[str, Any]:
    """The columns of the reports."""
    return {name: record.get(name) for name in COLUMNS}
