"""Pairs of triangles that pass through each other."""

from __future__ import annotations

import numpy as np

from img2mesh.core.bvh import LEAF, BoundingVolumes

DEPTH = 3e-7  # of the size: how far both ends of an edge lie off a triangle that it crosses; single precision is noise
EMPTY = 1e29  # where the hierarchy keeps boxes without triangles
PAIRS = 1 << 20  # triangle pairs tested at once


def self_intersections(vertices: np.ndarray, faces: np.ndarray, most: int = 1000) -> np.ndarray:
    """Which triangles of a surface cross another one; touching is no crossing, nor is what rounding does.

    Candidates are found by walking a bounding volume hierarchy against itself; an edge of one triangle has to pass
    through the other one (Möller and Trumbore's test, in double precision).

    Args:
        vertices: (V, 3). faces: (F, 3); copies of one position should be welded, for neighbours touch.
        most: pairs after which the search ends.

    Returns:
        (K, 2) int64 pairs of face numbers, the smaller first.
    """
    vertices = np.asarray(vertices, np.float64)
    tree = BoundingVolumes(vertices, faces)
    levels = list(reversed(tree.levels))
    one: np.ndarray = np.zeros(1, np.int64)
    two: np.ndarray = np.zeros(1, np.int64)
    for k, (low, high) in enumerate(levels):
        if k:
            children = [(2 * one + i, 2 * two + j) for i in (0, 1) for j in (0, 1)]
            one, two = (np.concatenate(side) for side in zip(*children, strict=True))
            ordered = one <= two
            one, two = one[ordered], two[ordered]
        met = ((low[one] <= high[two]) & (low[two] <= high[one])).all(axis=1)
        met &= (low[one] < EMPTY).all(axis=1) & (low[two] < EMPTY).all(axis=1)
        one, two = one[met], two[met]
    low, high = tree.triangles.min(axis=1), tree.triangles.max(axis=1)
    step = max(1, PAIRS // LEAF**2)
    depth = DEPTH * float(np.ptp(vertices, axis=0).max(initial=0.0))
    found: list[np.ndarray] = []
    for start in range(0, len(one), step):
        first = (LEAF * one[start : start + step, None] + np.arange(LEAF))[:, :, None]
        second = (LEAF * two[start : start + step, None] + np.arange(LEAF))[:, None, :]
        first, second = (side.ravel() for side in np.broadcast_arrays(first, second))
        real = (first < second) & (second < len(faces))
        first, second = first[real], second[real]
        met = ((low[first] <= high[second]) & (low[second] <= high[first])).all(axis=1)
        first, second = first[met], second[met]
        crossing = _cross(tree.triangles[first], tree.triangles[second], depth)
        found.append(np.sort(tree.order[np.stack([first[crossing], second[crossing]], axis=1)], axis=1))
        if sum(map(len, found)) >= most:
            break
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def _cross(one: np.ndarray, two: np.ndarray, depth: float) -> np.ndarray:
    """(N,) bool: whether an edge of one of two triangles (N, 3, 3) passes through the other."""
    hit = np.zeros(len(one), bool)
    for first, second in ((one, two), (two, one)):
        for k in range(3):
            left = np.flatnonzero(~hit)
            start, end = first[left, k], first[left, (k + 1) % 3]
            hit[left] = _pierces(start, end - start, second[left], depth)
    return hit


def _pierces(start: np.ndarray, direction: np.ndarray, triangle: np.ndarray, depth: float) -> np.ndarray:
    a, b, c = triangle.transpose(1, 0, 2)
    one, two = b - a, c - a
    normal = np.cross(one, two)
    normal /= np.maximum(np.linalg.norm(normal, axis=1), 1e-300)[:, None]
    before = np.einsum("ij,ij->i", start - a, normal)
    after = before + np.einsum("ij,ij->i", direction, normal)
    through = (before * after < 0) & (np.minimum(np.abs(before), np.abs(after)) > depth)
    across = np.cross(direction, two)
    determinant = np.einsum("ij,ij->i", one, across)
    inverse = 1 / np.where(determinant == 0, np.inf, determinant)
    away = start - a
    u = np.einsum("ij,ij->i", away, across) * inverse
    v = np.einsum("ij,ij->i", direction, np.cross(away, one)) * inverse
    return through & (inverse != 0) & (u >= -1e-12) & (v >= -1e-12) & (u + v <= 1 + 1e-12)
