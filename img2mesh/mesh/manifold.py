"""Surfaces that touch themselves, cut apart so that every edge has two faces again (the library Manifold).

Collapsing edges keeps a closed surface closed in the sense of chains (every edge is passed as often in one
direction as in the other), but may pinch a thin wall or handle until four faces meet in one edge.
"""

from __future__ import annotations

import numpy as np

APART = (
    0.03  # of the way to the middle of its faces: how far a vertex moves from another at the same position
)


def to_manifold(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An oriented 2-manifold: faces back to back cancel, pinched edges and vertices are doubled.

    Doubled vertices move a little apart, so that merging equal positions does not undo it.

    Args:
        vertices: (V, 3). faces: (F, 3), closed: every edge is passed equally often in both directions.

    Returns:
        (V', 3) and (F', 3). Where the surface is not closed it stays as it is.
    """
    from manifold3d import Error, Manifold, Mesh64

    solid = Manifold(Mesh64(np.asarray(vertices, np.float64), np.asarray(faces, np.uint64)))
    if solid.status() != Error.NoError:
        return vertices, faces
    mesh = solid.to_mesh64()
    vertices, faces = np.array(mesh.vert_properties[:, :3]), np.array(mesh.tri_verts, np.int64)
    if not len(faces):
        return vertices, faces
    _, inverse, count = np.unique(
        vertices.astype(np.float32), axis=0, return_inverse=True, return_counts=True
    )
    twin = count[inverse.ravel()] > 1
    if twin.any():
        corner, middles = faces.ravel(), np.repeat(vertices[faces].mean(axis=1), 3, axis=0)
        total = np.stack([np.bincount(corner, middles[:, k], len(vertices)) for k in range(3)], axis=1)
        mean = total / np.bincount(corner, minlength=len(vertices))[:, None]
        vertices[twin] += APART * (mean - vertices)[twin]
    return vertices, faces
