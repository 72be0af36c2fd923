"""How thick the walls of a closed surface are, and where their middles lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from img2mesh.core.ray_casting import cast, ray_scene

OFF = 1e-5  # of the object's size: how far inside of the surface a ray begins
FACING = -0.5  # cosine of the normals of a wall's two sides, at most: 30 degrees off parallel


@dataclass(frozen=True, eq=False)
class Walls:
    """The wall behind each of some points of a surface.

    Attributes:
        points: (N, 3) on the surface. normals: (N, 3), outwards.
        thickness: (N,) along the inward normal to the other side; infinite where no other side was met.
        facing: (N,) bool: the other side faces the other way, as a wall's does (an edge's does not).
    """

    points: np.ndarray
    normals: np.ndarray
    thickness: np.ndarray
    facing: np.ndarray

    @property
    def middles(self) -> np.ndarray:
        """(N, 3) half way to the other side; only where `thickness` is finite."""
        return self.points - self.normals * (self.thickness / 2)[:, None]


def walls_behind(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray, owner: np.ndarray) -> Walls:
    """Rays from points of a closed surface along its inward normals (the shape diameter, with a single ray).

    Args:
        vertices: (V, 3). faces: (F, 3), wound outwards.
        points: (N, 3), and the face of each, owner (N,).
    """
    a, b, c = (np.asarray(vertices, np.float64)[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-300)[:, None]
    size = float(np.ptp(vertices, axis=0).max())
    # Rays are cast in single precision: bring the object to the origin and to length one.
    centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    scene = ray_scene((vertices - centre) / size, faces)
    inward = -normals[owner]
    face, _, distance = cast(scene, (points - centre) / size + OFF * inward, inward)
    met = face >= 0
    thickness = np.where(met, (np.where(met, distance, 0) + OFF) * size, np.inf)
    facing = met & (np.einsum("ij,ij->i", normals[np.maximum(face, 0)], normals[owner]) < FACING)
    return Walls(points, normals[owner], thickness, facing)


def sampled_walls(vertices: np.ndarray, faces: np.ndarray, number: int = 20000) -> Walls:
    """Walls behind points that lie on the surface with equal chances, always the same ones."""
    points, owner = sample_surface(vertices, faces, number)
    return walls_behind(vertices, faces, points, owner)


def sample_surface(vertices: np.ndarray, faces: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) points and (N,) their faces: stratified over the area, deterministic."""
    random = np.random.default_rng(0)
    a, b, c = (np.asarray(vertices, np.float64)[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    total = np.cumsum(area)
    if not len(area) or total[-1] <= 0:
        return np.zeros((0, 3)), np.zeros(0, np.int64)
    at = (np.arange(number) + random.random(number)) / number * total[-1]
    owner = np.minimum(np.searchsorted(total, at), len(faces) - 1)
    root, along = np.sqrt(random.random(number))[:, None], random.random(number)[:, None]
    return a[owner] * (1 - root) + root * (b[owner] * (1 - along) + c[owner] * along), owner
