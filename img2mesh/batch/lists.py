"""Lists of photos: a CSV file with a header, or one JSON object a line.

Columns: `photo` (needed), `output` (the mesh's name), `category`, `height`, `seed`, `elevation`, `symmetry`, `box`,
`point`, `faces`, `texture_size`, `photos` (more of the same object: `back=b.jpg; left=l.jpg; 30=c.jpg; 30,15=d.jpg`; in
JSON also an object). Empty cells are the batch's own. Paths are relative to the list.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from img2mesh.batch.entry import Entry
from img2mesh.batch.groups import SIDES
from img2mesh.errors import Img2MeshError
from img2mesh.jobs.item import Picture
from img2mesh.settings import Settings

SETTINGS = ("height", "seed", "elevation", "symmetry", "box", "point", "faces", "texture_size")
_WHOLE = ("seed", "faces", "texture_size")
COLUMNS = ("photo", "output", "category", "photos", *SETTINGS)


def read_list(path: Path, settings: Settings) -> list[Entry]:
    """The entries of a list.

    Args:
        settings: of the batch, to check each line's values with.

    Raises:
        Img2MeshError: no such list, an unknown column, a value out of range, a name that stands twice; the sentence
            names the line.
    """
    entries, names = [], set()
    for number, row in _rows(path):
        where = f"{path}, line {number}"
        entry = _entry(row, path.parent, settings, where)
        if entry.asked:
            if entry.wanted.casefold() in names:
                raise Img2MeshError(f"{where}: the output {entry.wanted} stands twice.")
            names.add(entry.wanted.casefold())
        entries.append(entry)
    if not entries:
        raise Img2MeshError(f"{path} lists no photos.")
    return entries


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Img2MeshError(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise Img2MeshError(f"Cannot read {path}: {error.strerror}.") from None
    if path.suffix.lower() == ".csv":
        yield from _csv_rows(text, path)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise Img2MeshError(f"{path}, line {number}: not a JSON object.")
            _check_columns(row, f"{path}, line {number}")
            yield number, row


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = text.splitlines()
    head = lines[0] if lines else ""
    separator = max(",;\t", key=head.count)  # spreadsheets write semicolons where the comma is decimal
    reader = csv.DictReader(lines, delimiter=separator, skipinitialspace=True)
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    _check_columns(dict.fromkeys(reader.fieldnames), f"{path}, line 1")
    try:
        for row in reader:
            if None in row:
                raise Img2MeshError(f"{path}, line {reader.line_num}: more cells than columns.")
            if any(row.values()):
                yield reader.line_num, dict(row)
    except csv.Error as error:
        raise Img2MeshError(f"{path}, line {reader.line_num}: {error}.") from None


def _check_columns(row: dict[str, Any], where: str) -> None:
    for name in row:
        if name not in COLUMNS:
            raise Img2MeshError(f"{where}: unknown column {name!r}; there are {', '.join(COLUMNS)}.")
    if "photo" not in row:
        raise Img2MeshError(f"{where}: there is no column photo.")


def _entry(row: dict[str, Any], folder: Path, settings: Settings, where: str) -> Entry:
    cells = {name: value for name, value in row.items() if value not in (None, "")}
    photo = cells.get("photo")
    if not isinstance(photo, str) or "\0" in photo:
        raise Img2MeshError(f"{where}: no photo.")
    changes = {}
    for name in SETTINGS:
        if name in cells:
            value = cells[name]
            if name in _WHOLE and isinstance(value, str):
                if not re.fullmatch(r"\s*\d+\s*", value):
                    raise Img2MeshError(f"{where}: {name} must be a whole number, not {value!r}.")
                value = int(value)
            changes[name] = value
    try:
        settings.replace(**changes)
    except Img2MeshError as error:
        raise Img2MeshError(f"{where}: {error}") from None
    wanted = _name(str(cells.get("output", "")) or PurePosixPath(photo.replace("\\", "/")).stem, where)
    more = _more(cells.get("photos"), folder, where)
    return Entry(
        f"{wanted} of {photo}" if "output" in cells else photo,
        (Picture(folder / photo), *more),
        wanted,
        "output" in cells,
        tuple(changes.items()),
        str(cells.get("category", "")),
    )


def _name(text: str, where: str) -> str:
    """A file name, perhaps with folders, that stays inside of the batch's folder."""
    place = PurePosixPath(text.replace("\\", "/"))
    if place.suffix.lower() in (".glb", ".obj", ".ply", ".stl", ".3mf", ".usdz"):
        place = place.with_suffix("")
    if place.is_absolute() or ".." in place.parts or not place.name or place.name.startswith("."):
        raise Img2MeshError(f"{where}: the output {text!r} is no name inside of -o.")
    return str(place)


def _more(value: Any, folder: Path, where: str) -> tuple[Picture, ...]:
    if not value:
        return ()
    if isinstance(value, str):
        parts = [part.strip().partition("=") for part in value.split(";") if part.strip()]
        pairs = [(side.strip(), name.strip()) if name else ("", side) for side, _, name in parts]
    elif isinstance(value, dict):
        pairs = [(str(side), str(name)) for side, name in value.items()]
    elif isinstance(value, list):
        pairs = [("", str(name)) for name in value]
    else:
        raise Img2MeshError(f"{where}: photos must be SIDE=FILE; SIDE=FILE.")
    return tuple(Picture(folder / name, *_direction(side, where)) for side, name in pairs)


def _direction(side: str, where: str) -> tuple[float | None, float | None]:
    if not side:
        return None, None
    if side.lower() in SIDES:
        return SIDES[side.lower()]
    try:
        azimuth, _, elevation = side.partition(",")
        return float(azimuth), float(elevation) if elevation else None
    except ValueError:
        raise Img2MeshError(f"{where}: {side!r} is neither {', '.join(SIDES)} nor degrees.") from None
