"""The nearest point of a surface: where distances to it are from, and colours that go over to another mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from img2mesh.core.rasterise import sample_bilinear

FINEST = 64  # samples along a triangle's longest edge at most
TRIED = 3  # triangles, those of the nearest samples, whose exact distance is computed
CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class Closest:
    """Nearest points of a surface.

    Attributes:
        face: (N,) int64. bary: (N, 3) float64 weights of its corners. distance: (N,) float64, unsigned.
    """

    face: np.ndarray
    bary: np.ndarray
    distance: np.ndarray

    def interpolate(self, values: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """(N, C) of vertex values (V, C)."""
        return np.einsum("nk,nkc->nc", self.bary, values[faces[self.face]])


class ClosestPoint:
    """A k-d tree of samples of a surface; exact on the triangles of the samples that are nearest.

    The answer misses the true nearest triangle only where its samples are not among the nearest ones, which costs at
    most an eighth of spacing^2 / distance.

    Args:
        vertices: (V, 3). faces: (F, 3).
        spacing: of the samples, in units of the vertices.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, spacing: float) -> None:
        from scipy.spatial import cKDTree

        self.triangles = np.asarray(vertices, np.float64)[faces]
        points, self.owner = _lattice(self.triangles, spacing)
        self.tree = cKDTree(points)

    def __call__(self, points: np.ndarray) -> Closest:
        """The nearest points to (N, 3) points."""
        from trimesh.triangles import closest_point, points_to_barycentric

        face, bary, distance = (
            np.empty(len(points), np.int64),
            np.empty((len(points), 3)),
            np.empty(len(points)),
        )
        for start in range(0, len(points), CHUNK):
            part = slice(start, start + CHUNK)
            asked = np.asarray(points[part], np.float64)
            _, near = self.tree.query(asked, k=TRIED, workers=-1)
            best = np.full(len(asked), np.inf)
            for k in range(TRIED):
                number = self.owner[np.minimum(near[:, k], len(self.owner) - 1)]
                new = np.arange(len(asked)) if k == 0 else np.flatnonzero(number != face[part])
                with np.errstate(all="ignore"):  # triangles without area
                    found = closest_point(self.triangles[number[new]], asked[new])
                away = np.linalg.norm(found - asked[new], axis=1)
                nearer = away < best[new]
                at = new[nearer]
                best[at] = away[nearer]
                face[start + at] = number[at]
                with np.errstate(all="ignore"):
                    bary[start + at] = points_to_barycentric(self.triangles[number[at]], found[nearer])
            distance[part] = best
        bary = np.clip(np.nan_to_num(bary, nan=1 / 3), 0, 1)
        return Closest(face, bary / bary.sum(axis=1, keepdims=True), distance)


def texture_at(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """(N, C) float32 bilinear values of an (H, W, C) texture at (N, 2) coordinates, (0, 0) lower left."""
    height, width = texture.shape[:2]
    return sample_bilinear(texture, np.stack([uv[:, 0] * width, (1 - uv[:, 1]) * height], axis=1))


def _lattice(triangles: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Points on triangles (F, 3, 3), no two further apart than about `spacing`, and the triangle of each."""
    edges = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
    number = np.clip(np.ceil(edges / max(spacing, 1e-12)), 1, FINEST).astype(int)
    points, owner = [], []
    for n in np.unique(number):
        i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
        inside = i + j < n
        weights = (np.stack([i[inside], j[inside], (n - 1 - i - j)[inside]], axis=1) + 1 / 3) / n
        which = np.flatnonzero(number == n)
        points.append(np.einsum("pk,fkc->fpc", weights, triangles[which]).reshape(-1, 3))
        owner.append(np.repeat(which, len(weights)))
    return np.concatenate(points), np.concatenate(owner)
