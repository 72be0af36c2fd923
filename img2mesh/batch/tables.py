"""report.csv and report.jsonl: a line for each item as it ends, one line an item at the end of a run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from img2mesh.batch.journal import Record, append_bytes, append_line, read_lines
from img2mesh.batch.rows import COLUMNS, row
from img2mesh.core.files import atomic_file


class Tables:
    """The two tables of a folder."""

    def __init__(self, folder: Path) -> None:
        self.csv, self.jsonl = folder / "report.csv", folder / "report.jsonl"

    def begin(self, records: Iterable[Record]) -> None:
        """Lines of what earlier runs made and still stands, nothing else.

        Raises:
            OSError, Img2MeshError: they cannot be written.
        """
        self.rewrite(records)

    def append(self, record: Record, report: dict[str, Any] | None) -> None:
        """A line in each.

        Raises:
            OSError: it cannot be written.
        """
        append_line(self.jsonl, {**row(record), "report": report})
        append_bytes(self.csv, _csv_line(row(record).values()))

    def rewrite(self, records: Iterable[Record]) -> None:
        """One line for each record, in their order; whole reports are taken over from the file as it was.

        Raises:
            OSError, Img2MeshError: they cannot be written.
        """
        records = list(records)
        wanted = {record["name"]: record.get("finished") for record in records}
        with atomic_file(self.csv) as temporary:
            with temporary.open("wb") as stream:
                stream.write(_csv_line(COLUMNS))
                stream.writelines(_csv_line(row(record).values()) for record in records)
        kept: set[str] = set()
        with atomic_file(self.jsonl) as temporary:
            with temporary.open("w", encoding="ascii") as lines:
                for line in read_lines(self.jsonl):
                    name = line.get("name")
                    if name in wanted and name not in kept and line.get("finished") == wanted[name]:
                        kept.add(str(name))
                        lines.write(json.dumps(line) + "\n")
                for record in records:
                    if record["name"] not in kept:  # its line was lost with the end of a run
                        lines.write(json.dumps({**row(record), "report": None}) + "\n")


def _csv_line(cells: Iterable[Any]) -> bytes:
    """UTF-8; bytes of file names that are no text become escapes."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(_cell(cell) for cell in cells)
    return stream.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return "; ".join(str(each) for each in value)
    return "" if value is None else value
