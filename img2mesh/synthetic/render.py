"""The two ways to draw a model, behind one interface; the one that casts rays."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.ray_casting import cast, filtered, ray_scene, sample_texture
from img2mesh.core.srgb import to_linear, to_srgb
from img2mesh.errors import Img2MeshError
from img2mesh.synthetic.lighting import Light
from img2mesh.synthetic.model import Model

ENGINES = ("embree", "blender")
LAYERS = 8  # see-through surfaces behind each other that a ray passes before it gives up


class Engine(Protocol):
    """Draws one model from many cameras."""

    name: str

    def open(self, model: Model, light: Light) -> None:
        """Take up a model, already normalised; the one before is dropped."""

    def draw(self, camera: Camera) -> np.ndarray:
        """(H, W, 4) uint8 sRGB, straight anti-aliased alpha."""


def load_engine(name: str) -> Engine:
    """The engine of that name.

    Raises:
        Img2MeshError: unknown, or its package is not installed.
    """
    if name == "embree":
        return EmbreeEngine()
    if name == "blender":
        from img2mesh.synthetic.blender import BlenderEngine

        return BlenderEngine()
    raise Img2MeshError(f"Unknown render engine {name!r}: choose {' or '.join(ENGINES)}.")


class EmbreeEngine:
    """Diffuse shading of first hits, `supersample`^2 rays per pixel on a regular grid.

    Faces are lit on whichever side is seen. Light is summed in linear space; the filter works on sRGB values, as
    composites on white do.
    """

    name = "embree"

    def __init__(self, supersample: int = 4) -> None:
        self.supersample = supersample

    def open(self, model: Model, light: Light) -> None:
        self._model, self._light = model, light
        self._normals = model.corner_normals()
        self._scene = ray_scene(model.vertices, model.faces)

    def draw(self, camera: Camera) -> np.ndarray:
        n = self.supersample
        origins, directions = camera.resized(camera.width * n, camera.height * n).rays()
        origins, directions = origins.reshape(-1, 3), directions.reshape(-1, 3)
        colour, through = np.zeros((len(origins), 3)), np.ones(len(origins))
        live, origins = np.arange(len(origins)), origins.copy()
        for _ in range(LAYERS):
            face, bary, distance = cast(self._scene, origins, directions)
            hit = face >= 0
            live, origins, directions = live[hit], origins[hit], directions[hit]
            if not len(live):
                break
            rgb, alpha = self._surface(face[hit], bary[hit], directions)
            colour[live] += (through[live] * alpha)[:, None] * rgb
            through[live] *= 1 - alpha
            go_on = through[live] > 1 / 512
            origins = (origins + (distance[hit, None] + 1e-5) * directions)[go_on]
            live, directions = live[go_on], directions[go_on]
            if self._model.opaque:
                break
        return filtered(colour, 1 - through, camera.width, camera.height, n)

    def _surface(
        self, face: np.ndarray, bary: np.ndarray, directions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """sRGB colour (N, 3) and opacity (N,) of hits on faces (N,) at barycentric (N, 3)."""
        model = self._model
        corners = model.faces[face]
        uv = np.einsum("nc,ncd->nd", bary, model.uv[corners])
        rgba = np.einsum("nc,ncd->nd", bary, model.colour[corners])
        alpha, used = np.ones(len(face)), model.material[face]
        for index in np.unique(used):
            material, here = model.materials[index], used == index
            rgba[here] *= material.colour
            if material.texture is not None:
                texel = sample_texture(material.texture, uv[here])
                texel[:, :3] = to_linear(texel[:, :3])
                rgba[here] *= texel
            if material.alpha == "mask":
                alpha[here] = rgba[here, 3] >= material.cutoff
            elif material.alpha == "blend":
                alpha[here] = np.clip(rgba[here, 3], 0, 1)
        a, b, c = (model.vertices[corners[:, i]] for i in range(3))
        flat = np.cross(b - a, c - a)
        normal = np.einsum("nc,ncd->nd", bary, self._normals[face])
        normal *= -np.sign(np.einsum("nd,nd->n", flat, directions))[:, None]
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        return to_srgb(rgba[:, :3] * self._light.irradiance(normal)), alpha
