"""A field as data that any program reads: signed distance and colour on a regular grid (`field.npz`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from img2mesh.core.files import atomic_file
from img2mesh.core.shape import SurfaceField


def save_grid(field: SurfaceField, path: str | Path, resolution: int = 64) -> None:
    """Write `bounds` (2, 3), `sdf` (R, R, R) float32 in world units and `colour` (R, R, R, 3) uint8 sRGB."""
    low, high = np.asarray(field.bounds, dtype=np.float64)
    axes = [np.linspace(low[i], high[i], resolution) for i in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).astype(np.float32)
    shape = (resolution,) * 3
    sdf = np.asarray(field.sdf(points), dtype=np.float32).reshape(shape)
    colour = np.asarray(field.colour(points)).reshape(*shape, 3)
    colour_bytes = np.round(np.clip(colour, 0, 1) * 255).astype(np.uint8)
    with atomic_file(path) as temporary:
        np.savez_compressed(temporary, img2mesh=1, bounds=np.stack([low, high]), sdf=sdf, colour=colour_bytes)
