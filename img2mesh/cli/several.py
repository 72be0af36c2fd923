"""Options for further photos of the same object."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from img2mesh.cli import checks
from img2mesh.errors import Img2MeshError

if TYPE_CHECKING:
    from img2mesh.photos.photo import Photo


def _side(name: str, text: str) -> object:
    return typer.Option(f"--{name}", metavar="PHOTO", help=text)


Left = Annotated[
    Path | None, _side("left", "A photo of the object's own left side: that of its left hand, if it had one.")
]
Right = Annotated[Path | None, _side("right", "A photo of the object's own right side.")]
Back = Annotated[Path | None, _side("back", "A photo of its back.")]
Top = Annotated[Path | None, _side("top", "A photo from above.")]
Bottom = Annotated[Path | None, _side("bottom", "A photo from below.")]
More = Annotated[
    list[str] | None,
    typer.Option(
        "--photo",
        metavar="AZ[,EL]=PHOTO",
        help="A photo from azimuth AZ (degrees from the front towards the object's left), elevation EL; repeatable.",
    ),
]
Turntable = Annotated[
    bool,
    typer.Option(
        "--turntable",
        help="The photos, or the folder's in name order, are one turn of the object, evenly spaced.",
    ),
]
Poses = Annotated[
    Literal["colmap"] | None,
    typer.Option(
        "--poses",
        metavar="colmap",
        help="The photos, or the folder's in name order, were taken by hand from all round an object that stands "
        "still: COLMAP finds out where from (extra [colmap]).",
    ),
]
Clockwise = Annotated[
    bool | None,
    typer.Option(
        "--clockwise/--counter-clockwise",
        help="How a turntable turns, seen from above. Default: found from the photos.",
    ),
]


def gathered(front: list[Path], sides: dict[str, Path | None], more: list[str] | None) -> list[Photo]:
    """The photos of one object that the options name, the front first; empty where there is only a front.

    Raises:
        Img2MeshError: a file is missing, or several fronts are given.
    """
    named = {side: path for side, path in sides.items() if path is not None}
    if not named and not more:
        return []
    from img2mesh.photos.photo import Photo, object_of, parse_photo

    if len(front) != 1 or front[0].is_dir():
        options = ", ".join([*(f"--{side}" for side in named), *(["--photo"] if more else [])])
        raise Img2MeshError(f"{options}: give one photo of the front, not several or a folder.")
    photos = [Photo(front[0], name=front[0].name)]
    photos += [Photo.of_side(side, path) for side, path in named.items()]
    photos += [parse_photo(text) for text in more or []]
    for photo in photos[1:]:
        checks.check_input(Path(str(photo.source)))
    return object_of(photos)


class Turn(tuple[Path, ...]):
    """The photos of a turntable, in order."""


class Scan(tuple[Path, ...]):
    """Photos taken by hand from all round, in order."""


def turn_of(photos: list[Path], group: list[Photo], turntable: bool) -> Turn:
    """The photos of one turn: those of a folder by name, numbers by their value, or those named.

    Raises:
        Img2MeshError: options that contradict each other, or a folder among files.
    """
    if not turntable:
        raise Img2MeshError("--clockwise and --counter-clockwise are for --turntable.")
    return Turn(_all_of_one(photos, group, "--turntable"))


def scan_of(photos: list[Path], group: list[Photo], turntable: bool) -> Scan:
    """The photos of a walk around an object, as for `turn_of`.

    Raises:
        Img2MeshError: options that contradict each other, a folder among files, too few photos, or no pycolmap.
    """
    if turntable:
        raise Img2MeshError(
            "--poses colmap is for a thing that stands still, --turntable for one that turns: give one."
        )
    from img2mesh.photos.structure_from_motion import check_scan

    found = Scan(_all_of_one(photos, group, "--poses colmap"))
    check_scan(len(found))
    return found


def _all_of_one(photos: list[Path], group: list[Photo], option: str) -> list[Path]:
    """The photos of one object, of a folder in the order of their names."""
    if group:
        raise Img2MeshError(
            f"{option} takes all photos of one object; --back, --left and the like don't go with it."
        )
    if len(photos) == 1 and photos[0].is_dir():
        from img2mesh.batch.inputs import find_photos

        found = [photo.path for photo in find_photos(photos)[0]]
        return sorted(found, key=lambda path: _by_number(path.name))
    if any(path.is_dir() for path in photos):
        raise Img2MeshError(f"{option} takes one folder, or the photos themselves.")
    return photos


def _by_number(name: str) -> list[tuple[int, int, str]]:
    """A key by which `9.jpg` comes before `10.jpg`."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
