"""From world axes and units to a file's: docs/conventions.md, "Files"."""

from __future__ import annotations

import numpy as np

from img2mesh.settings import Settings, parse_height


def place(vertices: np.ndarray, settings: Settings | None) -> np.ndarray:
    """World positions in metres, still in world axes.

    Args:
        vertices: (V, 3) in world units.
        settings: `height` scales so that the extent along +z is that length; `ground`, or a `base`, puts the
            lowest point at z = 0 and centres the footprint. None means neither.

    Returns:
        (V, 3) float64.
    """
    placed = np.asarray(vertices, dtype=np.float64)
    if settings is None:
        return placed
    height = parse_height(settings.height)
    if height is not None:
        placed = placed * (height / max(float(np.ptp(placed[:, 2])), 1e-12))
    if settings.ground or settings.base != "none":
        low, high = placed.min(axis=0), placed.max(axis=0)
        placed = placed - [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]
    return placed


def to_gltf(vectors: np.ndarray) -> np.ndarray:
    """World (x, y, z) to +Y up with the photo's side towards +Z: (y, z, x)."""
    return vectors[:, [1, 2, 0]]


def from_gltf(vectors: np.ndarray) -> np.ndarray:
    """The inverse of `to_gltf`."""
    return vectors[:, [2, 0, 1]]


def to_z_up(vectors: np.ndarray) -> np.ndarray:
    """World to +Z up with the photo's side towards -Y, as Blender and slicers expect: (y, -x, z)."""
    return vectors[:, [1, 0, 2]] * [1.0, -1.0, 1.0]


def from_z_up(vectors: np.ndarray) -> np.ndarray:
    """The inverse of `to_z_up`."""
    return vectors[:, [1, 0, 2]] * [-1.0, 1.0, 1.0]


def to_stl(vectors: np.ndarray) -> np.ndarray:
    """The same in millimetres."""
    return 1000.0 * to_z_up(vectors)


def from_stl(vectors: np.ndarray) -> np.ndarray:
    """The inverse of `to_stl`."""
    return 0.001 * from_z_up(vectors)
