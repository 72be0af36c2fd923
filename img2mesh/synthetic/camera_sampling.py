"""Random cameras around an object, as in Zero-1-to-3's renders."""

from __future__ import annotations

import math

import numpy as np

from img2mesh.core.camera import FOV_DEG, IMAGE_SIZE, Camera, orbit_camera


def random_cameras(
    count: int,
    rng: np.random.Generator,
    elevation_deg: tuple[float, float] = (-20.0, 75.0),
    distance: tuple[float, float] = (1.5, 2.2),
    size: int = IMAGE_SIZE,
) -> list[Camera]:
    """Cameras that look at the origin: uniform over the sphere between two elevations, distances uniform.

    Azimuths are stratified: each of `count` equal sectors of the full turn holds one camera.
    """
    low, high = (math.sin(math.radians(e)) for e in elevation_deg)
    elevations = np.degrees(np.arcsin(rng.uniform(low, high, count)))
    azimuths = (rng.uniform() + rng.permutation(count) + rng.uniform(size=count)) * 360.0 / count % 360.0
    distances = rng.uniform(*distance, count)
    return [
        orbit_camera(e, a, d, FOV_DEG, size) for e, a, d in zip(elevations, azimuths, distances, strict=True)
    ]
