"""Where the photo was taken from, seen from views whose cameras are known without it.

A sampler of fixed views frames the object in its own way and says nothing about the photo. Its views' common
solid does: from the photo's camera, and only from there, it looks like the photo's silhouette. Elevation, scale
and shift are tried; azimuth is 0 by definition.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.cameras import Camera
from img2mesh.views.align import SIZE, common_solid, silhouette
from img2mesh.views.elevation import CANDIDATES, USUAL, USUAL_WEIGHT
from img2mesh.views.view import View

LARGEST_CHANGE = 3.0  # of the frame's scale: beyond it the views show something else than the photo


def frame_photo(photo: Camera, mask: np.ndarray, solid: np.ndarray) -> tuple[Camera, float]:
    """The camera, its focal length and principal point set so that the solid fills the photo's silhouette.

    Args:
        photo: a camera at the photo's place; mask: (H, W) float in [0, 1], the photo's alpha.
        solid: (N, 3) points of the views' common solid.

    Returns:
        The camera and how much of both silhouettes then overlaps (intersection over union); the camera unchanged
        and 0 where one of them is empty or they differ beyond any framing.
    """
    import cv2

    small = cv2.resize(mask.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA) > 0.5
    camera, hull = photo, silhouette(solid, photo)
    for _ in range(2):  # the first pass may look at a hull that its frame cuts off
        if not small.any() or not hull.any():
            return photo, 0.0
        wanted, found = _box(small), _box(hull)
        scale = float(np.sqrt(np.prod(wanted[1]) / np.prod(found[1])))
        if not 1 / LARGEST_CHANGE < scale * camera.fl_x / photo.fl_x < LARGEST_CHANGE:
            return photo, 0.0
        shift = (wanted[0] - scale * found[0]) * photo.width / SIZE
        camera = dataclasses.replace(
            camera,
            fl_x=camera.fl_x * scale,
            fl_y=camera.fl_y * scale,
            cx=camera.cx * scale + shift[0],
            cy=camera.cy * scale + shift[1],
        )
        hull = silhouette(solid, camera)
    return camera, float((hull & small).sum() / max(1, (hull | small).sum()))


def locate_photo(
    mask: np.ndarray, views: list[View], camera_at, known_deg: float | None = None
) -> tuple[float, float, Camera, float]:
    """The photo's elevation and camera among views at known places.

    Args:
        mask: (H, W) float in [0, 1], the photo's alpha.
        camera_at: makes the photo's camera, before framing, for an elevation in degrees.
        known_deg: the elevation, if it is known; then only the frame is sought.

    Returns:
        (elevation_deg, confidence in [0, 1], camera, overlap in [0, 1]). The confidence compares the best
        elevation's overlap with those more than 15 degrees away.
    """
    solid = common_solid(views, generous=False)
    if known_deg is not None:
        return known_deg, 1.0, *frame_photo(camera_at(known_deg), mask, solid)
    overlaps = np.array([frame_photo(camera_at(float(e)), mask, solid)[1] for e in CANDIDATES])
    score = overlaps - USUAL_WEIGHT / 10 * ((CANDIDATES - USUAL[0]) / USUAL[1]) ** 2
    best = int(np.argmax(score))
    elevation = float(CANDIDATES[best])
    if 0 < best < len(score) - 1:
        a, b, c = score[best - 1 : best + 2]
        if a - 2 * b + c < -1e-9:
            elevation += float(np.clip(0.5 * (a - c) / (a - 2 * b + c), -0.5, 0.5) * 5)
    gap = float(score[best] - score[np.abs(CANDIDATES - CANDIDATES[best]) > 15].max())
    camera, overlap = frame_photo(camera_at(elevation), mask, solid)
    return elevation, float(1 - np.exp(-max(gap, 0.0) / 0.03)), camera, overlap


def _box(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre (x, y) and size (w, h) of what is set, in pixels."""
    rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
    low, high = np.array([columns[0], rows[0]]), np.array([columns[-1], rows[-1]]) + 1
    return (low + high) / 2, (high - low).astype(float)
