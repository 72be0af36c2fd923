"""Brings the photo's frame into line with the synthesized views'.

Recentring a cutout forgets where the object stood in the frame and how much of it it filled. The sampler draws
objects in the middle of the unit cube, so the photo may claim room that no synthesized view leaves it; the field
would then cut the photo's object off. Scale and shift of the photo are free parameters of its camera (focal
length and principal point): the smallest change that fits its silhouette into the others' hull is taken.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.view import View
from img2mesh.views.scene_normalization import inside

CELLS = 44  # of the grid, per side
HALF = 0.75  # its half side, world units
SIZE = 96  # pixels per side in which silhouettes are compared
WIDEST = 64  # pixels by which masks are grown exactly as a disc does
ENOUGH = 0.02  # share of the photo's silhouette outside of the hull that is left alone
# Larger changes mean that the views are bad, not that the frame is off; the field then follows the photo instead.
SCALES = np.arange(1.0, 0.89, -0.025)
SHIFTS = np.arange(-5, 6)  # pixels of SIZE
PRICE_SCALE, PRICE_SHIFT = 0.2, 0.15  # of a change by one, and by the whole frame, in shares uncovered


def align_photo(photo: Camera, mask: np.ndarray, views: list[View]) -> tuple[Camera, dict]:
    """The photo's camera, its focal length and principal point changed if the views' hull does not hold it.

    Args:
        photo: camera of the recentred photo.
        mask: (H, W) float in [0, 1], the photo's alpha.
        views: the synthesized views.

    Returns:
        The camera, and facts: photo_outside (share of the silhouette outside of the hull before), photo_scale,
        photo_shift (pixels of the photo's own size).
    """
    import cv2

    hull = silhouette(common_solid(views), photo)
    small = cv2.resize(mask.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    outside = _outside(small, hull)
    facts = {"photo_outside": round(outside, 4), "photo_scale": 1.0, "photo_shift": [0.0, 0.0]}
    if outside <= ENOUGH or not hull.any():
        return photo, facts
    best, chosen = np.inf, (1.0, 0, 0)
    for scale in SCALES:
        # Shifting the hull the other way is the same as shifting the photo, and needs no resampling.
        centre = SIZE / 2 - 0.5
        warp = np.array([[scale, 0, centre * (1 - scale)], [0, scale, centre * (1 - scale)]])
        scaled = cv2.warpAffine(small, warp, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
        for dy in SHIFTS:
            for dx in SHIFTS:
                price = PRICE_SCALE * (1 - scale) + PRICE_SHIFT * np.hypot(dx, dy) / SIZE
                if price >= best:
                    continue
                cost = price + _outside(scaled, np.roll(hull, (-dy, -dx), axis=(0, 1)))
                if cost < best:
                    best, chosen = cost, (float(scale), int(dx), int(dy))
    scale, shift = chosen[0], np.array(chosen[1:]) * photo.width / SIZE
    facts.update(photo_scale=round(scale, 4), photo_shift=[round(float(s), 2) for s in shift])
    # A photo pixel p shows what the unchanged camera sees at c + scale (p - c) + shift.
    changed = dataclasses.replace(
        photo,
        fl_x=photo.fl_x / scale,
        fl_y=photo.fl_y / scale,
        cx=photo.cx - shift[0] / scale,
        cy=photo.cy - shift[1] / scale,
    )
    return changed, facts


def _outside(mask: np.ndarray, hull: np.ndarray) -> float:
    return float(mask[~hull].sum() / max(mask.sum(), 1e-6))


def common_solid(views: list[View], generous: bool = True) -> np.ndarray:
    """(N, 3) centres of the grid's cells that the views' silhouettes leave: their common solid.

    One view in ten may be wrong before anything is carved away. With `generous` the masks are first grown by half
    a cell's width, so that parts thinner than a cell are not lost between the grid's points; without, the solid
    has the right size on average.
    """
    import cv2

    axis = (np.arange(CELLS) + 0.5) / CELLS * 2 * HALF - HALF
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    misses = np.zeros(len(points), dtype=np.int32)
    for view in views:
        grown = int(np.ceil(HALF / CELLS * view.camera.fl_x / view.camera.distance))
        mask = view.mask > 0.5
        if generous and grown > WIDEST:  # large kernels are slow
            mask = mask.any() & (cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) <= grown)
        elif generous:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grown + 1, 2 * grown + 1))
            mask = cv2.dilate(mask.astype(np.uint8), kernel) > 0
        misses += ~inside(view.camera, mask, points)
    return points[misses <= len(views) // 10]


def silhouette(solid: np.ndarray, camera: Camera) -> np.ndarray:
    """(SIZE, SIZE) bool: what the camera would see of the cells (N, 3) of a solid."""
    import cv2

    picture = np.zeros((SIZE, SIZE), np.uint8)
    if not len(solid):
        return picture.astype(bool)
    camera = camera.resized(SIZE, SIZE)
    pixels, depth = camera.project(solid)
    radius = np.ceil(0.5 * 2 * HALF / CELLS * camera.fl_x / np.maximum(depth, 1e-6)).astype(int)
    columns, rows = (np.clip(np.floor(pixels[:, k]), 0, SIZE - 1).astype(int) for k in (0, 1))
    picture[rows, columns] = 1
    side = (
        2 * min(int(np.median(radius)), SIZE) + 1
    )  # a cell's width fills the gaps between projected centres
    return cv2.dilate(picture, np.ones((side, side), np.uint8)).astype(bool)
