"""A photo of one side of an object, as the user names it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from img2mesh.errors import Img2MeshError

if TYPE_CHECKING:
    from img2mesh.segment.read import Source
    from img2mesh.settings import Settings

# Azimuth in degrees of the camera that sees a side; left and right are the object's own (docs/conventions.md).
SIDES: dict[str, float] = {
    "front": 0.0,
    "left": 90.0,
    "back": 180.0,
    "right": 270.0,
    "top": 0.0,
    "bottom": 0.0,
}
POLES = {"top": 90.0, "bottom": -90.0}
OVERHEAD_DEG = 60.0  # elevation beyond which a photo counts as taken from above or below


@dataclass(frozen=True)
class Photo:
    """One picture of the object.

    Attributes:
        source: a path, bytes, an open binary file, a Pillow picture or an array (`img2mesh.segment.read_photo`).
        azimuth: degrees counter-clockwise from the front, seen from above; only roughly known, to some 15 degrees.
        elevation: degrees above the horizon, or None where it is not known.
        name: what messages call it: `front`, `back`, a file's name.

    Raises:
        Img2MeshError: an angle is no finite number, or the elevation lies beyond a pole.
    """

    source: Source
    azimuth: float = 0.0
    elevation: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.azimuth):
            raise Img2MeshError(f"The azimuth of a photo must be a finite number, not {self.azimuth}.")
        if self.elevation is not None and not -90 <= self.elevation <= 90:
            raise Img2MeshError(
                f"The elevation of a photo must lie between -90 and 90 degrees, not {self.elevation}."
            )
        if not self.name:
            named = isinstance(self.source, (str, Path))
            object.__setattr__(
                self, "name", Path(str(self.source)).name if named else f"{self.azimuth:g} degrees"
            )

    @classmethod
    def of_side(cls, side: str, source: Source) -> Photo:
        """The photo of a named side (`SIDES`).

        Raises:
            Img2MeshError: there is no such side.
        """
        if side not in SIDES:
            raise Img2MeshError(f"A side must be one of {', '.join(SIDES)}, not {side!r}.")
        return cls(source, SIDES[side], POLES.get(side), side)

    def told(self, settings: Settings) -> Settings:
        """The settings with the elevation that the user gave for this photo, if any."""
        return settings if self.elevation is None else settings.replace(elevation=f"{self.elevation:g}")

    @property
    def overhead(self) -> bool:
        """Whether it was taken from far above or below, where the picture's own turn is not known."""
        return self.elevation is not None and abs(self.elevation) > OVERHEAD_DEG


def parse_photo(text: str) -> Photo:
    """`30=three-quarter.jpg` (azimuth) or `30,15=three-quarter.jpg` (azimuth, elevation), degrees.

    Raises:
        Img2MeshError: it is neither.
    """
    angles, equals, path = text.partition("=")
    try:
        numbers = [float(part) for part in angles.split(",")]
    except ValueError:
        numbers = []
    if not equals or not path or len(numbers) not in (1, 2):
        raise Img2MeshError(
            f"--photo must be AZIMUTH=FILE or AZIMUTH,ELEVATION=FILE, such as 30,15=photo.jpg, not {text!r}."
        )
    return Photo(Path(path), numbers[0], numbers[1] if len(numbers) == 2 else None)


def object_of(photos: list[Photo]) -> list[Photo]:
    """The photos, checked: the one nearest to azimuth 0 that is not from above or below comes first, as the front.

    Azimuths are measured from it.

    Raises:
        Img2MeshError: there is none but overhead ones, or two claim the same direction.
    """
    import dataclasses

    upright = [photo for photo in photos if not photo.overhead]
    if not upright:
        raise Img2MeshError("At least one photo must show the object from the side, not from above or below.")

    def turn(photo: Photo) -> float:
        return abs((photo.azimuth + 180) % 360 - 180)

    first = min(upright, key=turn)
    rest = [photo for photo in photos if photo is not first]
    told = [(round(p.azimuth % 360, 3), p.elevation, p.overhead) for p in [first, *rest]]
    for k, direction in enumerate(told):
        if direction in told[:k]:
            other = [first, *rest][told.index(direction)]
            raise Img2MeshError(
                f"{[first, *rest][k].name} and {other.name} are said to be taken from the same direction."
            )
    shift = first.azimuth
    return [dataclasses.replace(p, azimuth=(p.azimuth - shift) % 360) for p in [first, *rest]]
