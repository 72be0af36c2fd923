"""What colour is the background? Smooth models of the photo's border, grown inwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RING = 0.03  # width of the border that is looked at, share of the shorter side
TIGHT, _LOOSE = 2.5, 7.0  # limits of the tolerance, in CIELAB units; noise decides between them
_SURFACES = 3  # wall, floor, and one more
SIDES = ("top", "bottom", "left", "right")
_WIDE = 0.7  # share of a side from which a table is as likely as a shirt
_DOME = 0.03  # how far the edge between two walls may be from a straight line, share of the shorter side


@dataclass(frozen=True, eq=False)
class Background:
    """A background found from a photo's border.

    Attributes:
        sure: (H, W) bool, pixels of the background that hang together with the border.
        surfaces: the same, surface by surface.
        explained: share of the border that the models explain, 0..1; low for scenes. What the object takes of it
            does not count.
        spread: standard deviation of the background's colours in CIELAB units, mean over the border.
        tolerance: residual up to which a pixel counts as background.
        unsure_sides: sides along which an even colour may as well be the object's, or the other way round.
    """

    sure: np.ndarray
    surfaces: tuple[np.ndarray, ...]
    explained: float
    spread: float
    tolerance: float
    unsure_sides: tuple[str, ...] = ()


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 sRGB to float32 CIELAB: L in 0..100, a and b about -127..127."""
    import cv2

    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def find_background(lab: np.ndarray, least: float = TIGHT) -> Background:
    """Fit up to three smooth surfaces (wall, floor ...) to the border and follow them inwards.

    Each surface is a robust polynomial of the position in CIELAB: constant first, at the border's most frequent
    colour, then of first and second degree, least squares over the pixels within a tolerance (`least` to 7 units,
    three robust standard deviations), and refitted to whatever of the picture hangs together with the border.
    A surface has to explain a tenth of the border. One that lies on one side only, with the others on both of its
    ends, is no wall but the object, which the frame cuts off there (the shirt of a bust).

    Args:
        lab: (H, W, 3) float32 CIELAB; sides of some hundred pixels are enough.
        least: smallest tolerance.
    """
    height, width = lab.shape[:2]
    ring = border(height, width)
    basis = _basis(height, width)
    unexplained = ring.copy()
    found: list[tuple[np.ndarray, float]] = []
    for _ in range(_SURFACES + 1):  # one of them may turn out to be the object
        if unexplained.sum() < 0.1 * ring.sum():
            break
        surface = _surface(lab, basis, unexplained, ring, least)
        if surface is None or (surface[0] & unexplained).sum() < 0.1 * ring.sum():
            break
        found.append(surface)
        unexplained &= ~surface[0]
    found, objects, unsure = _without_object(lab, found)
    sure = np.zeros((height, width), dtype=bool)
    for region, _ in found:
        sure |= region
    counted = ring.copy()
    for region, _ in objects:
        counted &= ~region
    tolerance = max([least, *(limit for _, limit in found)])
    explained = (sure & counted).sum() / max(counted.sum(), 1)
    spread = float(lab[ring].std(axis=0).mean())
    return Background(sure, tuple(r for r, _ in found), float(explained), spread, tolerance, unsure)


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


def _without_object(
    lab: np.ndarray, found: list[tuple[np.ndarray, float]]
) -> tuple[list[tuple[np.ndarray, float]], list[tuple[np.ndarray, float]], tuple[str, ...]]:
    """Surfaces that are background, those that are the object's, and the sides where that is unclear."""
    objects: list[tuple[np.ndarray, float]] = []
    unsure: list[str] = []
    for surface in sorted(found, key=lambda each: each[0].sum()) if len(found) > 1 else []:
        others = [each for each in found if each is not surface and all(each is not one for one in objects)]
        if not others:
            continue
        known = np.logical_or.reduce([region for region, _ in others])
        side, share = _flanked_side(surface[0], known)
        if side is None:
            continue
        objects.append(surface)
        if share > _WIDE or _is_toned(lab, surface[0], known, surface[1]):
            unsure.append(side)
    kept = [each for each in found if all(each is not one for one in objects)]
    for index, (region, _) in enumerate(kept[1:], start=1):
        side = _domed_side(region, [other for other, _ in kept[:index]])
        unsure += [] if side is None else [side]
    return kept[:_SURFACES], objects, tuple(dict.fromkeys(unsure))


def _flanked_side(region: np.ndarray, sure: np.ndarray) -> tuple[str | None, float]:
    """The one side that a region touches if known background flanks it there on both ends, and its share of it."""
    lines = _outermost(region)
    touched = [side for side in SIDES if lines[side].mean() >= 0.01]
    if len(touched) != 1:
        return None, 0.0
    line, known = lines[touched[0]], _outermost(sure)[touched[0]]
    first, last = np.flatnonzero(line)[[0, -1]]
    before, after = known[:first], known[last + 1 :]
    reach = max(3, round(0.02 * len(line)))
    flanked = len(before) >= reach and len(after) >= reach and before.mean() > 0.5 and after.mean() > 0.5
    return (touched[0] if flanked else None), float((last + 1 - first) / len(line))


def _outermost(mask: np.ndarray) -> dict[str, np.ndarray]:
    """Per side, (length,) bool: is one of the two outermost pixels in the mask."""
    return {
        "top": np.asarray(mask[:2].any(axis=0)),
        "bottom": np.asarray(mask[-2:].any(axis=0)),
        "left": np.asarray(mask[:, :2].any(axis=1)),
        "right": np.asarray(mask[:, -2:].any(axis=1)),
    }


def _is_toned(lab: np.ndarray, region: np.ndarray, sure: np.ndarray, tolerance: float) -> bool:
    """Whether a region is the known background, only darker: it may as well be a shadow."""
    lit, dark = np.median(lab[sure], axis=0), np.median(lab[region], axis=0)
    ratio = dark[0] / max(float(lit[0]), 1.0)
    return bool(0.3 < ratio < 0.95 and np.linalg.norm(dark[1:] - lit[1:] * ratio) < 2 * tolerance)


def _domed_side(region: np.ndarray, surfaces: list[np.ndarray]) -> str | None:
    """The side on which a surface's edge to the others is no straight line, as that of a wall would be."""
    import cv2

    near = cv2.dilate(region.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    edge = near & np.logical_or.reduce(surfaces)
    v, u = np.nonzero(edge)
    if len(v) < 20:
        return None
    points = np.stack([u, v], axis=1).astype(float)
    points -= points.mean(axis=0)
    off = np.sqrt(np.linalg.eigvalsh(points.T @ points / len(points))[0])
    if off < _DOME * min(region.shape) + 2:  # the edge is some pixels wide by itself
        return None
    share = {side: float(line.mean()) for side, line in _outermost(region).items()}
    return max(share, key=share.__getitem__)


def _basis(height: int, width: int) -> np.ndarray:
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.stack([np.ones_like(u), u, v, u * v, u * u, v * v], axis=-1).astype(np.float32)


def _surface(
    lab: np.ndarray, basis: np.ndarray, unexplained: np.ndarray, ring: np.ndarray, least: float
) -> tuple[np.ndarray, float] | None:
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
