"""What a photo's alpha channel means: a cutout, glass, or only the frame of a picture."""

from __future__ import annotations

import numpy as np

from img2mesh.segment.background import SIDES, fill_from
from img2mesh.segment.photo import FAINT

_RECTANGLE = 0.985  # share of its smallest rectangle, or of its convex hull, that a frame fills
_ELLIPSE = 0.985  # intersection over union of what is visible and an ellipse
_RUN = 0.3  # share of each side that a photo with empty corners still reaches
_OBJECT = (0.005, 0.7)  # share of a frame that an object inside of it may take
_GLASS = 0.05  # share of what is visible that has to be half transparent to count as glass
_OPAQUE = 200  # alpha from which nothing has to be done
_FULL = 26  # alpha (10 %) from which glass counts as opaque
_INK = 70  # largest channel up to which half transparent parts may be a drop shadow


def is_frame(alpha: np.ndarray) -> bool:
    """Whether what is visible has the outline of a picture, not of an object.

    That is a rectangle, turned or not (a straightened photo, one with bars), or what reaches along all four sides of
    the frame and leaves only its corners. A thing may have such an outline too: see `object_in_frame`.

    Args:
        alpha: (H, W) uint8.
    """
    import cv2

    solid = (alpha >= 128).astype(np.uint8)
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours or solid.mean() < 0.1:
        return False
    outline = max(contours, key=cv2.contourArea)
    area = cv2.contourArea(outline)
    if area < 0.97 * solid.sum() or area <= 0:
        return False
    corners = cv2.boxPoints(cv2.minAreaRect(outline))
    whole = np.array(
        [[0, 0], [solid.shape[1] - 1, 0], [solid.shape[1] - 1, solid.shape[0] - 1], [0, solid.shape[0] - 1]],
        np.float32,
    )
    shared, _ = cv2.intersectConvexConvex(corners.astype(np.float32), whole)
    if area > _RECTANGLE * shared > 0:
        return True
    edges = (solid[0], solid[-1], solid[:, 0], solid[:, -1])
    reaches = len([edge for edge in edges if edge.mean() >= _RUN]) == len(SIDES)
    return bool(reaches and area > _RECTANGLE * cv2.contourArea(cv2.convexHull(outline)))


def is_disc(alpha: np.ndarray) -> bool:
    """Whether what is visible is an ellipse: a round thing, or a picture that was cropped to one.

    Args:
        alpha: (H, W) uint8.
    """
    import cv2

    solid = (alpha >= 128).astype(np.uint8)
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea, default=None)
    if outline is None or len(outline) < 40:
        return False
    ellipse = cv2.fitEllipse(outline)
    if not np.isfinite(ellipse[1]).all() or max(ellipse[1]) > 2 * max(solid.shape):
        return False
    drawn = cv2.ellipse(np.zeros_like(solid), ellipse, 1, -1)
    return bool((drawn & solid).sum() > _ELLIPSE * (drawn | solid).sum())


def filled_frame(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the picture continued over the empty parts around its frame."""
    import cv2

    inside = cv2.erode((alpha >= 250).astype(np.uint8), np.ones((7, 7), np.uint8), borderValue=1)
    if not inside.any():
        return rgb
    return (fill_from(rgb.astype(np.float32), inside) + 0.5).clip(0, 255).astype(np.uint8)


def object_in_frame(mask: np.ndarray, alpha: np.ndarray, explained: float, plain: float) -> bool:
    """Whether a mask found inside of a frame is an object before a plain background, so that the frame is none itself.

    Args:
        mask, alpha: (H, W) uint8. explained: share of the border that is background; plain: what is enough of it.
    """
    share = (mask >= 128).sum() / max(int((alpha >= 128).sum()), 1)
    return bool(explained >= plain and _OBJECT[0] < share < _OBJECT[1])


def solid_alpha(rgb: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The alpha of a cutout whose object is glass, made solid; a drop shadow under it goes.

    Args:
        rgb: (H, W, 3) uint8, straight colours. alpha: (H, W) uint8.

    Returns:
        (H, W) uint8, the same array where nothing is half transparent but edges; and sentences.
    """
    import cv2

    visible = alpha >= FAINT
    reach = max(3, round(max(alpha.shape) / 150))
    inner = cv2.erode(visible.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8), borderValue=1) > 0
    low = inner & (alpha < _OPAQUE)
    if low.sum() < _GLASS * visible.sum():
        return alpha, ()
    opaque = visible & (alpha >= _OPAQUE)
    parts = (visible & (alpha < _OPAQUE)).astype(np.uint8)
    count, labels = cv2.connectedComponents(parts, connectivity=8)
    out, said = alpha.copy(), []
    for label in range(1, count):
        part = labels == label
        if not (part & low).any():
            continue
        if _is_shadow(rgb[part], part, opaque, visible):
            out[part] = 0
            said.append("A half transparent shadow beside the object was left out.")
        else:
            lifted = (alpha[part].astype(np.float32) * (255 / _FULL)).clip(0, 255)
            out[part] = lifted.astype(np.uint8)
            said.append("The object is half transparent: it was made solid.")
    return out, tuple(dict.fromkeys(said))


def _is_shadow(colours: np.ndarray, part: np.ndarray, opaque: np.ndarray, visible: np.ndarray) -> bool:
    """Dark, without colour, beside something opaque, in the lower half or all around it: a drop shadow."""
    if opaque.sum() < 0.3 * visible.sum() or not opaque.any():
        return False
    colour = np.median(colours.reshape(-1, 3), axis=0)
    rows, columns = np.nonzero(opaque)
    inside = part[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].sum() / part.sum()
    low = np.nonzero(part)[0].mean() > rows.mean()
    return bool(colour.max() < _INK and np.ptp(colour) < 25 and (inside < 0.5 or low))
