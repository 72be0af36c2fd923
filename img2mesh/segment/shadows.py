"""What looks like the object and is none: its shadow on wall and floor, its reflection in a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2mesh.segment.background import border, connected_to, fill_from, to_lab
from img2mesh.segment.photo import FAINT

_WORK = 480  # longer side at which a network's mask is looked at
DEPTH = 45.0  # L units that a shadow may darken by
_SMOOTH = 2.0  # L units per pixel (at plain.WORK) that a soft shadow may change by
_SHIFT = 120  # longer side at which a shadow's offset is searched
_ALIKE = (
    0.6  # intersection over union of a shadow and the moved object from which it is believed to be its shadow
)
_EVEN = 4.0  # L units: spread of a flash's shadow
_FAINTEST, _CLEAREST = 0.06, 0.8  # strength of a reflection, as a share of the object's own contrast
_MIRRORED = 0.95  # correlation from which something is believed to be a reflection
_PALER = (
    0.1  # what a fainter mirror image leaves unexplained, as a share of what one as strong as the object does
)


def shadow_parts(
    lab: np.ndarray,
    local: np.ndarray,
    sure: np.ndarray,
    holes: np.ndarray,
    surfaces: Sequence[np.ndarray],
    continued: Sequence[np.ndarray],
    tolerance: float,
) -> tuple[np.ndarray, ...]:
    """Pixels that are the local background times a factor below 1 and adjoin the background.

    Args:
        lab, local: (H, W, 3) CIELAB of the photo and of the background continued behind the object.
        sure, holes: (H, W) bool, background and openings.
        surfaces, continued: of each surface, where it is and its colours everywhere.
        tolerance: CIELAB units.

    Returns:
        (H, W) bool, three times: soft ones, which change slowly; sharp ones around the object's foot; and all
        pixels around the foot that have the tone, whatever they adjoin.
    """
    import cv2

    light = cv2.GaussianBlur(lab, (0, 0), 1.0)
    slope = np.maximum.reduce(
        [
            np.hypot(cv2.Scharr(light[..., c], cv2.CV_32F, 1, 0), cv2.Scharr(light[..., c], cv2.CV_32F, 0, 1))
            for c in range(3)
        ]
    )
    slope = slope / 32
    candidate = darker(lab, local, tolerance, -tolerance, DEPTH) & (slope < _SMOOTH)
    soft = connected_to(sure, _opened(candidate | sure)) & candidate
    # shadow seen through a hole: only where it is smoother still, for the rim of a hole may be as pale as a shadow
    through = candidate & (slope < 0.4 * _SMOOTH)
    soft |= connected_to(holes, _opened(through) | holes) & candidate
    # around the foot, where a soft shadow is, it may go on darker and sharper: contact shadows
    low = np.zeros_like(sure)
    rows = np.flatnonzero((~(sure | soft)).mean(axis=1) > 0.02)
    if len(rows):
        low[round(rows[0] + 0.82 * (rows[-1] - rows[0])) :] = True
    dark, toned = np.zeros_like(sure), np.zeros_like(sure)
    # a floor's shadow may fall beside the wall, so each surface is tried by itself
    for surface, under in zip(surfaces, continued, strict=True):
        if (surface & low).any():
            dark |= darker(lab, under, tolerance, tolerance, 1.4 * DEPTH)
            toned |= darker(lab, under, tolerance, -tolerance, 1.4 * DEPTH)
    everywhere = dark & ~sure
    dark &= low & ~sure
    toned &= low & ~sure
    seeds = soft & dark
    contact = connected_to(seeds, _opened(dark & (slope < 1.8 * _SMOOTH)) | seeds)
    # a darker patch of the background's tone that leaves the picture is a shadow with a hard edge
    cast = connected_to(border(*sure.shape) & dark, _opened(dark))
    above = connected_to(cast, _opened(everywhere)) & ~low
    if cast.sum() > 0.25 * (~(sure | soft)).sum() or above.sum() > 0.5 * cast.sum():
        cast[:] = False  # it goes on far above the foot: a grey shirt, no shadow
    return soft, contact | cast, toned


def darker(lab: np.ndarray, lit: np.ndarray, tolerance: float, least: float, most: float) -> np.ndarray:
    """(H, W) bool: the colour `lit` times a factor that takes between `least` and `most` from its lightness."""
    drop = lit[..., 0] - lab[..., 0]
    ratio = np.clip(lab[..., 0] / np.maximum(lit[..., 0], 1), 0, 1.2)
    tint = np.linalg.norm(lab[..., 1:] - lit[..., 1:] * ratio[..., None], axis=-1)
    return (drop > least) & (drop < most) & (tint < tolerance + 0.06 * np.abs(drop))


def hard_shadow(
    found: np.ndarray, lab: np.ndarray, local: np.ndarray, tolerance: float
) -> tuple[np.ndarray, bool]:
    """The shadow that a flash or a lamp throws on the wall behind: even, sharp, of the object's own shape.

    A region of the mask that is the background, evenly darkened, is taken for a shadow if it covers what the rest of
    the mask, moved by some offset, would cover. Where the shape does not fit but nothing else of the object has that
    tone, it is suspicious.

    Args:
        found: (H, W) bool mask. lab, local: (H, W, 3) CIELAB of the photo, and of the background behind the object.

    Returns:
        (H, W) bool, what is shadow; and whether something is suspicious that was left in.
    """
    import cv2

    toned = found & darker(lab, local, tolerance, max(5.0, tolerance), 1.4 * DEPTH)
    if toned.sum() < 0.03 * found.sum():
        return np.zeros_like(found), False
    drop = (local - lab)[..., 0]
    parts = np.zeros_like(found)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        _opened(toned).astype(np.uint8), connectivity=4
    )
    outside = cv2.dilate((~found).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    for label in range(1, count):
        part = labels == label
        if stats[label, cv2.CC_STAT_AREA] < 0.02 * found.sum() or not (part & outside).any():
            continue
        inner = cv2.erode(part.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        if inner.sum() > 10 and 1.4826 * np.median(np.abs(drop[inner] - np.median(drop[inner]))) < _EVEN:
            parts |= part
    rest = found & ~(cv2.dilate(parts.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    if not parts.any() or rest.sum() < 0.1 * found.sum():
        return np.zeros_like(found), False
    if _moved_overlap(rest, parts) > _ALIKE:
        # its edge is a mixture of shadow and wall
        near = cv2.dilate(parts.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        edge = near & found & darker(lab, local, 2 * tolerance, -tolerance, 1.4 * DEPTH)
        return parts | edge, False
    alone = (toned & rest).sum() < 0.15 * rest.sum()
    return np.zeros_like(found), bool(alone and parts.sum() > 0.1 * found.sum())


def reflection(found: np.ndarray, lab: np.ndarray, local: np.ndarray) -> int | None:
    """The row from which a mask shows the object's reflection in the table, if it does.

    Below it the difference from the background is that of the rows above it, mirrored and fainter, the more so the
    further away.

    Args:
        found: (H, W) bool. lab, local: (H, W, 3) CIELAB of the photo, and of the background behind the object.
    """
    rows = np.flatnonzero(found.any(axis=1))
    if not len(rows):
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    height = bottom - top
    contrast = (lab - local) * found[..., None]
    best, where = 0.0, None
    for row in range(top + round(0.4 * height), bottom - max(4, round(0.04 * height))):
        depth = min(bottom - row, row - top)
        below, above = found[row : row + depth], found[row - depth : row][::-1]
        union = (below | above).sum()
        if below.sum() < 0.03 * found.sum() or (below & above).sum() < 0.75 * union:
            continue
        both = below & above
        a, b = contrast[row - depth : row][::-1][both], contrast[row : row + depth][both]
        strength = float((a * b).sum() / max((a * a).sum(), 1e-6))
        away = np.broadcast_to(np.arange(depth, dtype=np.float32)[:, None] / depth, both.shape)[both]
        mirrored, alike = _fading(a, b, away)
        same = ((lab[row - depth : row][::-1][both] - lab[row : row + depth][both]) ** 2).sum()
        paler = ((b - mirrored) ** 2).sum()  # an object that is its own mirror image is as strong below
        # The rows further down resemble one another as well, so the whole of the reflection has to count.
        score = alike * float(both.sum())
        believed = _FAINTEST < strength < _CLEAREST and alike > _MIRRORED and paler < _PALER * same
        if believed and score > best:
            best, where = score, row
    return where


def _fading(a: np.ndarray, b: np.ndarray, away: np.ndarray) -> tuple[np.ndarray, float]:
    """`a` (N, 3) times a strength that is linear in the distance `away` (N,), nearest to `b`; their correlation."""
    far = a * away[:, None]
    products = np.array([[(a * a).sum(), (a * far).sum()], [(a * far).sum(), (far * far).sum()]])
    near, more = np.linalg.solve(products + 1e-6 * np.eye(2), [(a * b).sum(), (far * b).sum()])
    fit = near * a + more * far
    return fit, float(np.sqrt(max(0.0, 1 - ((b - fit) ** 2).sum() / max((b * b).sum(), 1e-6))))


def without_reflection(rgb: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """A network's mask without the object's reflection in what it stands on, and a sentence where there was one.

    Args:
        rgb: (H, W, 3) uint8. mask: (H, W) uint8, object >= 128.
    """
    import cv2

    height, width = mask.shape
    scale = min(1.0, _WORK / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small, inside = (cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (rgb, mask))
    lab = to_lab(cv2.GaussianBlur(small, (0, 0), 0.6))
    outside = cv2.erode((inside < FAINT).astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1) > 0
    if not outside.any():
        return mask, ()
    row = reflection(inside >= 128, lab, fill_from(lab, outside))
    if row is None:
        return mask, ()
    kept = mask.copy()
    kept[round(row / size[1] * height) :] = 0
    return kept, ("A reflection below the object was left out.",)


def _moved_overlap(shape: np.ndarray, part: np.ndarray) -> float:
    """The best intersection over union of `part` with `shape` moved by an offset, where it does not cover itself."""
    import cv2

    scale = min(1.0, _SHIFT / max(shape.shape))
    size = max(1, round(shape.shape[1] * scale)), max(1, round(shape.shape[0] * scale))
    small = [
        cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) for mask in (shape, part)
    ]
    padded = [2 * size[1], 2 * size[0]]
    whole, piece = (np.fft.rfft2(mask, padded) for mask in small)
    meets = np.fft.irfft2(np.conj(whole) * piece, padded)  # of the moved shape and the part, by offset
    itself = np.fft.irfft2(np.conj(whole) * whole, padded)
    uncovered = small[0].sum() - itself
    return float((meets / np.maximum(small[1].sum() + uncovered - meets, 1)).max())


def _opened(mask: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
