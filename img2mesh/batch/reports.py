"""The reports of a folder: tables that grow line by line, and a page that is written anew now and then."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from img2mesh.batch.journal import Record, read_lines
from img2mesh.batch.page import write_page
from img2mesh.batch.tables import Tables
from img2mesh.core.files import atomic_file
from img2mesh.core.marks import MARK
from img2mesh.errors import Img2MeshError

PAUSE = 30.0  # seconds between two pages, at least


class Reports:
    """`report.csv`, `report.jsonl` and `index.html` of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tables = folder, Tables(folder)
        self.drawn, self.cost, self.dirty = time.monotonic(), 0.0, False

    def append(self, record: Record, report: dict[str, Any] | None) -> None:
        """A line for an item that ended.

        Raises:
            OSError: it cannot be written.
        """
        self.dirty = True
        self.tables.append(record, report)

    def page_now_and_then(self, records: Callable[[], list[Record]]) -> None:
        """Write the page if there is news, taking a twentieth of the time at most; a failure waits for the end."""
        now = time.monotonic()
        if self.dirty and now - self.drawn > max(PAUSE, 20 * self.cost):
            try:
                self._page(records())
            except (OSError, Img2MeshError):
                pass
            self.drawn, self.cost = time.monotonic(), time.monotonic() - now

    def finish(self, records: list[Record]) -> None:
        """One line an item, and the page.

        Raises:
            OSError, Img2MeshError: they cannot be written.
        """
        self.tables.rewrite(records)
        self._page(records)

    def write_json(self, path: Path, settings: dict[str, Any], skipped: Sequence[Path]) -> None:
        """All items with their reports as one JSON file, for `--report`; line by line, so that memory stays small."""
        from img2mesh import __version__

        head = {MARK: __version__, "settings": settings, "skipped": [each.name for each in skipped]}
        with atomic_file(path) as temporary:
            with temporary.open("w", encoding="ascii") as stream:
                stream.write(json.dumps(head)[:-1] + ', "photos": [')
                for index, line in enumerate(read_lines(self.tables.jsonl)):
                    stream.write((",\n" if index else "\n") + json.dumps(line))
                stream.write("\n]}\n")

    def _page(self, records: list[Record]) -> None:
        done = sum(record["status"] == "done" for record in records)
        about = f"{done} meshes, {len(records) - done} failed; {time.strftime('%Y-%m-%d %H:%M')}"
        write_page(self.folder, records, about)
        self.dirty = False
