"""True objects: meshes whose shape is known, rendered from our cameras, to measure everything else against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from img2mesh.cameras import Camera
from img2mesh.errors import Img2MeshError
from img2mesh.views.view import View, ViewSet

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
        """The embree scene of the faces."""
        return embree_scene(self.vertices, self.faces)


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


def embree_scene(vertices: np.ndarray, faces: np.ndarray):
    """An embree scene of (V, 3) vertices and (F, 3) faces, for `cast`.

    Raises:
        Img2MeshError: embreex is not installed (it has wheels for x86_64 only).
    """
    try:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh
    except ImportError:
        raise Img2MeshError("Measuring against true meshes needs the package embreex.") from None
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, np.ascontiguousarray(vertices[faces], dtype=np.float32))
    return scene


def cast(scene, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First hits of (N, 3) rays: face index (N,) int, -1 for none; barycentric (N, 3); distance (N,)."""
    hit = scene.run(
        np.ascontiguousarray(origins, dtype=np.float32),
        np.ascontiguousarray(directions, dtype=np.float32),
        query="INTERSECT",
        output=True,
    )
    u, v = np.asarray(hit["u"], dtype=np.float64), np.asarray(hit["v"], dtype=np.float64)
    return np.asarray(hit["primID"]), np.stack([1 - u - v, u, v], axis=-1), np.asarray(hit["tfar"])


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
    image = np.zeros((len(face), 4))
    image[hit, :3], image[hit, 3] = colour, 1
    image = image.reshape(h, n, w, n, 4).mean((1, 3))
    alpha = image[..., 3:]
    image[..., :3] = np.where(alpha > 0, image[..., :3] / np.maximum(alpha, 1e-9), 0)
    return (image * 255 + 0.5).astype(np.uint8)


def sample_texture(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear (N, 3) float64 in [0, 1] from an (H, W, 3) uint8 texture at (N, 2) coordinates, v up, repeated."""
    h, w = texture.shape[:2]
    x, y = uv[:, 0] % 1.0 * w - 0.5, (1 - uv[:, 1]) % 1.0 * h - 0.5
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    texel = texture.astype(np.float32) / 255
    top = texel[y0 % h, x0 % w] * (1 - fx) + texel[y0 % h, (x0 + 1) % w] * fx
    bottom = texel[(y0 + 1) % h, x0 % w] * (1 - fx) + texel[(y0 + 1) % h, (x0 + 1) % w] * fx
    return top * (1 - fy) + bottom * fy


def true_views(truth: Truth, cameras: Iterable[Camera], photo_weight: float = 4.0, **render) -> ViewSet:
    """The oracle: what a perfect sampler would hand to the field. The first camera's render plays the photo."""
    views = []
    for index, camera in enumerate(cameras):
        rgba = render_truth(truth, camera, **render)
        kind, weight = ("photo", photo_weight) if index == 0 else ("generated", 1.0)
        views.append(View(rgba, camera, kind, weight, full=rgba if index == 0 else None))
    return ViewSet(tuple(views), {"model": "oracle"})
