"""Depth maps into one solid: votes of the maps that confirm each other, smoothed by total variation.

Each map votes on the points of a lattice: in front of its surface there is nothing, just behind it there is
something, further back it does not know (Curless and Levoy 1996). A pixel's vote counts by how many other maps have
their surface where it has it, so that a stray depth does not bore a tunnel; and the votes are fitted by a function of
small total variation (Zach, Pock and Bischof 2007; solved as Chambolle and Pock 2011), which leaves no crumbs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2mesh.cameras import Camera
from img2mesh.views.hull import Hull, lattice

CLIP = 0.0125  # world units at which a vote is fully for or against; on a coarse lattice, its spacing
REACH = 2.0  # times that behind a map's surface it still vouches for: walls may be as thin
AGREE = 0.02  # world units between two maps' surfaces that confirm each other
ALONE, CONFIRMED = 0.2, 0.35  # weight of a vote, and of each map that confirms it, up to 1 in all
SOLID = 0.6  # weight of the hull's own vote: what nobody disputes is there
FIDELITY = 2.0  # of the result to the votes against its total variation
ROUNDS = 25


def merge_depths(depths: Sequence[np.ndarray], cameras: Sequence[Camera], hull: Hull) -> np.ndarray:
    """One signed distance from depth maps, never below the hull's.

    Args:
        depths: (H, W) each, distance from the camera along its rays; NaN where nothing is known.
        cameras: of the size of the maps.
        hull: what the silhouettes allow.

    Returns:
        (X, Y, Z) float32 on the hull's lattice; exact only near its zero level.
    """
    confirmed = confirmations(depths, cameras)
    points, shape = lattice(hull.bounds, hull.spacing)
    inside = np.flatnonzero(hull.sdf.ravel() < hull.spacing)
    clip = max(CLIP, 0.9 * hull.spacing)
    total, weight = np.zeros(len(inside), np.float32), np.zeros(len(inside), np.float32)
    for depth, camera, count in zip(depths, cameras, confirmed, strict=True):
        row, column, distance = _pixels(points[inside], camera)
        ahead = depth[row, column] - distance  # positive: in front of the surface
        valid = ahead > -REACH * clip  # False for NaN
        say = np.where(valid, np.minimum(1, ALONE + CONFIRMED * count[row, column]), 0)
        total += say * np.where(valid, np.clip(ahead / clip, -1, 1), 0)
        weight += say
    least = np.clip(hull.sdf / clip, -1, 1).astype(np.float32)
    votes, trust = least.ravel().copy(), np.full(least.size, 5.0, np.float32)
    votes[inside] = np.clip((total - SOLID) / (weight + SOLID), -1, 1)
    trust[inside] = weight + SOLID
    found = least_variation(votes.reshape(shape), trust.reshape(shape), least)
    return np.maximum(found * np.float32(clip), hull.sdf)


def confirmations(depths: Sequence[np.ndarray], cameras: Sequence[Camera]) -> list[np.ndarray]:
    """(H, W) each: how many of the other maps have their surface within `AGREE` of a pixel's point."""
    found = []
    for k, (depth, camera) in enumerate(zip(depths, cameras, strict=True)):
        known = np.isfinite(depth)
        origins, directions = camera.rays()
        points = origins[known] + directions[known] * depth[known][:, None]
        count = np.zeros(depth.shape, dtype=np.float32)
        for j, (other, view) in enumerate(zip(depths, cameras, strict=True)):
            if j != k:
                row, column, distance = _pixels(points, view)
                count[known] += np.abs(other[row, column] - distance) < AGREE  # False for NaN
        found.append(count)
    return found


def _pixels(points: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column of the pixel that shows each point, and its distance from the camera."""
    pixels, _ = camera.project(points)
    column = np.clip(np.floor(pixels[:, 0]).astype(np.int64), 0, camera.width - 1)
    row = np.clip(np.floor(pixels[:, 1]).astype(np.int64), 0, camera.height - 1)
    return row, column, np.linalg.norm(points - camera.position, axis=-1)


def least_variation(votes: np.ndarray, trust: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The u >= `least` that minimises sum |grad u| + FIDELITY / 2 sum trust (u - votes)^2.

    Args:
        votes, trust, least: (X, Y, Z) float32.

    Returns:
        (X, Y, Z) float32.
    """
    import torch

    f, w, low = (torch.from_numpy(np.ascontiguousarray(a)) for a in (votes, trust, least))
    u = torch.maximum(f, low)
    ahead = u.clone()
    dual = torch.zeros((3, *u.shape))
    step = 1 / 12**0.5  # the gradient's norm on a cubic lattice is at most sqrt(12)
    pull = step * FIDELITY * w
    for _ in range(ROUNDS):
        for axis in range(3):
            size = u.shape[axis] - 1
            dual[axis].narrow(axis, 0, size).add_(ahead.diff(dim=axis), alpha=step)
        dual /= (dual * dual).sum(0).sqrt_().clamp_min_(1)  # norm(dim=0) is five times slower
        divergence = dual.sum(0)
        for axis in range(3):
            size = u.shape[axis] - 1
            divergence.narrow(axis, 1, size).sub_(dual[axis].narrow(axis, 0, size))
        before = u
        u = torch.maximum((u + step * divergence + pull * f) / (1 + pull), low)
        ahead = 2 * u - before
    return u.numpy()
