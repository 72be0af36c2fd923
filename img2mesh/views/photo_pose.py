"""Where the photo was taken from, seen from views whose cameras are known without it.

A sampler of fixed views frames the object in its own way and says nothing about the photo. Its views' common
solid does: the photo's silhouette must lie within the solid's, and what the photo carves away must not be missing
in the views. Elevation, scale and shift are tried; azimuth is 0 by definition.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.images import bounding_box
from img2mesh.core.view import View
from img2mesh.views.elevation import best_elevation
from img2mesh.views.photo_frame import SIZE, common_solid, silhouette
from img2mesh.views.scene_normalization import inside

LARGEST_CHANGE = 3.0  # of the frame's scale: beyond it the views show something else than the photo
# The solid is fatter than the object where few views look along its surface, so filling the photo with it makes the
# photo's object too large: it is made smaller, step by step, until its silhouette cuts off what the views show.
ZOOMS = np.arange(1.0, 1.29, 0.03)
TIE = 0.002  # share of silhouettes; the middle of what differs by less is taken

CLEAR = 0.04  # true pictures give confidences from 0.9 on with it


class Solid:
    """The common solid of views, and how well parts of it explain them."""

    def __init__(self, views: list[View]) -> None:
        self.points = common_solid(views, generous=False)
        self.cameras = [view.camera for view in views]
        self.masks = [_small(view.mask) for view in views]
        self.missing = self._missing(self.points)

    def _missing(self, points: np.ndarray) -> np.ndarray:
        """(V,) share of each view's silhouette that the points do not cover."""
        pairs = zip(self.masks, self.cameras, strict=True)
        return np.array([(m & ~silhouette(points, c)).sum() / max(1, m.sum()) for m, c in pairs])

    def lost(self, camera: Camera, mask: np.ndarray) -> float:
        """Mean share of the views' silhouettes that is lost when the photo's mask carves the solid too."""
        kept = self.points[inside(camera, mask, self.points)]
        return float(np.maximum(self._missing(kept) - self.missing, 0).mean())


def frame_photo(photo: Camera, mask: np.ndarray, solid: Solid) -> tuple[Camera, float]:
    """The camera, its focal length and principal point set so that the solid and the photo's silhouette agree.

    Args:
        photo: a camera at the photo's place; mask: (H, W) float in [0, 1], the photo's alpha.

    Returns:
        The camera, and agreement in [0, 1]: one minus the shares of the photo that the solid does not cover and of
        the views that the photo cuts off. The camera unchanged and 0 where one of them is empty or they differ
        beyond any framing.
    """
    small, full = _small(mask), mask > 0.5
    camera, hull = photo, silhouette(solid.points, photo)
    for _ in range(2):  # the first pass may look at a hull that its frame cuts off
        if not small.any() or not hull.any():
            return photo, 0.0
        wanted, found = _box(small), _box(hull)
        scale = float(np.sqrt(np.prod(wanted[1]) / np.prod(found[1])))
        if not 1 / LARGEST_CHANGE < scale * camera.fl_x / photo.fl_x < LARGEST_CHANGE:
            return photo, 0.0
        camera = _zoomed(camera, scale, found[0] * photo.width / SIZE, wanted[0] * photo.width / SIZE)
        hull = silhouette(solid.points, camera)
    centre = _box(small)[0] * photo.width / SIZE
    tried = [_zoomed(camera, zoom, centre, centre) for zoom in ZOOMS]
    costs = np.array(
        [(small & ~silhouette(solid.points, c)).sum() / small.sum() + solid.lost(c, full) for c in tried]
    )
    chosen = int(np.median(np.flatnonzero(costs <= costs.min() + TIE)))
    return tried[chosen], float(max(0.0, 1 - costs[chosen]))


def locate_photo(
    photo: np.ndarray, views: list[View], camera_at: Callable[[float], Camera], known_deg: float | None = None
) -> tuple[float, float, Camera, float]:
    """The photo's elevation and camera among views at known places.

    Args:
        photo: (S, S, 4) uint8, straight alpha.
        camera_at: makes the photo's camera, before framing, for an elevation in degrees.
        known_deg: the elevation, if it is known; then only the frame is sought.

    Returns:
        (elevation_deg, confidence in [0, 1], camera, agreement in [0, 1]); elevation and confidence as
        `best_elevation` has them, the photo being framed anew at each elevation.
    """
    solid, mask, confidence = Solid(views), photo[..., 3].astype(np.float32) / 255, 1.0
    if known_deg is None:
        others = [view.camera for view in views]
        known_deg, confidence = best_elevation(
            [photo, *(view.rgba for view in views)],
            lambda e: [frame_photo(camera_at(e), mask, solid)[0], *others],
            clear=CLEAR,
        )
    return known_deg, confidence, *frame_photo(camera_at(known_deg), mask, solid)


def _small(mask: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.resize(mask.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA) > 0.5


def _zoomed(camera: Camera, zoom: float, before: np.ndarray, after: np.ndarray) -> Camera:
    """The camera whose picture is enlarged by `zoom` and shows at pixel `after` what was at `before`."""
    return dataclasses.replace(
        camera,
        fl_x=camera.fl_x * zoom,
        fl_y=camera.fl_y * zoom,
        cx=float(after[0] + zoom * (camera.cx - before[0])),
        cy=float(after[1] + zoom * (camera.cy - before[1])),
    )


def _box(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre (x, y) and size (w, h) of what is set, in pixels."""
    left, top, right, bottom = bounding_box(picture) or (0, 0, *picture.shape[::-1])
    return np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top], float)
