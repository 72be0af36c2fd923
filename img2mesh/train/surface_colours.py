"""The colour of every surface cell of an object: the mean over the renders that see it, weighted by facing."""

from __future__ import annotations

import numpy as np

from img2mesh.core.camera import FOV_DEG

STEP = 0.75  # of a cell, between places where a line of sight is tested
LEAVE = 1.5  # cells that a line of sight goes before it is tested: a surface cell does not hide itself
LEAST = 0.05  # summed weight of views from which a colour counts


def surface_cells(solid: np.ndarray) -> np.ndarray:
    """(K, 3) indices of cells of (N, N, N) bool that are inside and have a neighbour, of six, that is not."""
    padded = np.pad(solid, 1)
    core = np.ones_like(solid)
    for axis in range(3):
        for shift in (-1, 1):
            core &= np.roll(padded, shift, axis)[1:-1, 1:-1, 1:-1]
    return np.argwhere(solid & ~core)


def normals(solid: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(K, 3) float32 unit vectors outwards: the gradient of the solid, smoothed."""
    from scipy.ndimage import gaussian_filter

    soft = gaussian_filter(solid.astype(np.float32), 1.2)
    gradient = np.stack(np.gradient(soft), axis=-1)[tuple(cells.T)]
    return -gradient / np.linalg.norm(gradient, axis=1, keepdims=True).clip(1e-6)


def surface_colours(
    solid: np.ndarray, pictures: list[np.ndarray], angles: np.ndarray, fov_deg: float = FOV_DEG
) -> tuple[np.ndarray, np.ndarray]:
    """Surface cells that some view sees, and their colours.

    Args:
        solid: (N, N, N) bool over [-0.5, 0.5]^3, axes x, y, z.
        pictures: V of (S, S, 4) uint8, straight alpha, sRGB.
        angles: (V, 3) elevation, azimuth (radians) and distance of their cameras.

    Returns:
        (K,) int32 flat indices of cells, (K, 3) uint8 colours.
    """
    count = len(solid)
    cells = surface_cells(solid)
    if not len(cells):
        return np.zeros(0, np.int32), np.zeros((0, 3), np.uint8)
    outward = normals(solid, cells)
    points = ((cells + 0.5) / count - 0.5).astype(np.float32)
    total, weight = np.zeros((len(cells), 3), np.float32), np.zeros(len(cells), np.float32)
    slope = np.tan(np.radians(fov_deg) / 2)
    padded = np.pad(solid, 1)
    for picture, (elevation, azimuth, distance) in zip(pictures, angles, strict=True):
        back = np.array(
            [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
        )
        right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
        up = np.cross(back, right)
        to_camera = back * distance - points
        away = np.linalg.norm(to_camera, axis=1)
        to_camera /= away[:, None]
        facing = (to_camera * outward).sum(1)
        chosen = np.flatnonzero(facing > 0.15)
        chosen = chosen[_visible(padded, cells[chosen], to_camera[chosen])]
        depth = distance - points[chosen] @ back
        size = len(picture)
        column = ((points[chosen] @ right) / (depth * slope) + 1) / 2 * size
        row = (1 - (points[chosen] @ up) / (depth * slope)) / 2 * size
        row, column = (np.clip(x.astype(int), 0, size - 1) for x in (row, column))
        seen = picture[row, column].astype(np.float32)
        share = facing[chosen] * (seen[:, 3] / 255) ** 2
        total[chosen] += seen[:, :3] * share[:, None]
        weight[chosen] += share
    known = weight > LEAST
    flat = np.ravel_multi_index(cells[known].T, solid.shape).astype(np.int32)
    return flat, np.round(total[known] / weight[known, None]).astype(np.uint8)


def _visible(padded: np.ndarray, cells: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(K,) bool: nothing of the solid, padded by a cell, lies between cells (K, 3) and what is in `directions`."""
    count = padded.shape[0]
    alive = np.arange(len(cells))
    seen = np.ones(len(cells), bool)
    start = cells + 1.5  # middles in the padded grid
    flat, far = padded.ravel(), LEAVE
    while len(alive):
        place = start[alive] + directions[alive] * far
        within = ((place >= 1) & (place < count - 1)).all(1)
        alive, place = alive[within], place[within].astype(np.int32)
        hit = flat[(place[:, 0] * count + place[:, 1]) * count + place[:, 2]]
        seen[alive[hit]] = False
        alive = alive[~hit]
        far += STEP
    return seen
