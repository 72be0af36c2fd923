"""Depth maps into one solid: votes of the maps that confirm each other, smoothed by total variation.

Each map votes on the points of a lattice: in front of its surface there is nothing, just behind it there is
something, further back it does not know (Curless and Levoy 1996). Averaged over all maps, the two sides of a thin wall
would vouch for what lies in front of each other and make it thicker; so the maps are averaged by the side that their
surface faces (Splietker and Behnke 2019, directional TSDF), and a point is free where one side sees it free. A pixel's
vote counts by how many other maps have the same surface, facing the same way, where it has it, so that a stray depth
does not bore a tunnel; and the votes are fitted by a function of small total variation (Zach, Pock and Bischof 2007;
solved as Chambolle and Pock 2011), which leaves no crumbs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.sdf_grid import SdfGrid, lattice
from img2mesh.core.visual_hull import projected

CLIP = 1.2  # of the lattice's spacing: how far from its surface a vote is fully for or against
REACH = 0.025  # world units behind a map's surface that it still vouches for
JUMP = 0.02  # world units between the depths of neighbouring pixels that belong to one surface
SMOOTH = 5  # pixels a side over which a map's normals are averaged
AGREE, COARSER = (
    0.004,
    0.8,
)  # world units, or of the lattice's spacing, between two maps' surfaces that confirm each other
SAME_SIDE = 0.3  # cosine between their normals from which they do
NEAR = 0.03  # world units between their depths beyond which they do not, however long the planes
ALONE, CONFIRMED = 0.1, 0.3  # weight of a vote, and of each map that confirms it, up to 1 in all
GRAZING = 0.15  # weight of a map that sees its surface edge on, against squarely
SOLID = 0.15  # weight of the hull's own vote, more than that of a map alone: what nobody disputes is there
TRUST = 0.6  # of that, where the function of small variation is fitted
FIDELITY = 4.0  # of the result to the votes against its total variation
ROUNDS = 25


def merge_depths(depths: Sequence[np.ndarray], cameras: Sequence[Camera], hull: SdfGrid) -> np.ndarray:
    """One signed distance from depth maps, never below the hull's.

    Args:
        depths: (H, W) each, distance from the camera along its rays; NaN where nothing is known.
        cameras: of the size of the maps.
        hull: what the silhouettes allow.

    Returns:
        (X, Y, Z) float32 on the hull's lattice; exact only near its zero level.
    """
    planes = [tangent_planes(depth, camera) for depth, camera in zip(depths, cameras, strict=True)]
    confirmed = confirmations(depths, cameras, planes, max(AGREE, COARSER * hull.spacing))
    points, shape = lattice(hull.bounds, hull.spacing)
    inside = np.flatnonzero(hull.sdf.ravel() < hull.spacing)
    points = points[inside].astype(np.float32)
    clip = CLIP * hull.spacing
    total, weight = (np.zeros((6, len(inside)), np.float32) for _ in range(2))
    for depth, camera, count, (surface, normals) in zip(depths, cameras, confirmed, planes, strict=True):
        row, column, distance = _pixels(points, camera)
        near = np.flatnonzero(depth[row, column] - distance > -2 * REACH)  # False for NaN
        row, column, distance = row[near], column[near], distance[near]
        normal = normals[row, column]
        ahead = np.einsum("ij,ij->i", points[near] - surface[row, column], normal)
        cosine = np.einsum("ij,ij->i", camera.position.astype(np.float32) - points[near], normal) / distance
        say = np.minimum(1, ALONE + CONFIRMED * count[row, column]) * np.clip(cosine, GRAZING, 1)
        say[~(ahead > -REACH)] = 0
        vote = np.clip(ahead / clip, -1, 1)
        for side in range(6):
            # Sides are the axes' directions; a surface in between speaks for all that it faces.
            share = say * np.maximum(normal[:, side // 2] * (1 if side % 2 else -1), 0)
            total[side, near] += share * vote
            weight[side, near] += share
    least = np.clip(hull.sdf / clip, -1, 1).astype(np.float32)
    votes, trust = least.ravel().copy(), np.full(least.size, 5.0, np.float32)
    votes[inside] = np.clip(((total - SOLID) / (weight + SOLID)).max(0), -1, 1)
    trust[inside] = weight.sum(0) + TRUST
    found = least_variation(votes.reshape(shape), trust.reshape(shape), least)
    return np.maximum(found * np.float32(clip), hull.sdf)


def tangent_planes(depth: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The surface of a depth map: (H, W, 3) float32 points, NaN where unknown, and unit normals towards the camera.

    Normals are averaged over the neighbourhood that is no `JUMP` away; without one they look at the camera.
    """
    import cv2

    origins, directions = camera.rays()
    points = (origins + directions * depth[..., None]).astype(np.float32)
    tangents = []
    for axis in (1, 0):
        ahead = np.roll(points, -1, axis) - points
        joined = np.abs(np.roll(depth, -1, axis) - depth) < JUMP  # False for NaN
        ahead = np.where(joined[..., None], ahead, 0)
        share = joined.astype(np.float32)
        mean = cv2.blur(ahead + np.roll(ahead, 1, axis), (SMOOTH, SMOOTH))
        share = cv2.blur(share + np.roll(share, 1, axis), (SMOOTH, SMOOTH))
        tangents.append(mean / np.maximum(share, 1e-6)[..., None])
    normals = np.cross(*tangents)
    normals *= -np.sign((normals * directions).sum(-1, keepdims=True))
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    normals = np.where(length > 1e-12, normals / np.maximum(length, 1e-12), -directions)
    return points, normals.astype(np.float32)


def confirmations(
    depths: Sequence[np.ndarray],
    cameras: Sequence[Camera],
    planes: Sequence[tuple[np.ndarray, np.ndarray]],
    agree: float = AGREE,
) -> list[np.ndarray]:
    """(H, W) each: how many of the other maps have a pixel's point within `agree` of their surface, facing alike."""
    found = []
    for k, (depth, (surface, normals)) in enumerate(zip(depths, planes, strict=True)):
        known = np.isfinite(depth)
        points, facing = surface[known], normals[known]
        count = np.zeros(depth.shape, dtype=np.float32)
        for j, (other, view) in enumerate(zip(depths, cameras, strict=True)):
            if j == k:
                continue
            row, column, distance = _pixels(points, view)
            normal = planes[j][1][row, column]
            off = np.abs(np.einsum("ij,ij->i", points - planes[j][0][row, column], normal))
            alike = np.einsum("ij,ij->i", normal, facing) > SAME_SIDE
            count[known] += (off < agree) & alike & (np.abs(other[row, column] - distance) < NEAR)
        found.append(count)
    return found


def _pixels(points: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column of the pixel that shows each point, and its distance from the camera."""
    pixels, _ = projected(points, camera)
    column = np.clip(pixels[:, 0], 0, camera.width - 1).astype(np.int32)
    row = np.clip(pixels[:, 1], 0, camera.height - 1).astype(np.int32)
    away = [points[:, k] - np.float32(camera.position[k]) for k in range(3)]
    return row, column, np.sqrt(sum(part * part for part in away))


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
