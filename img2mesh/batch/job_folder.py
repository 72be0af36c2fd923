"""The folder of a batch's meshes, and what `.img2mesh` in it knows: settings, journal, and who works there now."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from img2mesh.batch.journal import Journal
from img2mesh.core.files import atomic_file
from img2mesh.errors import Img2MeshError

STATE = ".img2mesh"
REPORTS = ("report.csv", "report.jsonl", "index.html")


class JobFolder:
    """An output folder that one run works on at a time; use it as a context.

    The lock is the system's, so that it ends with its process however that ends.

    Attributes:
        journal: what became of each item so far.
        job: what was asked for, as `claim` wrote it; empty in a new folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / STATE
        self.work, self.thumbnails = self.state / "work", self.state / "thumbnails"
        self._lock = FileLock(self.state / "lock")
        self._description = self.state / "job.json"
        self._owner = self.state / "owner.json"
        self._new = not folder.exists()

    def __enter__(self) -> JobFolder:
        """Take the folder.

        Raises:
            Img2MeshError: another run works on it, it cannot be written, or its state is not to be read.
        """
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(blocking=False)
            except NotImplementedError:  # some network file systems have no locks
                pass
            self._owner.write_text(
                json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": _now()})
            )
            shutil.rmtree(self.work, ignore_errors=True)  # what a killed run left half written
            self.journal = Journal(self.state / "journal.jsonl")
            self.job = _read(self._description)
        except Timeout:
            raise Img2MeshError(self._busy()) from None
        except OSError as error:
            self._lock.release()
            raise Img2MeshError(f"-o: cannot write into {self.folder}: {error.strerror}.") from None
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        try:
            self._owner.unlink(missing_ok=True)
            if not self.journal.records:  # nothing was made
                shutil.rmtree(self.state, ignore_errors=True)
                if self._new:
                    for path in self.reports():
                        path.unlink(missing_ok=True)
                    self.folder.rmdir()
        except OSError:
            pass
        self._lock.release()

    def claim(self, job: Mapping[str, Any], overwrite: bool) -> bool:
        """Say what the folder is for; whether everything has to be made anew.

        Args:
            job: plain values that decide every item; `threads` in it is no reason to refuse.

        Raises:
            Img2MeshError: it was for something else, and `overwrite` is not given.
        """
        before, now = dict(self.job), dict(job)
        for values in (before, now):
            values.pop("threads", None)
        done = any(record.get("status") == "done" for record in self.journal.records.values())
        anew = bool(self.job) and before != now
        if anew and done and not overwrite:
            raise Img2MeshError(
                f"{self.folder} was made {_difference(before, now)}: give another -o, or --overwrite to make all anew."
            )
        if not self.job or anew or job.get("threads") != self.job.get("threads"):
            with atomic_file(self._description) as temporary:
                temporary.write_text(json.dumps(dict(job), indent=1), encoding="utf-8")
            self.job = dict(job)
        return anew

    def reports(self) -> list[Path]:
        """The files beside the meshes that every batch writes."""
        return [self.folder / name for name in REPORTS]

    def check_reports(self, overwrite: bool) -> None:
        """Refuse to replace a report of somebody else's: without a state folder's journal it is not ours.

        Raises:
            Img2MeshError: names the file.
        """
        if self.job or overwrite:
            return
        for path in self.reports():
            if path.exists():
                raise Img2MeshError(
                    f"-o would replace {path}, which img2mesh did not write: choose another place, or "
                    "give --overwrite."
                )

    def _busy(self) -> str:
        owner = _read(self._owner)
        who = (
            f" (process {owner['pid']} on {owner['host']}, since {owner['since']})" if "pid" in owner else ""
        )
        return f"Another img2mesh works on {self.folder}{who}: let it finish, or stop it."


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs, in a few words."""
    show: Callable[[Any], str] = lambda value: json.dumps(value) if not isinstance(value, str) else value  # noqa: E731
    flat_before, flat_now = _flat(before), _flat(now)
    names = [name for name in {**flat_before, **flat_now} if flat_before.get(name) != flat_now.get(name)]
    parts = [
        f"with {name} {show(flat_before.get(name))[:40]}, not {show(flat_now.get(name))[:40]}"
        for name in names[:3]
    ]
    return ", ".join(parts) + (", ..." if len(names) > 3 else "")


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: value for name, value in values.items() if name != "settings"}
    return {**flat, **values.get("settings", {})}
