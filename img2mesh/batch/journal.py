"""What became of each item, one line a time, on the disk before the next begins: what a later run goes on from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Journal:
    """An append-only file of JSON lines; of an item's lines the last counts.

    A line that was cut off by a crash, and damaged ones, are passed over; the next line begins on a new one.

    Attributes:
        records: the last record of each name.
        damaged: lines that were passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.damaged = path, 0
        self.records: dict[str, Record] = {}
        for record in read_lines(path, self):
            if isinstance(record.get("name"), str):
                self.records[record["name"]] = record

    def append(self, record: Record) -> None:
        """Write a record and wait until it is on the disk.

        Raises:
            OSError: it could not be written; the file is as it was.
        """
        append_line(self.path, record, flush=True)
        self.records[record["name"]] = record

    def clear(self) -> None:
        """Forget everything."""
        self.path.unlink(missing_ok=True)
        self.records.clear()

    def names(self) -> dict[str, str]:
        """Name by source."""
        return {record["source"]: name for name, record in self.records.items() if "source" in record}


def read_lines(path: Path, told: Journal | None = None) -> Iterator[Record]:
    """The JSON objects of a file's whole lines; none where there is no file."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return
    with stream:
        for line in stream:
            try:
                record = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                record = None
            if isinstance(record, dict):
                yield record
            elif told is not None and line.strip():
                told.damaged += 1


def append_line(path: Path, record: Record, flush: bool = False) -> None:
    """Append one JSON line, whole or not at all.

    Args:
        flush: wait for the disk.

    Raises:
        OSError: it could not be written.
    """
    data = json.dumps(record, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"
    append_bytes(path, data, flush)


def append_bytes(path: Path, data: bytes, flush: bool = False) -> None:
    """Append whole lines; a line that a crash left torn is ended first. Raises `OSError` with the file as it was."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if size:
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            if os.read(descriptor, 1) != b"\n":
                data = b"\n" + data
        try:
            os.lseek(descriptor, size, os.SEEK_SET)
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            if flush:
                os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
