"""Openings that a network's mask has closed: through a headphone's bow, between spokes."""

from __future__ import annotations

import numpy as np

from img2mesh.segment.background import fill_from, find_background, to_lab
from img2mesh.segment.plain import PLAIN, WORK, background_holes

SMALLEST = 1e-3  # share of the frame: smaller patches of the background's colour may well be paint
EXACT = 0.6  # of the background's tolerance; a printed white is hardly ever the backdrop's
AGREED = 0.8  # share of a patch's inside that has to be exact


def open_mask(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A network's mask without the enclosed patches through which a plain background shows.

    Networks for salient objects like to fill an object's outline. Where the photo's border is a plain or graded
    background, patches inside the mask that are the background to within its noise are openings.

    Args:
        rgb: (H, W, 3) uint8. mask: (H, W) uint8, object >= 128.

    Returns:
        (H, W) uint8; the same array where nothing is opened.
    """
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, WORK / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small, inside = (
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
        for picture in (rgb, mask)
    )
    lab = to_lab(cv2.GaussianBlur(small, (0, 0), 0.6))
    background = find_background(lab)
    if background.explained < PLAIN:
        return mask
    cross = np.ones((3, 3), np.uint8)
    residual = np.full(lab.shape[:2], np.inf, np.float32)
    for surface in background.surfaces:
        known = cv2.erode(surface.astype(np.uint8), cross, borderValue=1)
        residual = np.minimum(residual, np.linalg.norm(lab - fill_from(lab, known), axis=-1))
    exact = EXACT * background.tolerance
    found = background_holes(residual, background.sure, background.tolerance) & (inside >= 128)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=4)
    opened = np.zeros(found.shape, np.float32)
    for label in range(1, count):
        patch = labels == label
        core = cv2.erode(patch.astype(np.uint8), cross) > 0
        if (cv2.dilate(patch.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)[inside < 128].any():
            continue  # the network drew an outline here and had its reasons
        if (
            stats[label, cv2.CC_STAT_AREA] >= SMALLEST * found.size
            and (residual[core] < exact).mean() >= AGREED
        ):
            opened[patch] = 1
    if not opened.any():
        return mask
    if scale < 1:
        opened = cv2.resize(opened, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.where(opened > 0.5, 0, mask).astype(np.uint8)
