"""The program's own segmentation network (`models.cutout`): a photo in, how likely each pixel is the object's out."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from img2mesh.core.files import data_folder
from img2mesh.core.images import bounding_box

if TYPE_CHECKING:
    from img2mesh.models.cutout import CutoutAnswer, CutoutNetwork

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
CLOSE = 0.1  # around the object, share of its longer side, when the mask is put to the test


class OwnMask(NamedTuple):
    """What the network found.

    Attributes:
        mask: (H, W) uint8, 0 or 255.
        quality: the intersection over union with the truth that the network expects of itself, 0..1.
        agreement: intersection over union of its answers to the photo and to the photo's mirror image.
        undecided: pixels that are neither the object's for sure nor the background's, per pixel of the object.
        nearer: intersection over union with its answer to the object alone, cropped with a narrow margin: a reflection
            or a neighbour that was taken for a part often looks otherwise then.
    """

    mask: np.ndarray
    quality: float
    agreement: float
    undecided: float
    nearer: float


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
        np.where(outlined(rgb, look.chance), 255, 0).astype(np.uint8),
        look.quality,
        look.agreement,
        undecided_share(look.chance),
        _nearer(rgb, look.chance > 0.5, folder),
    )


def undecided_share(chance: np.ndarray) -> float:
    """Pixels whose chance is neither high nor low, per pixel of the object."""
    between = (chance > UNDECIDED) & (chance < 1 - UNDECIDED)
    return float(between.sum()) / max(float((chance > 0.5).sum()), 1.0)


def outlined(rgb: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """(H, W) bool: what is undecided along the outline goes to the side whose colours it has (GrabCut).

    Args:
        rgb: (H, W, 3) uint8. chance: (H, W) float32, of the object.
    """
    import cv2

    height, width = chance.shape
    box = bounding_box(chance > UNDECIDED)
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
    box = bounding_box(first.chance > 0.5)
    if box is None:
        return first
    left, top, right, bottom = box
    if max((right - left) / width, (bottom - top) / height) > NEAR:
        return first
    part = _around(box, MARGIN, height, width)
    nearer = _look(np.ascontiguousarray(rgb[part]), folder)
    second = np.zeros_like(first.chance)
    second[part] = nearer.chance
    if overlap(first.chance > 0.5, second > 0.5) < SAME:
        return first
    return _Look(second, min(first.quality, nearer.quality), min(first.agreement, nearer.agreement))


def _nearer(rgb: np.ndarray, solid: np.ndarray, folder: Path) -> float:
    """`OwnMask.nearer` of a mask (H, W) bool; 0 where it is empty."""
    import cv2

    box = bounding_box(solid)
    if box is None:
        return 0.0
    part = _around(box, CLOSE, *solid.shape)
    net, size = _network(str(folder))
    alone = _answer(net, size, rgb[part], mirrored=False).alpha[0].sigmoid().numpy()
    height, width = solid[part].shape
    again = np.zeros_like(solid)
    again[part] = cv2.resize(alone, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    return overlap(again, solid)


def _around(box: tuple[int, int, int, int], margin: float, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a box with a margin, a share of its longer side, as far as the picture goes."""
    left, top, right, bottom = box
    more = margin * max(right - left, bottom - top)
    rows = slice(max(0, int(top - more)), min(height, int(bottom + more) + 1))
    return rows, slice(max(0, int(left - more)), min(width, int(right + more) + 1))


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boolean masks; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return 1.0 if union == 0 else float(np.count_nonzero(first & second) / union)


class _Look(NamedTuple):
    """(H, W) float32 chance that a pixel is the object's; the rest as in `OwnMask`."""

    chance: np.ndarray
    quality: float
    agreement: float


def _answer(net: CutoutNetwork, size: int, rgb: np.ndarray, mirrored: bool) -> CutoutAnswer:
    """Of a picture (H, W, 3) uint8, and of its mirror image."""
    import cv2
    import torch

    small = cv2.resize(np.ascontiguousarray(rgb), (size, size), interpolation=cv2.INTER_AREA)
    pictures = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 127.5 - 1
    if mirrored:
        pictures = torch.cat([pictures, pictures.flip(3)])
    with torch.no_grad():
        return net(pictures.to(memory_format=torch.channels_last))


def _look(rgb: np.ndarray, folder: Path) -> _Look:
    import cv2

    net, size = _network(str(folder))
    height, width = rgb.shape[:2]
    answer = _answer(net, size, rgb, mirrored=True)
    chances = answer.alpha.sigmoid()
    plain, mirrored = chances[0].numpy(), chances[1].flip(1).numpy()
    chance = cv2.resize((plain + mirrored) / 2, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return _Look(chance, float(answer.quality.sigmoid().mean()), overlap(plain > 0.5, mirrored > 0.5))


@functools.lru_cache(maxsize=1)
def _network(folder: str) -> tuple[CutoutNetwork, int]:
    from img2mesh.models.cutout import SIZE, load_cutout

    net, record = load_cutout(Path(folder))
    return net, int(record.get("size", SIZE))
