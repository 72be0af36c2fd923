"""The mesh that the pipeline hands round: positions, faces, one texture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class TexturedMesh:
    """Triangles with one texture, in world axes (docs/conventions.md).

    Attributes:
        vertices: (V, 3) float64. A vertex on a seam of the atlas is there once for each of its charts.
        faces: (F, 3) int64, counter-clockwise seen from outside.
        uv: (V, 2) float64 in [0, 1], (0, 0) the lower left corner of `texture`.
        texture: (T, T', 3) uint8 sRGB, first row on top.
        facts: plain values about the making, for the report.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    texture: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)

    def welded(self) -> tuple[np.ndarray, np.ndarray]:
        """(W, 3) positions without the copies at seams, and (F, 3) faces into them: one closed surface."""
        return weld(self.vertices, self.faces)

    def normals(self) -> np.ndarray:
        """(V, 3) float64 unit normals, smooth across seams: copies of one position share one normal."""
        positions, inverse = _unique_positions(self.vertices)
        return vertex_normals(positions, inverse[self.faces])[inverse]

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) lowest and highest corner of the bounding box."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])


def _unique_positions(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Copies at seams are bitwise equal, also after a trip through float32, so no tolerance is needed: a
    # tolerance would fuse thin walls. Adding zero turns -0.0 into 0.0.
    rows = np.ascontiguousarray(vertices + 0.0).view([("", vertices.dtype)] * 3).ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")  # keep the order of first appearance
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return vertices[first[order]], rank[inverse.ravel()]


def weld(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge vertices of equal position: (W, 3) positions in order of first appearance, (F, 3) faces."""
    positions, inverse = _unique_positions(np.asarray(vertices, dtype=np.float64))
    return positions, inverse[faces]


def face_cross(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3) normals of length twice the face's area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) unit normals: the faces' normals weighted by their angle at the vertex.

    Angle weights do not depend on how a flat region is cut into triangles (Thürmer and Wüthrich 1998).
    """
    cross = face_cross(vertices, faces)
    unit = cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-30)
    total = np.zeros_like(vertices, dtype=np.float64)
    for corner in range(3):
        here, after, before = (vertices[faces[:, (corner + k) % 3]] for k in range(3))
        one, two = after - here, before - here
        length = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
        cosine = np.einsum("ij,ij->i", one, two) / np.maximum(length, 1e-30)
        weighted = unit * np.arccos(np.clip(cosine, -1, 1))[:, None]
        for axis in range(3):
            total[:, axis] += np.bincount(faces[:, corner], weighted[:, axis], minlength=len(vertices))
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-12, total / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])


def is_closed(faces: np.ndarray) -> bool:
    """Whether every edge is in exactly two faces that pass it in opposite directions."""
    if len(faces) < 4:
        return False
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    size = int(faces.max()) + 1
    forward = np.sort(edges[:, 0] * size + edges[:, 1])
    backward = np.sort(edges[:, 1] * size + edges[:, 0])
    return bool((np.diff(forward) > 0).all() and np.array_equal(forward, backward))


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed volume of a closed surface; positive where faces wind outwards."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def face_components(faces: np.ndarray, n_vertices: int) -> np.ndarray:
    """(F,) component number of each face; faces that share a vertex are connected."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows = np.concatenate([faces[:, 0], faces[:, 1]])
    columns = np.concatenate([faces[:, 1], faces[:, 2]])
    graph = coo_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(n_vertices, n_vertices))
    return connected_components(graph, directed=False)[1][faces[:, 0]]
