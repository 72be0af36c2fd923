"""Where the cameras of the main job stand. Angles: docs/conventions.md."""

from __future__ import annotations

import numpy as np

from img2mesh.core.camera import DISTANCE, FOV_DEG, IMAGE_SIZE, Camera, orbit_camera
from img2mesh.settings import Settings

HIGHEST_DEG = 85.0  # no camera stands nearer to a pole: the azimuth would lose its meaning there


def view_offsets(settings: Settings) -> np.ndarray:
    """Directions of the views to synthesize, relative to the input view.

    `settings.views` are dealt out evenly to the rings `settings.elevations`. The ring at the input's own
    elevation leaves azimuth 0 to the photo: its n views stand at the other multiples of 360 / (n + 1). Every
    other ring has evenly spaced views, starting half a step off the input's azimuth in every second ring so
    that neighbouring rings interleave.

    Returns:
        (views, 2) float64 degrees: elevation minus the input's elevation, azimuth; the rings nearest to the
        input's elevation come first.
    """
    rings = sorted(dict.fromkeys(settings.elevations), key=lambda offset: (abs(offset), -offset))
    counts = [len(part) for part in np.array_split(np.arange(settings.views), len(rings))]
    offsets = []
    for index, (offset, n) in enumerate(zip(rings, counts, strict=True)):
        if offset == 0:
            azimuths = np.arange(1, n + 1) * (360.0 / (n + 1))
        else:
            azimuths = (np.arange(n) + (0.5 if index % 2 else 0.0)) * (360.0 / max(n, 1))
        offsets += [(offset, azimuth) for azimuth in azimuths]
    return np.array(offsets, dtype=np.float64).reshape(-1, 2)


def within_poles(
    offsets: np.ndarray, input_elevation_deg: float, lowest_deg: float = -HIGHEST_DEG
) -> np.ndarray:
    """The same (n, 2) offsets with elevations as near to the plan's as `HIGHEST_DEG` and `lowest_deg` allow.

    Args:
        lowest_deg: below it the sampler has seen nothing, and would make it up.
    """
    least = max(-HIGHEST_DEG, min(lowest_deg, input_elevation_deg))
    absolute = np.clip(input_elevation_deg + offsets[:, 0], least, HIGHEST_DEG)
    return np.stack([absolute - input_elevation_deg, offsets[:, 1]], axis=1)


def view_cameras(
    settings: Settings,
    input_elevation_deg: float,
    distance: float = DISTANCE,
    fov_deg: float = FOV_DEG,
    size: int = IMAGE_SIZE,
) -> list[Camera]:
    """Cameras of the views to synthesize, without the photo's own, in the order of `view_offsets`."""
    return [
        orbit_camera(input_elevation_deg + offset, azimuth, distance, fov_deg, size)
        for offset, azimuth in within_poles(view_offsets(settings), input_elevation_deg)
    ]


def angle_weights(cameras: list[Camera], photo: Camera) -> np.ndarray:
    """Trust in each generated view, (n,) float64 in [0.3, 1], falling with its angle from the photo.

    The sampler copies what the photo shows into near views and invents what it does not; so near views should
    win wherever both see a spot, while the far side, seen by far views only, is unaffected by a common
    factor.
    """
    towards = photo.position / np.linalg.norm(photo.position)
    cosines = [float(camera.position @ towards / np.linalg.norm(camera.position)) for camera in cameras]
    return 0.3 + 0.7 * (1 + np.clip(cosines, -1, 1)) / 2
