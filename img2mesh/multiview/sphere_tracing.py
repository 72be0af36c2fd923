"""Rays followed through the lattice of a hull: where they cross its box, and where they enter the shape."""

from __future__ import annotations

import numpy as np

from img2mesh.core.sdf_grid import SdfGrid

STEP = 0.7  # of the lattice's spacing: the shortest way from one sample of a ray to the next
SURE = 0.5  # of a sample's distance to the surface: how far the ray goes on without looking


def crossings(hull: SdfGrid, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) float32 depths at which rays enter and leave the hull's box; the first is the larger one if they miss it.

    Args:
        origins: (N, 3) or (3,). directions: (N, 3) unit.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        walls = [
            (hull.bounds[:, k, None].astype(np.float32) - origins[..., k]) / directions[:, k]
            for k in range(3)
        ]
    near, far = np.zeros(len(directions), np.float32), np.full(len(directions), np.inf, np.float32)
    for wall in walls:  # a ray inside a wall's plane gives NaN, which fmin and fmax pass over
        near = np.fmax(near, np.fmin(*wall))
        far = np.fmin(far, np.fmax(*wall))
    return near, far


def along(origins: np.ndarray, directions: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """(N, 3) float32 points at (N,) depths; `origins` (N, 3) or (3,)."""
    points = np.empty((len(depths), 3), np.float32)
    for k in range(3):  # numpy is slow where the last axis is short
        np.multiply(directions[:, k], depths, out=points[:, k])
        points[:, k] += origins[..., k]
    return points


def entries(hull: SdfGrid, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(N,) float32 depth at which each ray enters the shape `hull.sdf`; NaN where it misses.

    Far from the surface a ray takes long steps (sphere tracing, Hart 1996), near it steps of less than a cell.

    Args:
        origins, directions: (N, 3); directions unit.
    """
    origins, directions = origins.astype(np.float32), directions.astype(np.float32)
    near, far = crossings(hull, origins, directions)
    depth = np.full(len(origins), np.nan, np.float32)
    ray = np.flatnonzero(near < far)
    origins, directions, at, far = origins[ray], directions[ray], near[ray], far[ray]
    least = np.float32(STEP * hull.spacing)
    before, step = np.full(len(ray), hull.spacing, np.float32), np.zeros(len(ray), np.float32)
    while len(ray):
        value = hull.at(along(origins, directions, at))
        enters = value < 0
        share = before[enters] / np.maximum(before[enters] - value[enters], 1e-9)
        depth[ray[enters]] = at[enters] - (1 - share) * step[enters]
        step = np.maximum(least, np.float32(SURE) * value)
        at = at + step
        on = ~enters & (at < far)
        ray, origins, directions, far = ray[on], origins[on], directions[on], far[on]
        before, step, at = value[on], step[on], at[on]
    return depth
