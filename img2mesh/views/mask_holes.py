"""Holes in masks that are none: pale or glassy parts that whoever made the mask took for background.

What is seen through a hole is background all over, but for a rim that both share. A part of the object in the
background's colour, keyed or segmented away, leaves a hole whose middle is half transparent.
"""

from __future__ import annotations

import numpy as np

RIM = 2  # pixels from a hole's edge that the object's antialiasing or matting reaches
CLEAR = 5  # alpha of 255 up to which a pixel is background
OPEN = 0.5  # share of clear pixels in a hole's middle from which on it is one


def without_false_holes(rgba: np.ndarray) -> tuple[np.ndarray, int]:
    """The picture with such holes filled, and their number.

    Args:
        rgba: (H, W, 4) uint8, straight alpha.

    Returns:
        The same array where there are none; else a copy that is opaque there, with colours from around: those that a
        matte leaves in a hole are the background's as much as the object's.
    """
    import cv2

    alpha = rgba[..., 3]
    _, labels = cv2.connectedComponents((alpha < 128).astype(np.uint8), connectivity=4)
    outside = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    middle = cv2.distanceTransform((alpha < 128).astype(np.uint8), cv2.DIST_L2, 3) > RIM
    size = np.bincount(labels[middle], minlength=labels.max() + 1)
    clear = np.bincount(labels[middle & (alpha <= CLEAR)], minlength=len(size))
    false = (size > 0) & (clear < OPEN * size)
    false[outside] = False
    false[0] = False
    if not false.any():
        return rgba, 0
    hole = false[labels]
    filled = rgba.copy()
    rim = cv2.dilate(hole.astype(np.uint8), np.ones((2 * RIM + 1,) * 2, np.uint8)) > 0
    filled[hole | (rim & (alpha >= 128)), 3] = 255
    lost = hole.astype(np.uint8)
    colours = np.ascontiguousarray(rgba[..., :3])
    filled[..., :3] = np.where(lost[..., None], cv2.inpaint(colours, lost, 3, cv2.INPAINT_TELEA), colours)
    return filled, int(false.sum())
