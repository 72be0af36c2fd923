"""Thin parts that views disagree about: put back where more views show them than deny them.

The hull of silhouettes is their intersection, so that a leg which one view draws a little beside the others' is lost.
Where rays inside silhouettes meet nothing, the place along each that most of the views miss something at is found, as
in `multiview.refill`; here places outside the hull are asked as well, and views whose silhouette they would leave
vote against them.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.view import View
from img2mesh.core.visual_hull import MARGIN, VisualHull, cone_distances, mask_distance, projected
from img2mesh.multiview.refill import uncovered_rays

SIZE = 128  # pixels per side at which rays are followed
FAR = 0.08  # world units beyond the hull that are asked
LITTLE = 0.002  # of all rays inside silhouettes: so few are missed by the lattice alone
REACH = 0.15  # world units beyond the hull's box that are asked
FEWEST = 2.0  # views' worth of trust that must miss something at a place
ROUNDS = 2
AROUND = 2  # samples about those put back that are smoothed along with them
SOFT = 1.0  # samples: deviation of that smoothing
CHUNK = 1 << 17


def put_back(hull: VisualHull, views: tuple[View, ...]) -> tuple[VisualHull, int]:
    """The hull with what most views show and few deny, and the number of samples put back.

    Args:
        views: of the hull; `hull.trust` weighs them.
    """
    active = [i for i in range(len(views)) if hull.trust[i] > 0.2]
    if len(active) < 3:
        return hull, 0
    trust = hull.trust[active]
    masks, cameras = [views[i].mask for i in active], [views[i].camera for i in active]
    distances = [mask_distance(mask) for mask in masks]
    smaller = [camera.resized(SIZE, SIZE) for camera in cameras]
    given, hull = hull, _padded(hull)
    added = np.zeros(hull.sdf.size, bool)
    for _ in range(ROUNDS):
        cores, missed = uncovered_rays(hull, masks, smaller, SIZE)
        if np.sum(missed) < LITTLE * np.sum(cores):
            break
        asked = np.flatnonzero((hull.sdf.ravel() >= 0) & (hull.sdf.ravel() < FAR))
        score, depth = np.zeros(len(asked), np.float32), np.zeros(len(asked), np.float32)
        rays = np.full((len(active), len(asked)), -1, np.int32)
        for start in range(0, len(asked), CHUNK):
            part = slice(start, start + CHUNK)
            found = np.stack(np.unravel_index(asked[part], hull.sdf.shape), axis=-1) * hull.spacing
            found = found + hull.bounds[0]
            cones = cone_distances(distances, cameras, found)
            for row, (camera, lost) in enumerate(zip(smaller, missed, strict=True)):
                rays[row, part] = _on(lost, *projected(found, camera))
            wanted = trust @ (rays[:, part] >= 0)
            denied = trust @ (cones > 0)
            score[part] = np.where(wanted >= FEWEST, wanted - denied, 0)
            depth[part] = np.where(cones > 0, -np.inf, cones).max(axis=0)
        back = _best(score, rays)
        if not back.any():
            break
        sdf = hull.sdf.ravel().copy()
        sdf[asked[back]] = np.maximum(depth[back], -FAR)
        hull = dataclasses.replace(hull, sdf=sdf.reshape(hull.sdf.shape))
        added[asked[back]] = True
    if not added.any():
        return given, 0
    place = added.reshape(hull.sdf.shape)
    hull = dataclasses.replace(hull, sdf=_rounded(hull.sdf, place, hull.spacing))
    return _cropped(hull, place, given), int(added.sum())


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


def _rounded(sdf: np.ndarray, added: np.ndarray, spacing: float) -> np.ndarray:
    """The signed distance without the gaps and corners that single samples leave about the added ones."""
    from scipy.ndimage import binary_closing, binary_dilation, gaussian_filter

    about = binary_dilation(added, iterations=AROUND)
    inside = sdf < 0
    filled = binary_closing(np.pad(inside, 2), iterations=2)[2:-2, 2:-2, 2:-2] & about & ~inside
    sdf = np.where(filled, -0.5 * np.float32(spacing), sdf)
    # Thin parts must not drown in the distance about them.
    near = np.clip(sdf, -AROUND * spacing, AROUND * spacing)
    return np.where(about, np.minimum(sdf, gaussian_filter(near, SOFT)), sdf).astype(np.float32)


def _on(lost: np.ndarray, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """(N,) number of the lost ray that each point lies on, -1 where it lies on none."""
    column, row = (np.floor(pixels[:, k]).astype(np.int64) for k in (0, 1))
    at = np.clip(row, 0, SIZE - 1) * SIZE + np.clip(column, 0, SIZE - 1)
    inside = (row >= 0) & (row < SIZE) & (column >= 0) & (column < SIZE) & (depth > 0)
    return np.where(inside & lost[at], at, -1)


def _best(score: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """(N,) bool: points of the highest score, above 0, of any ray that they lie on."""
    back = np.zeros(len(score), bool)
    for at in rays:
        most = np.zeros(SIZE * SIZE, np.float32)
        on = (at >= 0) & (score > 0)
        np.maximum.at(most, at[on], score[on])
        back[on] |= score[on] >= most[at[on]]
    return back
