"""True objects: meshes whose shape is known, rendered from our cameras, to measure everything else against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.ray_casting import cast, filtered, ray_scene, sample_texture
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.errors import Img2MeshError

# Soft, fixed-to-the-world light: two broad lamps over an ambient term, diffuse only and without cast shadows,
# as in the training renders. Directions in world axes, need not be unit.
LIGHTS = (((0.6, 0.35, 0.75), 0.35), ((-0.5, -0.7, 0.3), 0.2))
AMBIENT = 0.6


@dataclass(frozen=True, eq=False)
class Truth:
    """A textured triangle mesh in WORLD axes (docs/conventions.md).

    Attributes:
        name: file name without suffix.
        vertices: (V, 3) float64, seam-split.
        faces: (F, 3) int64.
        uv: (V, 2) float64, v up.
        texture: (H, W, 3) uint8 sRGB.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    texture: np.ndarray

    @cached_property
    def welded(self):
        """`trimesh.Trimesh` without seam duplicates: what volumes and surface samples are taken from."""
        import trimesh

        mesh = trimesh.Trimesh(self.vertices, self.faces, process=False)
        mesh.merge_vertices()
        return mesh

    @cached_property
    def scene(self):
        """The faces prepared for ray casting."""
        return ray_scene(self.vertices, self.faces)


def load_truth(path: str | Path) -> Truth:
    """Read a .glb (+Y up) into world axes: x_w = z_g, y_w = x_g, z_w = y_g, so that +Z faces azimuth 0.

    Raises:
        Img2MeshError: the file is missing or holds no textured mesh.
    """
    import trimesh

    path = Path(path)
    if not path.is_file():
        raise Img2MeshError(f"No such mesh: {path}.")
    scene = trimesh.load(path, process=False)
    parts = scene.dump() if isinstance(scene, trimesh.Scene) else [scene]
    if len(parts) != 1:
        raise Img2MeshError(f"{path} must hold exactly one mesh, not {len(parts)}.")
    mesh = parts[0]
    picture = getattr(getattr(mesh.visual, "material", None), "baseColorTexture", None)
    if picture is None or getattr(mesh.visual, "uv", None) is None:
        raise Img2MeshError(f"{path} holds no textured mesh.")
    return Truth(
        path.stem,
        np.asarray(mesh.vertices, dtype=np.float64)[:, [2, 0, 1]],
        np.asarray(mesh.faces, dtype=np.int64),
        np.asarray(mesh.visual.uv, dtype=np.float64),
        np.asarray(picture.convert("RGB")),
    )


def render_truth(truth: Truth, camera: Camera, supersample: int = 3, shaded: bool = True) -> np.ndarray:
    """(H, W, 4) uint8 sRGB with straight alpha, box-filtered from `supersample`^2 rays per pixel.

    `shaded=False` gives the bare texture; otherwise it is multiplied by a soft diffuse light that stays put
    in the world (module constants).
    """
    h, w, n = camera.height, camera.width, supersample
    origins, directions = camera.resized(w * n, h * n).rays()
    face, bary, _ = cast(truth.scene, origins.reshape(-1, 3), directions.reshape(-1, 3))
    hit = face >= 0
    corners = truth.faces[face[hit]]  # (K, 3)
    uv = np.einsum("kc,kcd->kd", bary[hit], truth.uv[corners])
    colour = sample_texture(truth.texture, uv)
    if shaded:
        a, b, c = (truth.vertices[corners[:, i]] for i in range(3))
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
        toward = directions.reshape(-1, 3)[hit]
        normal *= -np.sign(np.sum(normal * toward, axis=-1, keepdims=True))  # light the side that is seen
        light = np.full(len(normal), AMBIENT)
        for direction, strength in LIGHTS:
            unit = np.asarray(direction) / np.linalg.norm(direction)
            light += strength * np.clip(normal @ unit, 0, None)
        colour = np.clip(colour * light[:, None], 0, 1)
    image = np.zeros((len(face), 3))
    image[hit] = colour
    return filtered(image, hit.astype(np.float64), w, h, n)


def true_views(truth: Truth, cameras: Iterable[Camera], photo_weight: float = 4.0, **render: Any) -> ViewSet:
    """The oracle: what a perfect sampler would hand to the field. The first camera's render plays the photo."""
    views = []
    for index, camera in enumerate(cameras):
        rgba = render_truth(truth, camera, **render)
        source, weight = (Source.PHOTO, photo_weight) if index == 0 else (Source.GIVEN, 1.0)
        views.append(View(rgba, camera, source, weight, full=rgba if index == 0 else None))
    return ViewSet(tuple(views), {"model": "oracle"})
