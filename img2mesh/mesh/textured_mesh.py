"""The mesh that the pipeline hands round: positions, faces, one texture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from trimesh import Trimesh


@dataclass(frozen=True, eq=False)
class TexturedMesh:
    """Triangles with one texture, in world axes (docs/conventions.md).

    Attributes:
        vertices: (V, 3) float64. A vertex on a seam of the atlas is there once for each of its charts.
        faces: (F, 3) int64, counter-clockwise seen from outside.
        uv: (V, 2) float64 in [0, 1], (0, 0) the lower left corner of `texture`.
        texture: (T, T', 3) uint8 sRGB, first row on top.
        facts: plain values about the making, for the report.
        sources: (T, T', 3) uint8, which source each texel has its colour from (`texture.PALETTE`); None for meshes
            read from files.
        normal_map: (T, T', 3) uint8 tangent-space normals (`tangents`), 128 for 0, +y up in the picture; None where
            there are none.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    texture: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)
    sources: np.ndarray | None = None
    normal_map: np.ndarray | None = None

    def welded(self) -> tuple[np.ndarray, np.ndarray]:
        """(W, 3) positions without the copies at seams, and (F, 3) faces into them: one closed surface."""
        return weld(self.vertices, self.faces)

    def normals(self) -> np.ndarray:
        """(V, 3) float64 unit normals, smooth across seams: copies of one position share one normal."""
        positions, faces = self.welded()
        normals = np.tile([0.0, 0.0, 1.0], (len(self.vertices), 1))
        normals[self.faces] = vertex_normals(positions, faces)[faces]
        return normals

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) lowest and highest corner of the bounding box."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])


def surface(vertices: np.ndarray, faces: np.ndarray) -> Trimesh:
    """The same arrays as a `trimesh.Trimesh`, which knows volumes, areas and normals."""
    from trimesh import Trimesh

    return Trimesh(vertices, faces, process=False)


def weld(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge vertices of equal position and drop those without faces: (W, 3) positions, (F, 3) faces.

    Equal to twelve digits, for copies at seams are bitwise equal, and a tolerance would fuse thin walls.
    """
    mesh = surface(vertices, faces)
    mesh.merge_vertices(digits_vertex=12)
    return np.array(mesh.vertices), np.array(mesh.faces)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) unit normals, the faces' normals weighted by their angle at the vertex; (0, 0, 1) where there is none."""
    normals = np.array(surface(vertices, faces).vertex_normals)
    normals[~(np.linalg.norm(normals, axis=1) > 0.5)] = [0.0, 0.0, 1.0]
    return normals


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """(N, 3) vectors at length 1; those of no length stay."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-30)[:, None]


def is_closed(faces: np.ndarray) -> bool:
    """Whether every edge is in exactly two faces that pass it in opposite directions."""
    if len(faces) < 4:
        return False
    mesh = surface(np.zeros((int(faces.max()) + 1, 3)), faces)
    return bool(mesh.is_watertight and mesh.is_winding_consistent)


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed volume of a closed surface; positive where faces wind outwards."""
    return float(surface(vertices, faces).volume)


def face_components(faces: np.ndarray, n_vertices: int) -> np.ndarray:
    """(F,) component number of each face; faces that share a vertex are connected."""
    from trimesh.geometry import faces_to_edges
    from trimesh.graph import connected_component_labels

    return connected_component_labels(faces_to_edges(faces), node_count=n_vertices)[faces[:, 0]]
