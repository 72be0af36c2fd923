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
SAME = 0.6  # intersection over union with the first look, from which the second one counts


class OwnMask(NamedTuple):
    """What the network found.

    Attributes:
        chance: (H, W) float32 in [0, 1].
        quality: the intersection over union with the truth that the network expects of itself, 0..1.
        agreement: intersection over union of its answers to the photo and to the photo's mirror image.
    """

    chance: np.ndarray
    quality: float
    agreement: float

    @property
    def mask(self) -> np.ndarray:
        """(H, W) uint8, 0 or 255."""
        return np.where(self.chance > 0.5, 255, 0).astype(np.uint8)


def find_weights() -> Path | None:
    """The network's folder, or None where it was not shipped."""
    folder = data_folder("weights") / NAME
    return folder if folder.is_dir() else None


def own_mask(rgb: np.ndarray, folder: Path) -> OwnMask:
    """The object of a photo; of a small one the second look, from nearer, counts.

    Args:
        rgb: (H, W, 3) uint8. folder: the weights (`find_weights`).

    Raises:
        Img2MeshError: the weights are damaged.
    """
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
    return OwnMask(second, min(first.quality, nearer.quality), min(first.agreement, nearer.agreement))


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boolean masks; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return 1.0 if union == 0 else np.count_nonzero(first & second) / union


def _look(rgb: np.ndarray, folder: Path) -> OwnMask:
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
    return OwnMask(chance, float(answer.quality.sigmoid().mean()), overlap(plain > 0.5, mirrored > 0.5))


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
