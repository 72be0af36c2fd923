"""Stand-ins for the expensive rooms: a sampler that knows the true object, a photo of it, a quick mesh."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from img2mesh.cameras import DISTANCE, FOV_DEG, Camera, orbit_camera

RADII = np.array([0.30, 0.42, 0.5])  # half axes of the ellipsoid along x, y, z


def ellipsoid(camera: Camera, centre=(0.0, 0.0, 0.0), scale: float = 1.0) -> np.ndarray:
    """True picture (H, W, 4) uint8 of an ellipsoid whose colour is its position."""
    origins, directions = camera.rays()
    o = (origins - np.asarray(centre)) / (RADII * scale)
    d = directions / (RADII * scale)
    a, b, c = (d * d).sum(-1), (o * d).sum(-1), (o * o).sum(-1) - 1
    root = b * b - a * c
    hit = root > 0
    t = (-b - np.sqrt(np.where(hit, root, 0))) / a
    point = o + t[..., None] * d
    rgb = np.where(hit[..., None], 0.5 + 0.45 * point, 1.0)
    rgba = np.concatenate([rgb, hit[..., None]], -1)
    return np.round(np.clip(rgba, 0, 1) * 255).astype(np.uint8)


class FakeModel:
    """Answers `sample` with true pictures of the ellipsoid, seen by a photo camera at `elevation_deg`."""

    name, licence, source = "fake", "MIT", None
    distance, fov_deg, default_steps = DISTANCE, FOV_DEG, 4

    def __init__(self, elevation_deg: float = 30.0, predicts_alpha: bool = True) -> None:
        self.elevation_deg, self.predicts_alpha = elevation_deg, predicts_alpha
        self.calls: list[dict] = []

    def sample(self, image_rgba, poses, *, steps, guidance, seed, batch, input_elevation_deg=None, step=None):
        self.calls.append({"poses": poses, "seed": seed, "elevation": input_elevation_deg})
        pictures = []
        for polar, sine, cosine, _ in poses:
            elevation = self.elevation_deg - math.degrees(polar)
            camera = orbit_camera(elevation, math.degrees(math.atan2(sine, cosine)))
            rgba = ellipsoid(camera)
            if not self.predicts_alpha:
                rgba = rgba.copy()
                rgba[rgba[..., 3] == 0] = 255
                rgba[..., 3] = 255
            pictures.append(rgba)
            if step is not None:
                step(steps)
        return np.stack(pictures)


class FakeCutout:
    """The ellipsoid's photo as the segment room hands it on."""

    method, warnings = "alpha", ()

    def __init__(self, elevation_deg: float = 30.0, size: int = 512) -> None:
        self.rgba = ellipsoid(orbit_camera(elevation_deg, 0.0, size=size))

    def resized(self, size: int = 256) -> np.ndarray:
        from img2mesh.segment.cutout import resize_rgba

        return resize_rgba(self.rgba, size, size)


def photo_file(path: Path, elevation_deg: float = 30.0, size: int = 320) -> Path:
    """Write the ellipsoid's photo, with its alpha channel."""
    from PIL import Image

    Image.fromarray(ellipsoid(orbit_camera(elevation_deg, 0.0, size=size)), "RGBA").save(path)
    return path
