"""Solids of trimesh's as textured meshes, and the solids of the analytic tests."""

from __future__ import annotations

import numpy as np
import trimesh

from img2mesh.mesh import TexturedMesh
from img2mesh.mesh.corner_colours import corner_colours


def arrays(solid: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    return np.array(solid.vertices, np.float64), np.array(solid.faces, np.int64)


def painted(vertices: np.ndarray, faces: np.ndarray) -> TexturedMesh:
    """Coloured by place: red grows along x, green along y, blue along z."""
    low, size = vertices.min(axis=0), np.ptp(vertices, axis=0).max()
    colours = (40 + 170 * (vertices - low) / size).astype(np.uint8)
    return corner_colours(vertices, faces, colours[faces])


def ball(radius: float = 1.0, centre=(0.0, 0.0, 0.0), detail: int = 3) -> tuple[np.ndarray, np.ndarray]:
    solid = trimesh.creation.icosphere(detail, radius)
    return np.array(solid.vertices) + centre, np.array(solid.faces, np.int64)


def box(size, centre=(0.0, 0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    solid = trimesh.creation.box(size)
    return np.array(solid.vertices) + centre, np.array(solid.faces, np.int64)


def together(*parts: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    vertices, faces, start = [], [], 0
    for part, triangles in parts:
        vertices.append(part)
        faces.append(triangles + start)
        start += len(part)
    return np.concatenate(vertices), np.concatenate(faces)


def table(top=(60.0, 40.0, 4.0), leg=5.0, height=30.0) -> tuple[np.ndarray, np.ndarray]:
    """A table as one solid, standing on z = 0."""
    solid = trimesh.creation.box(top)
    solid.apply_translation([0, 0, height - top[2] / 2])
    parts = [solid]
    for x in (-1, 1):
        for y in (-1, 1):
            post = trimesh.creation.box((leg, leg, height - top[2] / 2))
            post.apply_translation(
                [x * (top[0] - leg) / 2, y * (top[1] - leg) / 2, (height - top[2] / 2) / 2]
            )
            parts.append(post)
    return arrays(trimesh.boolean.union(parts, engine="manifold"))
