"""Line drawings: the object is the inside of its outline."""

from __future__ import annotations

import numpy as np

_FILLED = 2.5  # area of an outline with its inside over that of its strokes
_STROKE = 0.02  # half width of a stroke over the drawing's longer side, at most
_ONE_COLOUR = 14.0  # CIELAB units: spread of the strokes' colour along their middle
_WORK = 480  # longer side at which a mask is looked at
_GAP = 0.02  # of the longer side: gaps in an outline that are closed


def drawn_outline(residual: np.ndarray, lab: np.ndarray, tolerance: float) -> np.ndarray | None:
    """The filled outline of a drawing in thin strokes of one colour on a plain ground, or None if it is no drawing.

    Args:
        residual: (H, W) CIELAB distance from the background, up to `tolerance` on the background. lab: (H, W, 3).

    Returns:
        (H, W) bool.
    """
    import cv2

    ink = residual > max(2.5 * tolerance, 12.0)
    rows, columns = np.nonzero(ink)
    if len(rows) < 40:
        return None
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    width = cv2.distanceTransform(ink.astype(np.uint8), cv2.DIST_L2, 5)
    if width.max() > _thickest(side):
        return None
    middle = width >= max(1.0, 0.7 * float(np.percentile(width[ink], 90)))
    spread = np.linalg.norm(lab[middle] - np.median(lab[middle], axis=0), axis=-1)
    if np.percentile(spread, 80) > _ONE_COLOUR:
        return None
    reach = max(1, round(_GAP * side / 2))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    padded = np.pad(ink.astype(np.uint8), 2 * reach)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[2 * reach : -2 * reach, 2 * reach : -2 * reach]
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(ink.shape, np.uint8), contours, -1, 1, cv2.FILLED) > 0
    return filled if filled.sum() > _FILLED * ink.sum() else None


def only_strokes(mask: np.ndarray) -> bool:
    """Whether a mask (H, W) uint8, object >= 128, is as thin everywhere as a drawing's lines."""
    import cv2

    scale = min(1.0, _WORK / max(mask.shape))
    size = max(8, round(mask.shape[1] * scale)), max(8, round(mask.shape[0] * scale))
    ink = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) >= 128
    rows, columns = np.nonzero(ink)
    if not len(rows):
        return False
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    return bool(cv2.distanceTransform(ink.astype(np.uint8), cv2.DIST_L2, 5).max() <= _thickest(side))


def _thickest(side: np.integer) -> float:
    return max(2.5, _STROKE * float(side))
