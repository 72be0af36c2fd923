"""Shapes whose distance, volume and area are known, as fields, and pictures of them."""

from __future__ import annotations

import math

import numpy as np

from img2mesh.core.camera import Camera, orbit_camera
from img2mesh.core.view import Source, View, ViewSet


def checker(points: np.ndarray) -> np.ndarray:
    """(N, 3) smooth colours between 0.2 and 0.8 that vary along all three axes."""
    return (0.5 + 0.3 * np.sin(points * [9.0, 11.0, 13.0] + [0.3, 1.1, 2.0])).astype(np.float32)


class Shape:
    """A field as the field room gives it: `sdf`, `gradient`, `colour`, `bounds`, `cells`."""

    volume: float
    area: float
    bounds = np.array([[-0.6] * 3, [0.6] * 3])
    cells = 0
    asked = 0

    def __init__(self, paint=checker) -> None:
        self.paint = paint

    def distance(self, p: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def sdf(self, points: np.ndarray) -> np.ndarray:
        assert points.dtype == np.float32 and points.ndim == 2
        self.asked += len(points)
        return self.distance(points.astype(np.float64)).astype(np.float32)

    def gradient(self, points: np.ndarray) -> np.ndarray:
        step, p = 1e-4, points.astype(np.float64)
        axes = np.eye(3) * step
        return np.stack(
            [(self.distance(p + a) - self.distance(p - a)) / (2 * step) for a in axes], axis=-1
        ).astype(np.float32)

    def colour(self, points: np.ndarray) -> np.ndarray:
        return self.paint(points.astype(np.float64)).astype(np.float32)


class Sphere(Shape):
    def __init__(self, radius: float = 0.45, centre=(0.0, 0.0, 0.0), paint=checker) -> None:
        super().__init__(paint)
        self.radius, self.centre = radius, np.asarray(centre)
        self.volume, self.area = 4 / 3 * math.pi * radius**3, 4 * math.pi * radius**2

    def distance(self, p):
        return np.linalg.norm(p - self.centre, axis=1) - self.radius


class Box(Shape):
    def __init__(self, half=(0.25, 0.35, 0.5), paint=checker) -> None:
        super().__init__(paint)
        self.half = np.asarray(half)
        a, b, c = 2 * self.half
        self.volume, self.area = a * b * c, 2 * (a * b + b * c + c * a)

    def distance(self, p):
        q = np.abs(p) - self.half
        return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0)


class Torus(Shape):
    def __init__(self, major: float = 0.34, minor: float = 0.14, paint=checker) -> None:
        super().__init__(paint)
        self.major, self.minor = major, minor
        self.volume = 2 * math.pi**2 * major * minor**2
        self.area = 4 * math.pi**2 * major * minor

    def distance(self, p):
        return np.hypot(np.hypot(p[:, 0], p[:, 1]) - self.major, p[:, 2]) - self.minor


class Combined(Shape):
    """Union (`least`) or difference (first minus the others) of shapes."""

    def __init__(self, *shapes: Shape, difference: bool = False, paint=checker) -> None:
        super().__init__(paint)
        self.shapes, self.difference = shapes, difference

    def distance(self, p):
        parts = [shape.distance(p) for shape in self.shapes]
        if self.difference:
            return np.maximum.reduce([parts[0], *(-part for part in parts[1:])])
        return np.minimum.reduce(parts)


def picture(shape: Shape, camera: Camera, paint=None) -> np.ndarray:
    """(H, W, 4) uint8 of a shape by sphere tracing, with straight alpha; colours are unlit."""
    height, width = camera.height, camera.width
    origins, directions = camera.rays()
    origins, directions = origins.reshape(-1, 3), directions.reshape(-1, 3)
    near = 0.02 * camera.distance / camera.fl_x  # a fiftieth of a pixel
    travelled, hit = np.full(len(origins), 0.5), np.zeros(len(origins), bool)
    active = np.arange(len(origins))
    for _ in range(160):
        step = shape.distance(origins[active] + directions[active] * travelled[active, None])
        travelled[active] += step
        hit[active] = step < near
        active = active[(step >= near) & (travelled[active] < 3)]
    points = origins + directions * travelled[:, None]
    rgba = np.zeros((height * width, 4), np.uint8)
    rgba[hit, :3] = (np.clip((paint or shape.paint)(points[hit]), 0, 1) * 255 + 0.5).astype(np.uint8)
    rgba[hit, 3] = 255
    return rgba.reshape(height, width, 4)


def photo_of(shape: Shape, elevation_deg: float = 15.0, full: int = 512, paint=None) -> View:
    """The shape's photo: a view at 256 and a full-size picture behind it."""
    camera = orbit_camera(elevation_deg, 0)
    large = picture(shape, camera.resized(full, full), paint)
    n = full // 256
    blocks = large.reshape(256, n, 256, n, 4).astype(np.float64)
    alpha = blocks[..., 3:].mean(axis=(1, 3))
    colour = (blocks[..., :3] * blocks[..., 3:]).mean(axis=(1, 3)) / np.maximum(alpha, 1e-9)
    small = np.concatenate([colour, alpha], axis=-1)
    return View((small + 0.5).astype(np.uint8), camera, Source.PHOTO, 4.0, large)


def photo_set(shape: Shape, **options) -> ViewSet:
    return ViewSet((photo_of(shape, **options),))


def psnr(one: np.ndarray, two: np.ndarray, mask: np.ndarray) -> float:
    """Decibels between the colours of two uint8 pictures inside a mask."""
    error = (one[..., :3][mask].astype(float) - two[..., :3][mask]) / 255
    return float(-10 * np.log10((error**2).mean()))


def mesh_of(field, views, settings, progress=None):
    """`build_mesh` of an analytic field and the views that colour it."""
    from img2mesh.core.shape import Shape as Reconstruction
    from img2mesh.mesh import build_mesh

    return build_mesh(Reconstruction(field, views), settings, progress)
