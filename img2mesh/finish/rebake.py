"""A mesh with fewer faces that looks like the one it is made from: its colours, and its normals as a normal map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from img2mesh.core.rasterise import Fragments, rasterise_atlas
from img2mesh.core.ray_casting import cast, ray_scene
from img2mesh.finish.closest_point import ClosestPoint, texture_at
from img2mesh.mesh.atlas import unwrap
from img2mesh.mesh.simplify import simplify
from img2mesh.mesh.tangents import tangents
from img2mesh.mesh.texture import dilate
from img2mesh.mesh.textured_mesh import TexturedMesh, vertex_normals, weld

REACH = 0.03  # of the size: how far from the new surface the old one is looked for along the normal
SAMPLES = 0.003  # of the size: spacing of the samples for nearest points
AGREES = 0.2  # cosine of the two surfaces' normals, at least


class Source:
    """The dense mesh, prepared for `rebake`."""

    def __init__(self, mesh: TexturedMesh) -> None:
        self.mesh = mesh
        self.size = float(np.ptp(mesh.vertices, axis=0).max())
        self.vertices, self.faces = mesh.welded()
        self.normals = vertex_normals(self.vertices, self.faces)
        self.centre = mesh.vertices.mean(axis=0)
        self.scene = ray_scene((mesh.vertices - self.centre) / self.size, mesh.faces)
        self.closest = ClosestPoint(mesh.vertices, mesh.faces, SAMPLES * self.size)
        a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        self.flat = normal / np.maximum(np.linalg.norm(normal, axis=1), 1e-30)[:, None]

    def behind(self, points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For points beside the surface: the face that lies under each along its normal, (N,), and weights (N, 3).

        Where no face that looks the same way does, the nearest point.
        """
        unit = (points - self.centre) / self.size
        outside = cast(self.scene, unit + REACH * normals, -normals)
        face, bary = outside[0].astype(np.int64), outside[1]
        wrong = (face < 0) | (outside[2] > 2 * REACH)
        wrong |= np.einsum("ij,ij->i", self.flat[np.maximum(face, 0)], normals) < AGREES
        if wrong.any():
            near = self.closest(points[wrong])
            face[wrong], bary[wrong] = near.face, near.bary
        return face, bary


def rebake(source: Source, faces: int, size: int, normal_map: bool) -> TexturedMesh:
    """A closed mesh of about so many faces with a texture of its own.

    Args:
        size: side of the textures. normal_map: whether the dense surface's normals are baked too.

    Returns:
        The mesh; its `normal_map` is tangent-space, glTF's convention (+x with u, +y up in the picture).
    """
    low, low_faces = simplify(source.vertices, source.faces, faces)
    low, low_faces = weld(low.astype(np.float32).astype(np.float64), low_faces)
    copy, atlas_faces, uv = unwrap(low, low_faces, size)
    vertices = low[copy]
    normals = vertex_normals(low, low_faces)[copy]
    atlas = rasterise_atlas(uv, atlas_faces, size, size)
    points = atlas.interpolate(vertices, atlas_faces)
    smooth = atlas.interpolate(normals, atlas_faces)
    unit = smooth / np.maximum(np.linalg.norm(smooth, axis=1), 1e-30)[:, None]
    face, bary = source.behind(points, unit)
    dense = source.mesh
    there = np.einsum("nk,nkc->nc", bary, dense.uv[dense.faces[face]])
    texture = _filled(atlas, texture_at(dense.texture, there) / 255)
    made = TexturedMesh(vertices, atlas_faces, uv, texture, dict(dense.facts))
    if dense.sources is not None:
        made = replace(made, sources=_filled(atlas, texture_at(dense.sources, there) / 255))
    if not normal_map:
        return made
    frame = tangents(vertices, atlas_faces, uv, normals)
    wanted = np.einsum("nk,nkc->nc", bary, source.normals[source.faces[face]])
    wanted /= np.maximum(np.linalg.norm(wanted, axis=1), 1e-30)[:, None]
    along = atlas.interpolate(frame[:, :3], atlas_faces)
    sign = atlas.interpolate(frame[:, 3:], atlas_faces)
    across = np.where(sign < 0, -1.0, 1.0) * np.cross(smooth, along)
    # A renderer adds up x * tangent + y * bitangent + z * normal, none of them normalised (MikkTSpace).
    local = np.linalg.solve(np.stack([along, across, smooth], axis=-1), wanted[..., None])[..., 0]
    local /= np.maximum(np.linalg.norm(local, axis=1), 1e-30)[:, None]
    local[:, 2] = np.maximum(local[:, 2], 0.05)
    picture = _filled(atlas, 0.5 + 0.5 * local)
    return replace(made, normal_map=picture)


def _filled(atlas: Fragments, values: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 of values (N, 3) in [0, 1] at the covered texels; the others repeat the nearest of them."""
    picture = np.zeros((*atlas.hit.shape, 3), np.float32)
    picture[atlas.hit] = values
    return (np.clip(dilate(picture, atlas), 0, 1) * 255 + 0.5).astype(np.uint8)


def power_of_two(size: int) -> int:
    """The largest power of two that is not larger."""
    return 1 << max(0, int(size).bit_length() - 1)
