"""A 3D model as the render engines want it: triangles, materials, normals; centred and of unit size."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from img2mesh.errors import Img2MeshError

SMOOTH_DEG = 30.0  # a corner whose smooth normal is further than this from its face is a crease


@dataclass(frozen=True, eq=False)
class Material:
    """How a face looks: `colour * texture`, diffuse.

    Attributes:
        colour: (4,) float, linear RGB and alpha in [0, 1].
        texture: (H, W, 4) uint8 sRGB with straight alpha, or None.
        alpha: `opaque` (alpha is ignored), `mask` (below `cutoff` there is no surface) or `blend`.
        cutoff: for `mask`.
    """

    colour: np.ndarray
    texture: np.ndarray | None = None
    alpha: str = "opaque"
    cutoff: float = 0.5


@dataclass(frozen=True, eq=False)
class Model:
    """Triangles in world axes (docs/conventions.md), seen from both sides.

    Attributes:
        vertices: (V, 3) float64.
        faces: (F, 3) int64.
        uv: (V, 2) float64, v up; zeros where there is no texture.
        colour: (V, 4) float32, linear RGB and alpha in [0, 1], a factor of the material's colour.
        material: (F,) int64 into `materials`.
        materials: at least one.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    colour: np.ndarray
    material: np.ndarray
    materials: tuple[Material, ...]

    @property
    def extents(self) -> np.ndarray:
        """(3,) sides of the bounding box."""
        return self.vertices.max(axis=0) - self.vertices.min(axis=0)

    @property
    def opaque(self) -> bool:
        """Whether no face lets light through."""
        return all(material.alpha == "opaque" for material in self.materials)

    def normalised(self) -> Model:
        """The same model with its bounding box centred at the origin and its longest side 1.

        Vertices that no face uses do not count.

        Raises:
            Img2MeshError: it has no extent.
        """
        used = self.vertices[np.unique(self.faces)]
        low, high = used.min(axis=0), used.max(axis=0)
        longest = float((high - low).max())
        if not longest > 0 or not np.isfinite(longest):
            raise Img2MeshError("The model has no extent.")
        return dataclasses.replace(self, vertices=(self.vertices - (low + high) / 2) / longest)

    def corner_normals(self) -> np.ndarray:
        """(F, 3, 3) float32 unit normals for shading: smooth over gentle bends, the face's own at creases.

        They are made from the geometry, not read from files, where they are missing or wrong often enough.
        """
        from trimesh.triangles import cross

        from img2mesh.mesh.textured_mesh import vertex_normals, weld

        positions, faces = weld(self.vertices, self.faces)
        flat = cross(positions[faces])
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-30)
        smooth = vertex_normals(positions, faces)[faces]
        gentle = np.einsum("fkc,fc->fk", smooth, flat) > np.cos(np.radians(SMOOTH_DEG))
        return np.where(gentle[..., None], smooth, flat[:, None]).astype(np.float32)
