"""A surface as points on a lattice's zero level: where it is, which way it faces, who sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from img2mesh.core.camera import Camera

SPLAT = 96  # pixels per side of the depth buffers, fewer where the vertices lie less dense
TOLERANCE = 0.01  # world units behind the nearest vertex of a pixel that still count as seen
GRAZING = 0.25  # cosine below which a view says nothing useful about a point


@dataclass(frozen=True, eq=False)
class Surface:
    """Vertices of a marching-cubes mesh and who is whose neighbour.

    Attributes:
        points: (N, 3) float64 on the zero level, slightly smoothed against the lattice's steps.
        normals: (N, 3) float64 unit, outwards.
        neighbours: (N, N) sparse CSR matrix of ones, symmetric.
        spacing: of the lattice, about the largest distance between neighbours.
    """

    points: np.ndarray
    normals: np.ndarray
    neighbours: Any
    spacing: float

    def mean(self):
        """(N, N) sparse matrix that averages a point's values with its neighbours'."""
        from scipy.sparse import diags, identity

        count = np.asarray(self.neighbours.sum(axis=1)).ravel()
        return diags(1 / (count + 1)) @ (self.neighbours + identity(len(count), format="csr"))


def surface_of(sdf: np.ndarray, low: np.ndarray, spacing: float) -> Surface | None:
    """The zero level of a signed distance lattice, or None where there is none.

    Args:
        sdf: (X, Y, Z), negative inside; closed at the lattice's border.
        low: (3,) position of sample [0, 0, 0]. spacing: between samples.
    """
    from scipy.sparse import coo_matrix, diags
    from skimage.measure import marching_cubes

    padded = np.pad(sdf, 1, constant_values=spacing)
    if not padded.min() < 0:
        return None
    vertices, faces, _, _ = marching_cubes(padded, 0.0, allow_degenerate=False)
    points = (vertices.astype(np.float64) - 1) * spacing + low
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([edges, edges[:, ::-1]])
    count = len(points)
    graph = coo_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count)).tocsr()
    graph.data[:] = 1
    mean = diags(1 / np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)) @ graph
    for factor in (0.5, -0.53, 0.5, -0.53):  # Taubin 1995: smooths without shrinking
        points = points + factor * (mean @ points - points)
    a, b, c = (points[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    normals = np.stack(
        [
            sum(np.bincount(faces[:, k], cross[:, axis], minlength=count) for k in range(3))
            for axis in range(3)
        ],
        axis=-1,
    )
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Surface(points, normals, graph, float(spacing))


def facing(surface: Surface, cameras: Sequence[Camera]) -> np.ndarray:
    """(V, N) float32 cosine between normal and direction to each camera; 0 where hidden or seen at a slant.

    Visibility is tested against depth buffers of the vertices themselves.
    """
    found = np.zeros((len(cameras), len(surface.points)), dtype=np.float32)
    for row, camera in enumerate(cameras):
        near = max(camera.project(surface.points)[1].min(), 1e-3)  # no pixel there without a vertex in it
        size = int(np.clip(near / surface.spacing * camera.width / camera.fl_x, 16, SPLAT))
        small = camera.resized(size, max(1, round(size * camera.height / camera.width)))
        pixels, depth = small.project(surface.points)
        column = np.clip(np.floor(pixels[:, 0]).astype(np.int64), 0, small.width - 1)
        line = np.clip(np.floor(pixels[:, 1]).astype(np.int64), 0, small.height - 1)
        towards = camera.position - surface.points
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        cosine = np.einsum("ij,ij->i", surface.normals, towards)
        nearest = np.full((small.height, small.width), np.inf)
        np.minimum.at(nearest, (line, column), np.where(cosine > 0, depth, np.inf))
        # Across one pixel a slanted surface spans as much depth as its slope says.
        steep = np.sqrt(np.maximum(1 - cosine**2, 0)) / np.maximum(cosine, GRAZING)
        reach = TOLERANCE + 0.7 * steep * depth / small.fl_x
        seen = (cosine > GRAZING) & (depth <= nearest[line, column] + reach)
        found[row, seen] = cosine[seen]
    return found
