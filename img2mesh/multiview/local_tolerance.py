"""Thin parts that views disagree about: a visual hull whose tolerance varies over space.

The hull of silhouettes is their intersection, so that a leg which one view draws a little beside the others' is lost.
Where rays inside silhouettes meet nothing, the place along each is found that most of the views miss something at and
fewest deny, as in `multiview.refill`; so many denials are allowed there and, fading, around it. What is put back is the
weighted quantile of the cones' distances at that tolerance, which is smooth where the distances are.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.view import View
from img2mesh.core.visual_hull import (
    MARGIN,
    VisualHull,
    cone_distances,
    mask_distance,
    projected,
    weighted_quantile,
)
from img2mesh.multiview.refill import uncovered_rays

SIZE = 128  # pixels per side at which rays are followed
FAR = 0.08  # world units beyond the hull that are asked
LITTLE = 0.002  # of all rays inside silhouettes: so few are missed by the lattice alone
REACH = 0.15  # world units beyond the hull's box that are asked
FEWEST = 2.0  # views' worth of trust that must miss something at a place
MOST = 0.6  # share of the trust that may deny what is put back
SPARE = 0.02  # share allowed beyond those who deny a place, so that it lies inside and not on the surface
ROUNDS = 3
NEAR = (
    0.03  # world units around a place put back within which its tolerance holds; it fades over the outer half
)
SMOOTH = 0.02  # world units: deviation of the mean of the places' tolerances
SOFT = 0.7  # samples: deviation of the smoothing of what is put back
BAND = 2.0  # samples inside the hull's surface that move along with what is put back
CHUNK = 1 << 17


class _Silhouettes:
    """Of the views that the hull trusts: `trust` (V,), masks, cameras, distances and small cameras."""

    def __init__(self, hull: VisualHull, views: tuple[View, ...]) -> None:
        active = [i for i in range(len(views)) if hull.trust[i] > 0.2]
        self.trust = hull.trust[active]
        self.masks, self.cameras = [views[i].mask for i in active], [views[i].camera for i in active]
        self.distances = [mask_distance(mask) for mask in self.masks]
        self.smaller = [camera.resized(SIZE, SIZE) for camera in self.cameras]

    def cones(self, points: np.ndarray) -> np.ndarray:
        """(V, N) signed distances of (N, 3) points to the cones of sight."""
        return cone_distances(self.distances, self.cameras, points)


def local_tolerance(hull: VisualHull, views: tuple[View, ...]) -> SdfGrid | None:
    """Share of the views' trust that may deny each place, on a lattice; None where the hull lacks nothing.

    Args:
        hull: of the views; `hull.trust` weighs them.
    """
    seen = _Silhouettes(hull, views)
    if len(seen.trust) < 3:
        return None
    hull = _padded(hull)
    lost = _lost(hull, seen)
    if lost is None:
        return None
    shape, spacing = hull.sdf.shape, hull.spacing
    near = np.flatnonzero((hull.sdf.ravel() >= -BAND * spacing) & (hull.sdf.ravel() < FAR))
    points = _points(hull, near)
    cones = np.concatenate([seen.cones(points[k : k + CHUNK]) for k in range(0, len(points), CHUNK)], axis=1)
    denied = seen.trust @ (cones > 0)
    pixels = [projected(points, camera) for camera in seen.smaller]
    found, allowed = hull, np.zeros(hull.sdf.size, np.float32)
    for _ in range(ROUNDS):
        rays = np.stack([_on(missed, *place) for missed, place in zip(lost, pixels, strict=True)])
        wanted = seen.trust @ (rays >= 0)
        outside = found.sdf.ravel()[near] >= 0
        back = _best(np.where(outside & (wanted >= FEWEST), wanted - denied, 0), rays)
        if not back.any():
            break
        share = np.zeros(hull.sdf.size, np.float32)
        share[near[back]] = np.minimum(denied[back] / seen.trust.sum() + SPARE, MOST)
        allowed = np.maximum(allowed, _spread(share.reshape(shape), spacing).ravel())
        sdf = hull.sdf.ravel().copy()
        inside = np.flatnonzero(allowed[near] > 0)
        for start in range(0, len(inside), CHUNK):
            at = inside[start : start + CHUNK]
            nearest = weighted_quantile(cones[:, at], seen.trust, allowed[near[at]])
            sdf[near[at]] = np.minimum(sdf[near[at]], nearest)
        found = dataclasses.replace(hull, sdf=sdf.reshape(shape))
        lost = _lost(found, seen)
        if lost is None:
            break
    return SdfGrid(allowed.reshape(shape), hull.bounds) if allowed.any() else None


def relaxed(hull: VisualHull, views: tuple[View, ...], tolerance: SdfGrid | None) -> VisualHull:
    """The hull, on its own spacing, with what the tolerance lets back in.

    Args:
        views: of the hull. tolerance: of a hull of the same views (`local_tolerance`).
    """
    from scipy.ndimage import gaussian_filter

    if tolerance is None:
        return hull
    seen, wide = _Silhouettes(hull, views), _padded(hull)
    sdf = wide.sdf.ravel().copy()
    near = np.flatnonzero((sdf < FAR) & (sdf > -BAND * wide.spacing))
    for start in range(0, len(near), CHUNK):
        part = near[start : start + CHUNK]
        points = _points(wide, part)
        allowed = tolerance.at(points)
        part, points, allowed = part[allowed > 0], points[allowed > 0], allowed[allowed > 0]
        if len(part):
            sdf[part] = np.minimum(sdf[part], weighted_quantile(seen.cones(points), seen.trust, allowed))
    back = sdf.reshape(wide.sdf.shape)
    moved = back < wide.sdf
    added = moved & (back < 0) & (wide.sdf >= 0)
    if not added.any():
        return hull
    limit = np.float32(BAND * wide.spacing)  # thin parts must not drown in the distance about them
    back = np.where(moved, gaussian_filter(np.clip(back, -limit, limit), SOFT), back)
    return _cropped(dataclasses.replace(wide, sdf=back.astype(np.float32)), added, hull)


def _lost(hull: VisualHull, seen: _Silhouettes) -> list[np.ndarray] | None:
    """Per view the rays inside its silhouette that meet nothing, (SIZE * SIZE,) bool; None where they are too few."""
    cores, missed = uncovered_rays(hull, seen.masks, seen.smaller, SIZE)
    return None if np.sum(missed) < LITTLE * np.sum(cores) else missed


def _points(grid: SdfGrid, index: np.ndarray) -> np.ndarray:
    return np.stack(np.unravel_index(index, grid.sdf.shape), axis=-1) * grid.spacing + grid.bounds[0]


def _spread(share: np.ndarray, spacing: float) -> np.ndarray:
    """(X, Y, Z) mean of the shares above 0 around, fading to 0 at `NEAR` from the next of them."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    at = share > 0
    smooth = SMOOTH / spacing
    total, number = (gaussian_filter(a.astype(np.float32), smooth) for a in (share, at))
    off = distance_transform_edt(~at) * spacing
    return total / np.maximum(number, 1e-6) * np.clip(2 * (1 - off / NEAR), 0, 1).astype(np.float32)


