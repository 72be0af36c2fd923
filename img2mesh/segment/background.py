"""What colour is the background? Smooth models of the photo's border, grown inwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RING = 0.03  # width of the border that is looked at, share of the shorter side
TIGHT, _LOOSE = 2.5, 7.0  # limits of the tolerance, in CIELAB units; noise decides between them
_SURFACES = 3  # wall, floor, and one more


@dataclass(frozen=True, eq=False)
class Background:
    """A background found from a photo's border.

    Attributes:
        sure: (H, W) bool, pixels of the background that hang together with the border.
        surfaces: the same, surface by surface.
        explained: share of the border that the models explain, 0..1; low for scenes.
        spread: standard deviation of the background's colours in CIELAB units, mean over the border.
        tolerance: residual up to which a pixel counts as background.
    """

    sure: np.ndarray
    surfaces: tuple[np.ndarray, ...]
    explained: float
    spread: float
    tolerance: float


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 sRGB to float32 CIELAB: L in 0..100, a and b about -127..127."""
    import cv2

    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def find_background(lab: np.ndarray, least: float = TIGHT) -> Background:
    """Fit up to three smooth surfaces (wall, floor ...) to the border and follow them inwards.

    Each surface is a robust polynomial of the position in CIELAB: constant first, at the border's most frequent
    colour, then of first and second degree, least squares over the pixels within a tolerance (`least` to 7 units,
    three robust standard deviations), and refitted to whatever of the picture hangs together with the border.
    A surface has to explain a tenth of the border.

    Args:
        lab: (H, W, 3) float32 CIELAB; sides of some hundred pixels are enough.
        least: smallest tolerance.
    """
    height, width = lab.shape[:2]
    ring = border(height, width)
    basis = _basis(height, width)
    sure = np.zeros((height, width), dtype=bool)
    unexplained = ring.copy()
    surfaces, tolerance = [], least
    for _ in range(_SURFACES):
        if unexplained.sum() < 0.1 * ring.sum():
            break
        found = _surface(lab, basis, unexplained, ring, least)
        if found is None:
            break
        region, limit = found
        if (region & unexplained).sum() < 0.1 * ring.sum():
            break
        sure |= region
        surfaces.append(region)
        tolerance = max(tolerance, limit)
        unexplained &= ~region
    explained = 1 - unexplained.sum() / ring.sum()
    spread = float(lab[ring].std(axis=0).mean())
    return Background(sure, tuple(surfaces), float(explained), spread, tolerance)


def border(height: int, width: int) -> np.ndarray:
    """(H, W) bool: the outermost 3 %, at least two pixels."""
    edge = max(2, round(RING * min(height, width)))
    ring = np.ones((height, width), dtype=bool)
    ring[edge:-edge, edge:-edge] = False
    return ring


def fill_from(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Continue known pixels smoothly over the unknown ones, by a pyramid (push-pull, Gortler et al. 1996).

    Args:
        values: (H, W, C) float32.
        known: (H, W) bool or float weights in [0, 1].

    Returns:
        (H, W, C) float32: `values` where the weight is 1.
    """
    import cv2

    weight = known.astype(np.float32)
    height, width = weight.shape
    if min(height, width) <= 2 or weight.min() >= 1:
        total = max(float(weight.sum()), 1e-6)
        mean = (values * weight[..., None]).sum(axis=(0, 1)) / total
        return np.where(weight[..., None] > 0, values, mean).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    sums = cv2.resize(values * weight[..., None], half, interpolation=cv2.INTER_AREA)
    small_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    small = sums / np.maximum(small_weight, 1e-6)[..., None]
    coarse = fill_from(small, np.minimum(small_weight * 4, 1))
    coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return values * weight[..., None] + coarse * (1 - weight[..., None])


def connected_to(seeds: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(H, W) bool: the 4-connected parts of `allowed` that contain a seed."""
    import cv2

    count, labels = cv2.connectedComponents(allowed.astype(np.uint8), connectivity=4)
    hit = np.zeros(count, dtype=bool)
    hit[labels[seeds & allowed]] = True
    hit[0] = False
    return hit[labels]


def _basis(height: int, width: int) -> np.ndarray:
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.stack([np.ones_like(u), u, v, u * v, u * u, v * v], axis=-1).astype(np.float32)


def _surface(lab, basis, unexplained, ring, least) -> tuple[np.ndarray, float] | None:
    """One surface from the unexplained border pixels: its region in the picture and its tolerance."""
    colours = lab[unexplained]
    residual = np.linalg.norm(lab - _most_frequent(colours), axis=-1)
    region, limit = unexplained & (residual < _LOOSE), _LOOSE
    for terms in (3, 3, 6, 6, 6):
        if region.sum() < 30:
            return None
        rows, targets = basis[region][:, :terms], lab[region]
        step = max(1, len(rows) // 20000)
        solution = np.linalg.lstsq(rows[::step], targets[::step], rcond=None)[0]
        residual = np.linalg.norm(lab - basis[..., :terms] @ solution, axis=-1)
        noise = 1.4826 * np.median(residual[region]) / 1.54  # median of a chi with 3 degrees of freedom
        limit = float(np.clip(3 * noise + 1, least, _LOOSE))
        region = connected_to(unexplained, residual < limit)
    return region, limit


def _most_frequent(colours: np.ndarray) -> np.ndarray:
    """Centre of the fullest 6-unit cell of CIELAB, as the mean of the colours in it."""
    cells = np.floor(colours / 6).astype(np.int64)
    keys = (cells[:, 0] * 1000 + cells[:, 1]) * 1000 + cells[:, 2]
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return colours[inverse.ravel() == int(np.argmax(counts))].mean(axis=0)
