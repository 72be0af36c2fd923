"""Analytic objects and their pictures, for tests of hull and field."""

from __future__ import annotations

import numpy as np

from img2mesh.core.camera import Camera, orbit_camera
from img2mesh.core.view import Source, View, ViewSet

HALF_BOX = np.array([0.4, 0.3, 0.2])


def ring(size: int = 64) -> list[Camera]:
    """Fourteen cameras in three rings, the photo's first."""
    poses = [(20, a) for a in range(0, 360, 45)] + [
        (55, 30),
        (55, 150),
        (55, 270),
        (-20, 60),
        (-20, 180),
        (-20, 300),
    ]
    return [orbit_camera(e, a, size=size) for e, a in poses]


def box_hit(origins: np.ndarray, directions: np.ndarray, half: np.ndarray = HALF_BOX):
    """Slab test: (N,) entry depth, inf where a ray misses."""
    with np.errstate(divide="ignore"):
        a, b = (-half - origins) / directions, (half - origins) / directions
    near, far = np.minimum(a, b).max(-1), np.maximum(a, b).min(-1)
    return np.where(near < far, near, np.inf)


def sphere_hit(origins: np.ndarray, directions: np.ndarray, radius: float = 0.4):
    """(N,) entry depth, inf where a ray misses."""
    middle = -(origins * directions).sum(-1)
    rest = middle**2 - (origins**2).sum(-1) + radius**2
    return np.where(rest > 0, middle - np.sqrt(np.maximum(rest, 0)), np.inf)


def stripes(points: np.ndarray) -> np.ndarray:
    """(N, 3) colour of a point: a soft pattern without symmetry."""
    waves = np.sin(points @ np.array([[9.0, 3.0, 0.0], [0.0, 8.0, 4.0], [5.0, 0.0, 7.0]]).T + [0.3, 1.1, 2.0])
    return 0.5 + 0.35 * waves


def picture(camera: Camera, hit, samples: int = 3) -> np.ndarray:
    """(H, W, 4) uint8 of an analytic object, anti-aliased."""
    fine = camera.resized(camera.width * samples, camera.height * samples)
    origins, directions = (a.reshape(-1, 3) for a in fine.rays())
    depth = hit(origins, directions)
    seen = np.isfinite(depth)
    image = np.zeros((len(depth), 4))
    image[seen, :3] = stripes(origins[seen] + directions[seen] * depth[seen, None])
    image[seen, 3] = 1
    image = image.reshape(camera.height, samples, camera.width, samples, 4).mean((1, 3))
    image[..., :3] /= np.maximum(image[..., 3:], 1e-9)
    return (image * 255 + 0.5).astype(np.uint8)


def views_of(hit, size: int = 64) -> ViewSet:
    """The oracle's views of an analytic object."""
    views = []
    for index, camera in enumerate(ring(size)):
        source, weight = (Source.PHOTO, 4.0) if index == 0 else (Source.GIVEN, 1.0)
        views.append(View(picture(camera, hit), camera, source, weight))
    return ViewSet(tuple(views))
