"""Ray casting in numpy, for machines without embree: a bounding volume hierarchy, walked by all rays at once."""

from __future__ import annotations

import numpy as np

LEAF = 4  # triangles in a box of the lowest level
RAYS = 1 << 15  # walked at once, which bounds the memory


class BoundingVolumes:
    """Triangles in the order of a Morton curve, under a binary tree of boxes.

    Args:
        vertices, faces: (V, 3) and (F, 3).
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        triangles = np.asarray(vertices, np.float64)[faces]
        self.order = np.argsort(_morton_codes(triangles.mean(axis=1)), kind="stable")
        self.triangles = triangles[self.order]
        count = max(1, -(-len(faces) // LEAF))
        count = 1 << (count - 1).bit_length()  # a full tree: what is missing is empty boxes
        low, high = np.full((count * LEAF, 3), np.inf), np.full((count * LEAF, 3), -np.inf)
        low[: len(faces)], high[: len(faces)] = self.triangles.min(axis=1), self.triangles.max(axis=1)
        low, high = low.reshape(count, LEAF, 3).min(axis=1), high.reshape(count, LEAF, 3).max(axis=1)
        self.levels = [(low, high)]  # the root is last
        while len(low) > 1:
            low, high = low.reshape(-1, 2, 3).min(axis=1), high.reshape(-1, 2, 3).max(axis=1)
            self.levels.append((low, high))
        # Empty boxes lie where hardly any ray gets.
        self.levels = [
            (np.where(np.isinf(low), 1e30, low), np.where(np.isinf(high), 1e30, high))
            for low, high in self.levels
        ]

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First hits of (N, 3) rays, as `rays.cast` gives them."""
        origins, directions = np.asarray(origins, np.float64), np.asarray(directions, np.float64)
        parts = [
            self._walk(origins[i : i + RAYS], directions[i : i + RAYS]) for i in range(0, len(origins), RAYS)
        ]
        if not parts:
            return np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros(0)
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))  # type: ignore[return-value]

    def _walk(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inverse = 1 / np.where(np.abs(directions) < 1e-12, 1e-12, directions)
        ray: np.ndarray = np.arange(len(origins))
        node: np.ndarray = np.zeros(len(origins), np.int64)
        for k, (low, high) in enumerate(reversed(self.levels)):
            if k:
                ray, node = np.repeat(ray, 2), (2 * node[:, None] + [0, 1]).ravel()
            one, two = ((side[node] - origins[ray]) * inverse[ray] for side in (low, high))
            enter, leave = np.minimum(one, two).max(axis=1), np.maximum(one, two).min(axis=1)
            met = (enter <= leave + 1e-9) & (leave >= 0)
            ray, node = ray[met], node[met]
        triangle = (LEAF * node[:, None] + np.arange(LEAF)).ravel()
        ray = np.repeat(ray, LEAF)
        real = triangle < len(self.triangles)
        return self._nearest(origins, directions, ray[real], triangle[real])

    def _nearest(
        self, origins: np.ndarray, directions: np.ndarray, ray: np.ndarray, triangle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The nearest of candidate pairs for each ray (Möller and Trumbore 1997)."""
        a, b, c = self.triangles[triangle].transpose(1, 0, 2)
        one, two, direction = b - a, c - a, directions[ray]
        across = np.cross(direction, two)
        determinant = np.einsum("ij,ij->i", one, across)
        inverse = 1 / np.where(determinant == 0, np.inf, determinant)
        start = origins[ray] - a
        u = np.einsum("ij,ij->i", start, across) * inverse
        upwards = np.cross(start, one)
        v = np.einsum("ij,ij->i", direction, upwards) * inverse
        distance = np.einsum("ij,ij->i", two, upwards) * inverse
        hit = (inverse != 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)
        ray, triangle, u, v, distance = ray[hit], triangle[hit], u[hit], v[hit], distance[hit]
        order = np.lexsort((distance, ray))
        ray, first = np.unique(ray[order], return_index=True)
        order = order[first]
        face, nearest = np.full(len(origins), -1), np.full(len(origins), np.inf)
        bary = np.zeros((len(origins), 3))
        face[ray], nearest[ray] = self.order[triangle[order]], distance[order]
        bary[ray] = np.stack([1 - u[order] - v[order], u[order], v[order]], axis=1)
        return face, bary, nearest


def _morton_codes(points: np.ndarray) -> np.ndarray:
    """(N,) int64: the bits of (N, 3) coordinates, ten of each, interleaved."""
    low, high = points.min(axis=0), points.max(axis=0)
    cells = ((points - low) / max(float((high - low).max()), 1e-12) * 1023).astype(np.int64)
    codes = np.zeros(len(points), np.int64)
    for bit in range(10):
        for axis in range(3):
            codes |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return codes
