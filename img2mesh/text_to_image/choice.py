"""Which of several pictures shows one whole object best: asked is the room that will cut it out."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.segment.checks import touched_sides
from img2mesh.segment.find import find_object
from img2mesh.segment.read import read_photo
from img2mesh.settings import Settings

TINY = 0.06  # share of the frame below which an object has few pixels


@dataclass(frozen=True)
class Verdict:
    """What the segment room says of a picture.

    Attributes:
        faults: sentences: no object, several, cut by the frame, tiny, doubtful.
        confidence: that what was found is the object and no more, 0..1.
        share: of the frame that it covers, 0..1.
    """

    faults: tuple[str, ...]
    confidence: float = 0.0
    share: float = 0.0

    @property
    def usable(self) -> bool:
        """Whether an object was found."""
        return self.share > 0

    @property
    def rank(self) -> tuple[bool, int, float]:
        """Greater is better: an object at all, few faults, a sure cutout."""
        return self.usable, -len(self.faults), self.confidence


def judge(picture: Image.Image, settings: Settings, progress: Progress) -> Verdict:
    """Look for the object."""
    try:
        found = find_object(read_photo(picture), settings, progress)
    except Img2MeshError as error:
        return Verdict((str(error),))
    solid = found.alpha >= 128
    share = float(solid.mean())
    faults = list(found.warnings)
    sides = touched_sides(solid)
    if sides and not any("touches" in text for text in faults):
        faults.append(f"The object is cut by the frame ({', '.join(sides)}).")
    if share < TINY and not any("covers only" in text for text in faults):
        faults.append(f"The object covers only {100 * share:.0f} % of the picture.")
    return Verdict(tuple(faults), round(found.confidence, 3), round(share, 4))
