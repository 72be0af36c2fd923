"""How far drawn pictures are believed: outlines may be certain, as a ball's are, and all within them a blur.

A model that does not know what a side looks like draws the mean of what it may look like, which has no fine structure.
Of 22 photos the shipped model's views have 0.04 to 0.16 of the photo's, 0.38 of a dark one; views of published models
0.9 and more of the first one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from img2mesh.core.images import resize_rgba
from img2mesh.core.view import Source, View
from img2mesh.views.silhouette_confidence import SHARP, believed

SIDE = 256  # pixels of the pictures that are compared
COARSE = 3.0  # pixels: wider structures are no detail
RIM = 6  # pixels inside the outline that do not count
PLAIN = 1.0  # of 255: a thing of less detail has none that could be lost
LITTLE, ENOUGH = 0.2, 0.4  # share of the photo's detail at which pictures are not believed, and wholly


def detail(rgba: np.ndarray) -> float | None:
    """Standard deviation, of 255, of an object's brightness without what varies slowly.

    Args:
        rgba: (S, S, 4) uint8, straight alpha.

    Returns:
        None where nothing lies far enough inside of the outline.
    """
    import cv2

    rgba = rgba if rgba.shape[:2] == (SIDE, SIDE) else resize_rgba(rgba, SIDE, SIDE)
    mask = (rgba[..., 3] > 127).astype(np.float32)
    core = cv2.erode(mask, np.ones((2 * RIM + 1,) * 2, np.uint8), borderValue=0) > 0
    if not core.any():
        return None
    grey = rgba[..., :3].astype(np.float32).mean(axis=-1)
    total, weight = (cv2.GaussianBlur(picture, (0, 0), COARSE) for picture in (grey * mask, mask))
    return float((grey - total / np.maximum(weight, 1e-3))[core].std())


def detailed(views: Iterable[View]) -> float:
    """How far the drawn ones among some views have the photo's detail, in [0, 1]; 1 where either is missing."""
    views = list(views)
    photo = next(_details(views, Source.PHOTO), 0.0)
    shares = [value / photo for value in _details(views, Source.DRAWN)] if photo >= PLAIN else []
    if not shares:
        return 1.0
    return float(np.clip((np.median(shares) - LITTLE) / (ENOUGH - LITTLE), 0, 1))


def _details(views: list[View], source: Source) -> Iterator[float]:
    for view in views:
        if view.source is source and (value := detail(view.rgba)) is not None:
            yield value


def pictures_believed(views: Iterable[View]) -> float:
    """How far the colours of the drawn ones among some views are believed, in [0, 1]."""
    views = list(views)
    return believed(views) * detailed(views)


def sharp(views: Iterable[View]) -> bool:
    """Whether a sampler knew what it drew, so that its pictures are worth having as they are.

    The shipped model's outlines have a median certainty of 0 to 0.6 on most photos, and its pictures little detail;
    published checkpoints cut their objects out of a plain background, which leaves hardly any half-transparent pixels.
    """
    return pictures_believed(views) >= SHARP
