"""Photos of one object: by a stem that their names share, or by the folder that they lie in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from img2mesh.batch.entry import Entry
from img2mesh.batch.inputs import Found
from img2mesh.jobs.item import Picture
from img2mesh.photos.photo import POLES
from img2mesh.photos.photo import SIDES as AZIMUTHS

WAYS = ("none", "stem", "folder")
# Azimuth and elevation in degrees.
SIDES: dict[str, tuple[float | None, float | None]] = {
    "front": (AZIMUTHS["front"], None),
    "back": (AZIMUTHS["back"], None),
    "rear": (AZIMUTHS["back"], None),
    "left": (AZIMUTHS["left"], None),
    "right": (AZIMUTHS["right"], None),
    "top": (None, POLES["top"]),
    "bottom": (None, POLES["bottom"]),
}
_SIDE = re.compile(rf"(?:(?P<stem>.*?)[ _.-]+)?(?P<side>{'|'.join(SIDES)})", re.IGNORECASE)


def entries(photos: Sequence[Found], way: str = "none") -> list[Entry]:
    """One entry for each photo (`none`), each stem before `_front`, `_back` ... (`stem`), or each folder (`folder`)."""
    if way == "none":
        return [single(photo) for photo in photos]
    groups: dict[str, dict[str, Found]] = {}
    alone: list[Found] = []
    for photo in photos:
        stem, side = split(photo.source) if way == "stem" else _in_folder(photo.source)
        if stem is None or side in groups.setdefault(stem, {}):
            alone.append(photo)
        else:
            groups[stem][side] = photo
    made = [_group(stem, members) for stem, members in groups.items() if members]
    return sorted([*made, *(single(photo) for photo in alone)], key=lambda entry: entry.source)


def single(photo: Found) -> Entry:
    """An entry of one photo."""
    return Entry(photo.source, (Picture(photo.path),), _without_suffix(photo.source))


def split(source: str) -> tuple[str, str]:
    """`shop/mug_back.jpg` is the `back` of `shop/mug`; without a side in its name a photo is the front."""
    place = PurePosixPath(source)
    match = _SIDE.fullmatch(place.stem)
    if match is None or not match["stem"]:
        return _without_suffix(source), "front"
    return str(place.with_name(match["stem"])), match["side"].lower()


def _in_folder(source: str) -> tuple[str | None, str]:
    """The folder, and the side or else the whole name, so that unnamed sides stay apart. None: not in a folder."""
    place = PurePosixPath(source)
    match = _SIDE.fullmatch(place.stem)
    folder = None if place.parent == PurePosixPath(".") else str(place.parent)
    return folder, match["side"].lower() if match else place.name


def _group(stem: str, members: dict[str, Found]) -> Entry:
    """The front first, then as `SIDES` has them, then by name."""
    order = list(SIDES)
    sides = sorted(members, key=lambda side: (order.index(side) if side in order else len(order), side))
    if len(members) == 1:
        return Entry(stem, (Picture(members[sides[0]].path),), stem)
    pictures = tuple(Picture(members[side].path, *SIDES.get(side, (None, None))) for side in sides)
    return Entry(stem, pictures, stem)


def _without_suffix(source: str) -> str:
    place = PurePosixPath(source)
    return str(place.with_name(place.stem)) if place.stem else source
