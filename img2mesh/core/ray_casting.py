"""Ray casting: scenes, first hits, texture look-up and the filter from rays to pixels."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class RayScene(Protocol):
    """Triangles prepared for ray casting."""

    def cast(
        self, origins: np.ndarray, directions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...


def ray_scene(vertices: np.ndarray, faces: np.ndarray) -> RayScene:
    """(V, 3) vertices and (F, 3) faces prepared for `cast`: by embree where it is installed, else by numpy."""
    try:
        return EmbreeScene(vertices, faces)
    except ImportError:  # there are wheels for x86-64 only
        from img2mesh.core.bvh import BoundingVolumes

        return BoundingVolumes(vertices, faces)


def cast(
    scene: RayScene, origins: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First hits of (N, 3) rays: face index (N,) int, -1 for none; barycentric (N, 3); distance (N,)."""
    return scene.cast(origins, directions)


class EmbreeScene:
    """A `RayScene` of embree's."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh

        self._scene = rtcore_scene.EmbreeScene()
        TriangleMesh(self._scene, np.ascontiguousarray(vertices[faces], dtype=np.float32))

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        hit = self._scene.run(
            np.ascontiguousarray(origins, dtype=np.float32),
            np.ascontiguousarray(directions, dtype=np.float32),
            query="INTERSECT",
            output=True,
        )
        u, v = np.asarray(hit["u"], dtype=np.float64), np.asarray(hit["v"], dtype=np.float64)
        return np.asarray(hit["primID"]), np.stack([1 - u - v, u, v], axis=-1), np.asarray(hit["tfar"])


def sample_texture(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear (N, C) float64 in [0, 1] from (H, W, C) uint8 at (N, 2) coordinates, v up, repeated."""
    h, w = texture.shape[:2]
    x, y = uv[:, 0] % 1.0 * w - 0.5, (1 - uv[:, 1]) % 1.0 * h - 0.5
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    x1, y1 = (x0 + 1) % w, (y0 + 1) % h
    x0, y0 = x0 % w, y0 % h
    top = texture[y0, x0] * (1 - fx) + texture[y0, x1] * fx
    bottom = texture[y1, x0] * (1 - fx) + texture[y1, x1] * fx
    return (top * (1 - fy) + bottom * fy) / 255


def filtered(colour: np.ndarray, alpha: np.ndarray, width: int, height: int, supersample: int) -> np.ndarray:
    """Rays to pixels with a box filter.

    Args:
        colour: (height * width * supersample^2, 3) premultiplied sRGB in [0, 1], rows of rays from the top.
        alpha: the same number of values in [0, 1].

    Returns:
        (height, width, 4) uint8, straight alpha.
    """
    n = supersample
    image = np.concatenate([colour, alpha[:, None]], axis=1)
    image = image.reshape(height, n, width, n, 4).mean((1, 3))
    a = image[..., 3:]
    image[..., :3] = np.where(a > 0, image[..., :3] / np.maximum(a, 1e-9), 0)
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
