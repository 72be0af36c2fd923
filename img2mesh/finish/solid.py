"""Textured meshes as solids of the library Manifold, and back: cuts keep the texture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from img2mesh.mesh.textured_mesh import TexturedMesh, weld

WIDER = 1e-3  # of the height: posts as wide as the section would leave slivers that files cannot hold


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


def on_flat_base(mesh: TexturedMesh, cut: float, fill: float | None = None) -> TexturedMesh:
    """A closed textured mesh with a flat base at z = `cut`: what is below falls away.

    New faces have one colour, that of the surface beside them.

    Args:
        fill: level of z whose section is drawn down to the base first, so that feet of unequal length all reach it.

    Returns:
        The mesh; as it is where it is not closed.
    """
    solid = solid_of(mesh.vertices, mesh.faces, mesh.uv)
    if solid is None:
        return mesh
    chosen = _colour_below(mesh, cut if fill is None else fill)
    if fill is not None:
        from manifold3d import JoinType

        wider = WIDER * float(np.ptp(mesh.vertices[:, 2]))
        section = solid.slice(float(fill)).offset(wider, JoinType.Miter).simplify(wider / 10)
        posts = section.extrude(float(fill - cut)).translate((0.0, 0.0, float(cut)))
        solid = solid + posts.set_properties(2, lambda position, old: chosen.tolist())
    cut_off = solid.trim_by_plane((0.0, 0.0, 1.0), float(cut))
    if cut_off.is_empty():
        return mesh
    found = cut_off.to_mesh64()
    values, faces = np.array(found.vert_properties), np.array(found.tri_verts, np.int64)
    vertices, uv = values[:, :3], values[:, 3:5]
    reach = 1e-9 * max(1.0, float(np.ptp(vertices[:, 2])))
    flat = (np.abs(vertices[:, 2] - cut) < reach)[faces].all(axis=1)
    vertices[np.abs(vertices[:, 2] - cut) < reach, 2] = cut
    corners, renumbered = np.unique(faces[flat], return_inverse=True)
    faces[flat] = renumbered.reshape(-1, 3) + len(vertices)
    vertices = np.concatenate([vertices, vertices[corners]])
    uv = np.concatenate([uv, np.repeat(chosen[None], len(corners), axis=0)])
    used = np.unique(faces)
    number = np.zeros(len(vertices), np.int64)
    number[used] = np.arange(len(used))
    return replace(mesh, vertices=vertices[used], faces=number[faces], uv=np.clip(uv[used], 0, 1))


def _colour_below(mesh: TexturedMesh, level: float) -> np.ndarray:
    """(2,) texture coordinates of the corner whose colour is nearest to the median of those below a level of z."""
    from img2mesh.finish.closest_point import texture_at

    heights = mesh.vertices[:, 2]
    below = np.flatnonzero(heights <= max(level, float(np.quantile(heights, 0.02))))
    colours = texture_at(mesh.texture, mesh.uv[below])
    return mesh.uv[below[np.argmin(np.abs(colours - np.median(colours, axis=0)).sum(axis=1))]]
