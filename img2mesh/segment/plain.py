"""Matting without a model: the background is what continues the photo's border, its shadows included."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from img2mesh.segment.background import (
    TIGHT,
    Background,
    border,
    connected_to,
    fill_from,
    find_background,
    to_lab,
)
from img2mesh.segment.drawing import drawn_outline
from img2mesh.segment.shadows import hard_shadow, reflection, shadow_parts

WORK = 480  # longer side at which regions are decided; edges are refined at full size afterwards
PLAIN = 0.6  # share of the border that has to be explained for a background to count as plain
PALE = 1.2  # tolerance at which white is told from white
EVEN = 0.8  # length of a piece's mean difference from the background over the mean of the lengths
PIECE = 13  # pixels: wider than the ripples of JPEG's blocks of 8


class PlainMask(NamedTuple):
    """What `plain_mask` found.

    Attributes:
        mask: (H, W) uint8, 0 or 255.
        warnings: what was assumed, if it was not plain.
        explained: share of the border that is background, 0..1 (`Background`); 0 where the middle was guessed.
    """

    mask: np.ndarray
    warnings: tuple[str, ...]
    explained: float


def plain_mask(rgb: np.ndarray, guess: bool = True) -> PlainMask:
    """Find the object in front of a plain or graded background, or guess it from the middle of a scene.

    1. Even bars along the border (letterboxes) are cut off.
    2. The background is fitted to the border and grown inwards (`find_background`); smooth, colour-true
       darkenings of it that adjoin it are its shadows; enclosed patches of exactly its colour are holes.
    3. GrabCut (Rother et al. 2004, OpenCV) decides the pixels that are neither plainly one nor the other.
    4. A flash's shadow and the reflection in a table are cut away; of a line drawing the inside is taken.
    If the border is no plain background, GrabCut starts from a box around the middle instead; without `guess`, nothing
    is found then.

    Args:
        rgb: (H, W, 3) uint8.
    """
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, WORK / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    top, bottom, left, right = _inside_bars(small)
    inner = np.ascontiguousarray(small[top:bottom, left:right])
    lab = to_lab(cv2.GaussianBlur(inner, (0, 0), 0.6))
    background = find_background(lab)
    if background.explained >= PLAIN:
        found, said = _without_lookalikes(inner, lab, background)
    elif not guess:
        return PlainMask(np.zeros((height, width), np.uint8), (), 0.0)
    else:
        found = _in_the_middle(inner)
        background = replace(background, explained=0.0)
        said = (
            "The background is not plain, so the object in the middle was guessed from colours; a segmentation "
            "model or a photo with an alpha channel gives a better cutout.",
        )
    mask = np.zeros(small.shape[:2], dtype=np.float32)
    mask[top:bottom, left:right] = found
    if scale < 1:
        mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_CUBIC)
    return PlainMask(np.where(mask > 0.5, 255, 0).astype(np.uint8), said, background.explained)


def _without_lookalikes(
    rgb: np.ndarray, lab: np.ndarray, background: Background
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(H, W) float32, 1 on the object, and what to tell the user."""
    import cv2

    said = [
        f"It is unclear whether the colours along the {side} belong to the object or to its background: look at the "
        "cutout."
        for side in background.unsure_sides
    ]
    local = fill_from(lab, _eroded(background.sure))
    residual = np.linalg.norm(lab - local, axis=-1)
    drawn = drawn_outline(residual, lab, background.tolerance)
    if drawn is not None:
        said.append(
            "The photo looks like a line drawing: the inside of its outline was taken for the object."
        )
        return drawn.astype(np.float32), tuple(said)
    found = _in_front_of(rgb, lab, background)
    if background.tolerance <= TIGHT:
        found = _with_pale_parts(found, rgb, lab)
    shade, suspicious = hard_shadow(found > 0, lab, local, background.tolerance)
    if shade.any():
        found[shade] = 0
        found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if suspicious:
        said.append("A part of the cutout is the background's colour, only darker: it may be a shadow.")
    row = reflection(found > 0, lab, local)
    if row is not None:
        found[row:] = 0
    return found, tuple(said)


