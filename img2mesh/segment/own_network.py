"""The program's own segmentation network (`models.cutout`): a photo in, how likely each pixel is the object's out."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from img2mesh.core.files import data_folder

if TYPE_CHECKING:
    from img2mesh.models.cutout import CutoutNetwork

NAME = "cutout"
NEAR = 0.62  # share of the frame: an object whose box is smaller is looked at again, from nearer
MARGIN = 0.25  # around it then, share of its longer side
UNDECIDED = 0.1  # chances between this and 1 minus this leave it to the colours
WORK = 480  # longer side at which they decide; edges are refined at full size afterwards
_REACH, _ENOUGH = (
    2,
    20,
)  # pixels beyond what is undecided that are as well; pixels that a side needs to have colours
_AROUND = (-24, -24, 24, 24)  # pixels around the object that show the background's colours
SAME = 0.6  # intersection over union with the first look, from which the second one counts


class OwnMask(NamedTuple):
    """What the network found.

    Attributes:
        mask: (H, W) uint8, 0 or 255.
        quality: the intersection over union with the truth that the network expects of itself, 0..1.
        agreement: intersection over union of its answers to the photo and to the photo's mirror image.
    """

    mask: np.ndarray
    quality: float
    agreement: float


def find_weights() -> Path | None:
    """The network's folder, or None where it was not shipped."""
    folder = data_folder("weights") / NAME
    return folder if folder.is_dir() else None


def own_mask(rgb: np.ndarray, folder: Path) -> OwnMask:
    """The object of a photo; of a small one the second look, from nearer, counts. Colours draw the outline.

    Args:
        rgb: (H, W, 3) uint8. folder: the weights (`find_weights`).

    Raises:
        Img2MeshError: the weights are damaged.
    """
    look = _two_looks(rgb, folder)
    return OwnMask(
        np.where(outlined(rgb, look.chance), 255, 0).astype(np.uint8), look.quality, look.agreement
    )


def outlined(rgb: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """(H, W) bool: what is undecided along the outline goes to the side whose colours it has (GrabCut).

    Args:
        rgb: (H, W, 3) uint8. chance: (H, W) float32, of the object.
    """
    import cv2

    height, width = chance.shape
    box = _box(chance > UNDECIDED)
    if box is None:
        return chance > 0.5
    scale = min(1.0, WORK / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small, likely = (
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
        for picture in (rgb, chance)
    )
    x0, y0, x1, y1 = (max(0, round(edge * scale) + grow) for edge, grow in zip(box, _AROUND, strict=True))
    part, likely = np.ascontiguousarray(small[y0:y1, x0:x1]), likely[y0:y1, x0:x1]
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _REACH + 1, 2 * _REACH + 1))
    marks = np.where(likely > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    marks[cv2.erode((likely > 1 - UNDECIDED).astype(np.uint8), disc, borderValue=1) > 0] = cv2.GC_FGD
    marks[cv2.dilate((likely > UNDECIDED).astype(np.uint8), disc) == 0] = cv2.GC_BGD
    if min((marks == cv2.GC_FGD).sum(), (marks == cv2.GC_BGD).sum()) < _ENOUGH:
        return chance > 0.5
    cv2.setRNGSeed(0)  # GrabCut starts its mixtures with k-means, which draws random centres
    cv2.grabCut(part, marks, None, np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
    found = np.zeros(small.shape[:2], np.float32)
    found[y0:y1, x0:x1] = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    if scale < 1:
        found = cv2.resize(found, (width, height), interpolation=cv2.INTER_CUBIC)
    return found > 0.5


def _two_looks(rgb: np.ndarray, folder: Path) -> _Look:
    first = _look(rgb, folder)
    height, width = rgb.shape[:2]
    box = _box(first.chance > 0.5)
    if box is None:
        return first
    left, top, right, bottom = box
    if max((right - left) / width, (bottom - top) / height) > NEAR:
        return first
    around = MARGIN * max(right - left, bottom - top)
    x0, y0 = max(0, int(left - around)), max(0, int(top - around))
    x1, y1 = min(width, int(right + around) + 1), min(height, int(bottom + around) + 1)
    nearer = _look(np.ascontiguousarray(rgb[y0:y1, x0:x1]), folder)
    second = np.zeros_like(first.chance)
    second[y0:y1, x0:x1] = nearer.chance
    if overlap(first.chance > 0.5, second > 0.5) < SAME:
        return first
    return _Look(second, min(first.quality, nearer.quality), min(first.agreement, nearer.agreement))


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boolean masks; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return 1.0 if union == 0 else np.count_nonzero(first & second) / union


class _Look(NamedTuple):
    """(H, W) float32 chance that a pixel is the object's; the rest as in `OwnMask`."""

    chance: np.ndarray
    quality: float
    agreement: float


def _look(rgb: np.ndarray, folder: Path) -> _Look:
    import cv2
    import torch

    net, size = _network(str(folder))
    height, width = rgb.shape[:2]
    small = cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA)
    picture = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 127.5 - 1
    both = torch.cat([picture, picture.flip(3)]).to(memory_format=torch.channels_last)
    with torch.no_grad():
        answer = net(both)
    chances = answer.alpha.sigmoid()
    plain, mirrored = chances[0].numpy(), chances[1].flip(1).numpy()
    chance = cv2.resize((plain + mirrored) / 2, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return _Look(chance, float(answer.quality.sigmoid().mean()), overlap(plain > 0.5, mirrored > 0.5))


def _box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@functools.lru_cache(maxsize=1)
def _network(folder: str) -> tuple[CutoutNetwork, int]:
    from img2mesh.models.cutout import SIZE, load_cutout

    net, record = load_cutout(Path(folder))
    return net, int(record.get("size", SIZE))
