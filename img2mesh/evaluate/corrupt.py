"""Views that disagree: true ones, spoilt in the ways in which generated ones go wrong."""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import ViewSet
from img2mesh.errors import Img2MeshError

KINDS = ("jitter", "warp", "mirror", "masks", "empty", "pose")


def spoil(views: ViewSet, kind: str, seed: int = 0) -> ViewSet:
    """The views, spoilt; the first, which plays the photo, stays as it is.

    Args:
        kind: `clean`: untouched. `jitter`: gain and offset of each channel, +-15 % and +-0.05. `warp`: smooth random
            displacement of up to 2 % of the picture. `mirror`: one view flipped. `masks`: every silhouette eroded or
            dilated by 4 px. `empty`: one view shows nothing. `pose`: cameras turned about the object by 3 degrees
            (standard deviation) in elevation and azimuth; the field is told the planned pose.

    Raises:
        Img2MeshError: no such kind.
    """
    if kind == "clean":
        return views
    if kind not in KINDS:
        raise Img2MeshError(f"Unknown way of spoiling views {kind!r}: choose of {', '.join(KINDS)}.")
    rng = np.random.default_rng(seed)
    out = list(views.views)
    victim = len(out) // 3
    for i in range(1, len(out)):
        view, rgba = out[i], out[i].rgba.copy()
        camera = view.camera
        if kind == "jitter":
            gain, offset = rng.uniform(0.85, 1.15, 3), rng.uniform(-0.05, 0.05, 3)
            rgba[..., :3] = np.clip(rgba[..., :3] * gain + 255 * offset, 0, 255)
        elif kind == "warp":
            rgba = _warped(rgba, rng)
        elif kind == "mirror" and i == victim:
            rgba = rgba[:, ::-1].copy()
        elif kind == "masks":
            rgba[..., 3] = _grown(rgba[..., 3], rng.random() < 0.5)
        elif kind == "empty" and i == victim:
            rgba[:] = 0
        elif kind == "pose":
            elevation, azimuth = (
                camera.elevation_deg + rng.normal(0, 3),
                camera.azimuth_deg + rng.normal(0, 3),
            )
            camera = orbit_camera(elevation, azimuth, camera.distance, size=camera.width)
        out[i] = dataclasses.replace(view, rgba=rgba, camera=camera)
    return ViewSet(tuple(out), views.facts)


def _warped(rgba: np.ndarray, rng: np.random.Generator, amount: float = 0.02) -> np.ndarray:
    """Displaced smoothly by at most `amount` of the side; premultiplied while it is resampled."""
    import cv2

    size = rgba.shape[0]
    flow = cv2.resize(rng.uniform(-1, 1, (5, 5, 2)).astype(np.float32), (size, size), None, 0, 0, 2)
    flow = np.clip(flow, -1, 1) * (amount * size)
    v, u = np.mgrid[0:size, 0:size].astype(np.float32)
    flat = rgba.astype(np.float32)
    flat[..., :3] *= flat[..., 3:] / 255
    flat = cv2.remap(flat, u + flow[..., 0], v + flow[..., 1], cv2.INTER_LINEAR)
    flat[..., :3] /= np.maximum(flat[..., 3:], 1) / 255
    return np.clip(flat + 0.5, 0, 255).astype(np.uint8)


def _grown(alpha: np.ndarray, shrink: bool, pixels: int = 4) -> np.ndarray:
    """A silhouette eroded or dilated by `pixels`."""
    import cv2

    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1,) * 2)
    return (cv2.erode if shrink else cv2.dilate)(alpha, disc)