def _with_pale_parts(found: np.ndarray, rgb: np.ndarray, lab: np.ndarray) -> np.ndarray:
    """The mask with the bites filled that a background as pale as the object has taken out of it.

    On a background without noise a far smaller tolerance tells white from white, but also takes compression's ripples
    for the object. So what it adds counts only in broad pieces within the mask's convex hull.

    Args:
        found: (H, W) float32, 1 on the object.
    """
    import cv2

    strict = find_background(lab, PALE)
    if strict.explained < PLAIN or not found.any():
        return found
    more = (_in_front_of(rgb, lab, strict) > 0) & (found == 0)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (PIECE, PIECE))
    broad = cv2.morphologyEx(more.astype(np.uint8), cv2.MORPH_OPEN, disc)
    rows, columns = np.nonzero(found)
    hull = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))
    within = cv2.fillConvexPoly(np.zeros(found.shape, np.uint8), hull, 1) > 0
    away = lab - fill_from(lab, _eroded(strict.sure))
    count, labels = cv2.connectedComponents(broad)
    for label in range(1, count):
        piece = labels == label
        if piece.sum() < 0.005 * found.sum() or within[piece].mean() < 0.9:
            continue
        # An even tone all over; ripples go both ways.
        if np.linalg.norm(away[piece].mean(axis=0)) > EVEN * np.linalg.norm(away[piece], axis=-1).mean():
            found = np.where(more & (cv2.dilate(piece.astype(np.uint8), disc) > 0), 1, found).astype(
                np.float32
            )
    return found


def _in_front_of(rgb: np.ndarray, lab: np.ndarray, background: Background) -> np.ndarray:
    """(H, W) float32, 1 on the object."""
    import cv2

    sure = background.sure
    local = fill_from(lab, _eroded(sure))  # the background as it would look behind the object
    # each surface continued by itself: through a hole one may see the wall or the floor
    continued = [fill_from(lab, _eroded(surface)) for surface in background.surfaces]
    residual = np.linalg.norm(lab - local, axis=-1)
    nearest = np.minimum.reduce([residual, *(np.linalg.norm(lab - c, axis=-1) for c in continued)])
    tolerance = background.tolerance
    holes = background_holes(nearest, sure, tolerance)
    soft, cast, toned = shadow_parts(lab, local, sure, holes, background.surfaces, continued, tolerance)
    shadow = soft | cast
    away = ~(sure | shadow | holes)
    # definite: background well inside itself, object well inside and clearly of another colour
    marks = np.full(sure.shape, cv2.GC_PR_BGD, dtype=np.uint8)
    marks[away] = cv2.GC_PR_FGD
    marks[_eroded(sure, 2) & (residual < tolerance)] = cv2.GC_BGD
    marks[holes & (nearest < tolerance)] = cv2.GC_BGD
    marks[_eroded(cast, 1)] = cv2.GC_BGD
    marks[border(*sure.shape) & (residual < tolerance)] = cv2.GC_BGD
    marks[_eroded(away, 2) & (residual > 2.5 * tolerance)] = cv2.GC_FGD
    found = _grabcut(rgb, marks, 3)
    # what is left of a shadow beside the foot: flat, and of the background's tone
    flat = (found > 0) & (cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((19, 1), np.uint8)) == 0)
    gone = (toned & flat).astype(np.uint8)
    found[gone > 0] = 0
    rest = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((5, 1), np.uint8)) == 0
    found[rest & (cv2.dilate(gone, np.ones((9, 9), np.uint8)) > 0)] = 0
    # gaps that GrabCut saw but no background shows through are the object's
    gaps = found == 0
    open_gaps = connected_to(border(*sure.shape) | holes | sure | soft, gaps)
    found[gaps & ~open_gaps] = 1
    return found