def _padded(hull: VisualHull) -> VisualHull:
    """The hull on a lattice that reaches further: what is lost may stick out of the box of what is left."""
    cells = int(np.ceil(REACH / hull.spacing))
    bounds = hull.bounds + np.array([[-1], [1]]) * cells * hull.spacing
    return dataclasses.replace(hull, sdf=np.pad(hull.sdf, cells, mode="edge"), bounds=bounds)


def _cropped(hull: VisualHull, added: np.ndarray, given: VisualHull) -> VisualHull:
    """The padded hull on no more of its lattice than the given one's and the added samples take, and free space."""
    cells = int(np.ceil(REACH / hull.spacing))
    free = int(np.ceil(MARGIN / hull.spacing))
    parts, ends = [], []
    for axis, count in enumerate(given.sdf.shape):
        used = np.flatnonzero(added.any(axis=tuple(k for k in range(3) if k != axis)))
        first = max(min(cells, used[0] - free), 0)
        last = min(max(cells + count, used[-1] + free + 1), added.shape[axis])
        parts.append(slice(first, last))
        ends.append((first, last - 1))
    bounds = hull.bounds[0] + np.array(ends, float).T * hull.spacing
    return dataclasses.replace(hull, sdf=np.ascontiguousarray(hull.sdf[tuple(parts)]), bounds=bounds)


def _on(lost: np.ndarray, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """(N,) number of the lost ray that each point lies on, -1 where it lies on none."""
    column, row = (np.floor(pixels[:, k]).astype(np.int64) for k in (0, 1))
    at = np.clip(row, 0, SIZE - 1) * SIZE + np.clip(column, 0, SIZE - 1)
    inside = (row >= 0) & (row < SIZE) & (column >= 0) & (column < SIZE) & (depth > 0)
    return np.where(inside & lost[at], at, -1).astype(np.int32)


def _best(score: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """(N,) bool: points of the highest score, above 0, of any ray that they lie on."""
    back = np.zeros(len(score), bool)
    for at in rays:
        most = np.zeros(SIZE * SIZE, np.float32)
        on = (at >= 0) & (score > 0)
        np.maximum.at(most, at[on], score[on])
        back[on] |= score[on] >= most[at[on]]
    return back
