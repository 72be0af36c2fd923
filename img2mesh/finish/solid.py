"""Textured meshes as solids of the library Manifold, and back: cuts keep the texture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from img2mesh.mesh.textured_mesh import TexturedMesh, weld


def solid_of(vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray | None = None) -> Any | None:
    """A `manifold3d.Manifold`, or None where the surface is not closed.

    Args:
        vertices: (V, 3); copies of one position, at seams of a texture, are joined.
        faces: (F, 3).
        uv: (V, 2) carried along as properties.
    """
    from manifold3d import Error, Manifold, Mesh64

    properties = np.asarray(vertices, np.float64)
    if uv is not None:
        properties = np.hstack([properties, uv])
    order = np.lexsort(properties[:, :3].T)
    same = np.r_[False, (np.diff(properties[order, :3], axis=0) == 0).all(axis=1)]
    first = order[np.flatnonzero(~same)][np.cumsum(~same) - 1]  # of each group of copies
    copy = np.zeros(len(order), np.int64)
    copy[order] = first
    from_, to = np.flatnonzero(copy != np.arange(len(copy))), None
    to = copy[from_]
    mesh = Mesh64(
        np.ascontiguousarray(properties),
        np.asarray(faces, np.uint64),
        merge_from_vert=from_.astype(np.uint64),
        merge_to_vert=to.astype(np.uint64),
    )
    solid = Manifold(mesh)
    return None if solid.status() != Error.NoError or solid.is_empty() else solid


def arrays_of(solid: Any) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) positions and (F, 3) faces of a solid, welded: one vertex for each position."""
    mesh = solid.to_mesh64()
    vertices, faces = np.array(mesh.vert_properties[:, :3]), np.array(mesh.tri_verts, np.int64)
    copies = np.arange(len(vertices))
    copies[np.array(mesh.merge_from_vert, np.int64)] = np.array(mesh.merge_to_vert, np.int64)
    return weld(vertices, copies[faces])


def cut_below(mesh: TexturedMesh, height: float) -> TexturedMesh:
    """The part of a closed textured mesh above a level of z, closed by a flat face in the colour of its border.

    A mesh that is not closed comes back as it is.
    """
    solid = solid_of(mesh.vertices, mesh.faces, mesh.uv)
    if solid is None:
        return mesh
    cut = solid.trim_by_plane((0.0, 0.0, 1.0), float(height))
    if cut.is_empty():
        return mesh
    found = cut.to_mesh64()
    values, faces = np.array(found.vert_properties), np.array(found.tri_verts, np.int64)
    vertices, uv = values[:, :3], values[:, 3:5]
    flat = (np.abs(vertices[:, 2] - height) < 1e-9 * max(1.0, float(np.ptp(vertices[:, 2]))))[faces].all(
        axis=1
    )
    if not flat.any():
        return mesh
    vertices[np.unique(faces[flat]), 2] = height
    border = np.setdiff1d(np.flatnonzero(vertices[:, 2] == height), faces[flat])
    if not len(border):
        border = np.unique(faces[~flat])
    # The corner whose colour is nearest to the border's mean colours the whole cap.
    from img2mesh.finish.closest_point import texture_at

    colours = texture_at(mesh.texture, uv[border])
    chosen = uv[border[np.argmin(np.abs(colours - np.median(colours, axis=0)).sum(axis=1))]]
    corners, renumbered = np.unique(faces[flat], return_inverse=True)
    faces[flat] = renumbered.reshape(-1, 3) + len(vertices)
    vertices = np.concatenate([vertices, vertices[corners]])
    uv = np.concatenate([uv, np.repeat(chosen[None], len(corners), axis=0)])
    used = np.unique(faces)
    number = np.zeros(len(vertices), np.int64)
    number[used] = np.arange(len(used))
    return replace(mesh, vertices=vertices[used], faces=number[faces], uv=np.clip(uv[used], 0, 1))