def background_holes(residual: np.ndarray, outside: np.ndarray, tolerance: float) -> np.ndarray:
    """Enclosed patches of the background's colour: through handles, between chair legs.

    A patch counts if it is exactly of the background's colour somewhere, large enough to be seen, and clearly
    different from what surrounds it: highlights and pale parts of the object fade into their neighbours.

    Args:
        residual: (H, W) CIELAB distance from the continued background.
        outside: (H, W) bool, known to be background.
        tolerance: residual up to which a pixel is of the background's colour.

    Returns:
        (H, W) bool.
    """
    import cv2

    candidate = ((residual < 2 * tolerance) & ~outside).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(candidate, connectivity=4)
    exact = np.bincount(labels[residual < 0.8 * tolerance], minlength=count)
    holes = np.zeros(residual.shape, dtype=bool)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] < max(10, 1e-4 * residual.size) or exact[label] < 5:
            continue
        x, y, w, h = stats[label, :4]
        window = np.s_[max(y - 4, 0) : y + h + 4, max(x - 4, 0) : x + w + 4]
        patch = (labels[window] == label).astype(np.uint8)
        around = cv2.dilate(patch, np.ones((7, 7), np.uint8)) - cv2.dilate(patch, np.ones((3, 3), np.uint8))
        around = (around > 0) & ~outside[window]
        inner = _eroded(patch > 0) if _eroded(patch > 0).sum() >= 4 else patch > 0
        if (residual[window][inner] < tolerance).mean() < 0.7:
            continue
        if around.any() and np.percentile(residual[window][around], 30) > max(10.0, 4 * tolerance):
            holes[window] |= patch > 0
    return holes


def _in_the_middle(rgb: np.ndarray) -> np.ndarray:
    """(H, W) float32, 1 on what differs from the surroundings of a box around the middle."""
    import cv2

    height, width = rgb.shape[:2]
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    marks = np.full((height, width), cv2.GC_BGD, dtype=np.uint8)
    marks[(np.abs(u) < 0.92) & (np.abs(v) < 0.86)] = cv2.GC_PR_BGD
    marks[(np.abs(u) < 0.8) & (np.abs(v) < 0.7)] = cv2.GC_PR_FGD
    marks[(u / 0.25) ** 2 + (v / 0.2) ** 2 < 1] = cv2.GC_FGD
    return _grabcut(rgb, marks, 5)


def _grabcut(rgb: np.ndarray, marks: np.ndarray, rounds: int) -> np.ndarray:
    import cv2

    foreground = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    if foreground.sum() < 20 or (~foreground).sum() < 20:
        return foreground.astype(np.float32)
    cv2.setRNGSeed(0)  # GrabCut starts its mixtures with k-means, which draws random centres
    marks = marks.copy()
    cv2.grabCut(
        np.ascontiguousarray(rgb[..., ::-1]),
        marks,
        None,
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        rounds,
        cv2.GC_INIT_WITH_MASK,
    )
    return ((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).astype(np.float32)


def _inside_bars(rgb: np.ndarray) -> tuple[int, int, int, int]:
    """top, bottom, left, right of what lies inside black or white bars on two opposite sides."""
    height, width = rgb.shape[:2]
    rows, columns = _bars(rgb), _bars(rgb.transpose(1, 0, 2))
    top, bottom = rows if rows[0] and rows[1] else (0, 0)
    left, right = columns if columns[0] and columns[1] else (0, 0)
    if (top and left) or top + bottom > 0.6 * height or left + right > 0.6 * width:
        return 0, height, 0, width  # a frame or a plain background, not a letterbox
    trim = 2  # the bar's blurred edge
    return (
        top + trim if top else 0,
        height - bottom - trim if bottom else height,
        left + trim if left else 0,
        width - right - trim if right else width,
    )


def _bars(rgb: np.ndarray) -> tuple[int, int]:
    """Number of rows at the top and at the bottom that are all of the same black or white."""
    even = np.ptp(rgb.astype(np.int16), axis=1).max(axis=-1) <= 24
    mean = rgb.mean(axis=(1, 2))
    bar = even & ((mean < 24) | (mean > 244))
    if bar.all():
        return 0, 0
    first, last = int(np.argmin(bar)), int(np.argmin(bar[::-1]))
    # a bar ends abruptly: behind it the row is no longer even at all
    return first, last


def _eroded(mask: np.ndarray, pixels: int = 1) -> np.ndarray:
    import cv2

    side = 2 * pixels + 1
    return cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8), borderValue=1) > 0


def _opened(mask: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
