"""Which items there are, and which of them are still to be made."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from img2mesh.batch import groups
from img2mesh.batch.entry import Entry
from img2mesh.batch.inputs import LISTS, find_photos, no_photos
from img2mesh.batch.job_folder import JobFolder
from img2mesh.batch.journal import Record
from img2mesh.batch.keys import item_key
from img2mesh.batch.lists import read_list
from img2mesh.batch.names import assign
from img2mesh.jobs.fingerprint import Fingerprint, unchanged
from img2mesh.jobs.item import Item
from img2mesh.outputs import Output, check_outputs, kept_outputs, mesh_outputs
from img2mesh.settings import Settings

SETTLED = (
    1.5  # seconds since its last change before a photo of a watched folder is read: it may still be arriving
)


@dataclass(frozen=True)
class Request:
    """What a batch is asked for.

    Attributes:
        inputs: photos, folders, lists (.csv, .jsonl).
        suffix: of the meshes; preview: of a picture of each (.png, .gif, .mp4), or None.
        keep: folder for every stage's product, a sub-folder for each item.
        group_by: one of `groups.WAYS`.
        overwrite: replace existing files that this program did not write, and meshes of other settings.
        retry_failed: try again what failed in an earlier run.
        watch: go on looking for photos until told to stop.
        others: more files that the run reads; reports: more that it writes.
    """

    inputs: tuple[Path, ...]
    settings: Settings
    suffix: str = ".glb"
    preview: str | None = None
    keep: Path | None = None
    recursive: bool = False
    group_by: str = "none"
    overwrite: bool = False
    retry_failed: bool = False
    watch: bool = False
    others: tuple[Path, ...] = ()
    reports: tuple[Output, ...] = ()


@dataclass
class Plan:
    """The items of a request in a job folder.

    Attributes:
        items: every item by name.
        entries: what each of them was asked for as.
        done, failed: names whose earlier result stands.
        skipped: files that were passed over.
        tried: names that this run has taken on.
    """

    request: Request
    place: JobFolder
    items: dict[str, Item] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    skipped: list[Path] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)

    def scan(self, busy: Iterable[str] = ()) -> list[Item]:
        """Look at the inputs: the items that are to be made now, in the order of the inputs.

        Args:
            busy: names that are being made.

        Raises:
            Img2MeshError: an input cannot be read; no photos (but where they may still come); a file would be lost.
        """
        entries = self._entries()
        journal = self.place.journal
        names = assign(entries, journal.names(), self._mesh_files, self.place.reports())
        busy, todo = set(busy), []
        self.items = {name: self._item(name, entry) for name, entry in zip(names, entries, strict=True)}
        self.entries = dict(zip(names, entries, strict=True))
        self.done, self.failed = set(), set()
        for name, item in self.items.items():
            if name in busy or (self.request.watch and not _settled(item)):
                continue
            status = self._standing(item, journal.records.get(name))
            again = name in self.tried  # a run makes an item once, but where it is there to see changes
            if status == "done":
                self.done.add(name)
            elif status == "failed" and (again or not self.request.retry_failed):
                self.failed.add(name)
            elif not again or self.request.watch:
                todo.append(item)
        self._check(todo)
        self.tried |= {item.name for item in todo}
        return todo

    def outputs(self, name: str) -> list[Output]:
        """The files of an item beside what `keep` makes."""
        item = self.items[name]
        drawn = [] if item.preview is None else [Output("--preview", item.preview)]
        return [*mesh_outputs(item.output, settings=item.settings), *drawn]

    def _entries(self) -> list[Entry]:
        request = self.request
        lists = [path for path in request.inputs if path.suffix.lower() in LISTS and path.is_file()]
        others = [path for path in request.inputs if path not in lists]
        but = [self.place.folder] + ([request.keep] if request.keep is not None else [])
        deep = request.recursive or request.group_by == "folder"
        photos, self.skipped = find_photos(others, deep, but)
        entries = groups.entries(photos, request.group_by)
        for path in lists:
            entries += read_list(path, request.settings)
        sources: dict[str, int] = {}
        for index, entry in enumerate(entries):  # a photo may stand on a list twice, for two sizes
            count = sources[entry.source] = sources.get(entry.source, 0) + 1
            if count > 1:
                source = f"{entry.source} ({count})"
                entries[index] = Entry(
                    source, entry.pictures, entry.wanted, entry.asked, entry.changes, entry.category
                )
        if not entries and not request.watch:
            raise no_photos(request.inputs, self.skipped)
        return entries

    def _mesh_files(self, name: str) -> list[Path]:
        target = self.place.folder / (name + self.request.suffix)
        preview = self.request.preview
        drawn = [] if preview is None else [self.place.folder / (name + preview)]
        kept = [] if self.request.keep is None else [self.request.keep / name]
        meshes = mesh_outputs(target, settings=self.request.settings)
        return [*(output.path for output in meshes), *drawn, *kept]

    def _item(self, name: str, entry: Entry) -> Item:
        request, folder = self.request, self.place.folder.absolute()
        short = hashlib.sha256(os.fsencode(name)).hexdigest()[:20]
        return Item(
            name,
            entry.pictures,
            folder / (name + request.suffix),
            request.settings.replace(**dict(entry.changes)) if entry.changes else request.settings,
            None if request.preview is None else folder / (name + request.preview),
            None if request.keep is None else request.keep / name,
            self.place.thumbnails.absolute() / short[:2] / f"{short}.webp",
            self.place.work.absolute(),
        )

    def _standing(self, item: Item, record: Record | None) -> str | None:
        """`done` or `failed` where an earlier result is still right."""
        if record is None or record.get("key") != item_key(item, self.place.job):
            return None
        prints = [Fingerprint(*each) if each else None for each in record.get("prints", ())]
        if len(prints) != len(item.photos):
            return None
        if not all(unchanged(p.path, before) for p, before in zip(item.photos, prints, strict=True)):
            return None
        if record.get("status") == "done" and not self.whole(record.get("files", {})):
            return None
        return record.get("status")

    def whole(self, files: dict[str, Any]) -> bool:
        """Whether files of the folder are there with their sizes."""
        try:
            return all((self.place.folder / name).stat().st_size == size for name, size in files.items())
        except OSError:
            return False

    def _check(self, todo: Sequence[Item]) -> None:
        """Nothing of the user's is replaced.

        Raises:
            Img2MeshError: it would be.
        """
        inputs = [picture.path for item in self.items.values() for picture in item.photos]
        planned = [output for item in todo for output in self.outputs(item.name)]
        for item in todo:
            if item.keep is not None and item.keep.exists():
                planned += kept_outputs(item.keep, item.settings.views)
        request = self.request
        check_outputs(
            [*planned, *request.reports], [*inputs, *request.inputs, *request.others], request.overwrite
        )


def _settled(item: Item) -> bool:
    try:
        return all(time.time() - picture.path.stat().st_mtime > SETTLED for picture in item.photos)
    except OSError:
        return False
