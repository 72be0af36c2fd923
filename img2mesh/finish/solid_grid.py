"""A closed surface of any kind, intersecting itself or not, as the solid that it means: a signed distance on a grid."""

from __future__ import annotations

import numpy as np

from img2mesh.core.rasterise import covered
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.finish.closest_point import ClosestPoint

MARGIN = 3  # cells around the surface's bounding box
BAND = 1  # steps on both sides of the surface in which distances are exact: all that marching cubes looks at
OFF = (1.3e-4, 1.7e-4)  # of a cell: columns keep off vertices that lie on the grid


def winding_numbers(
    vertices: np.ndarray, faces: np.ndarray, origin: np.ndarray, spacing: float, shape: tuple[int, int, int]
) -> np.ndarray:
    """(X, Y, Z) float32 winding number of a closed surface at the points of a grid.

    Along each column of the grid, a face that is entered adds one and a face that is left takes one away (the
    generalised winding number of a closed surface is whole). Overlapping parts give two, a void gives none.

    Args:
        origin: (3,) position of grid point 0. spacing: distance of neighbours.
    """
    placed = (np.asarray(vertices, np.float64) - origin) / spacing
    corners = placed[faces][..., :2] + 0.5 + np.array(OFF)
    a, b, c = corners.transpose(1, 0, 2)
    turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    steps = np.zeros(shape[0] * shape[1] * (shape[2] + 1), np.float32)
    heights = placed[faces][..., 2]
    for triangle, pixel, weights in covered(corners, shape[1], shape[0]):
        z = np.einsum("nk,nk->n", weights, heights[triangle])
        first = np.clip(np.ceil(z), 0, shape[2]).astype(np.int64)
        row, column = np.divmod(pixel, shape[0])
        at = (column * shape[1] + row) * (shape[2] + 1) + first
        steps += np.bincount(at, -np.sign(turn[triangle]), len(steps)).astype(np.float32)
    return np.cumsum(steps.reshape(shape[0], shape[1], shape[2] + 1), axis=2)[:, :, :-1]


def fill_voids(inside: np.ndarray) -> np.ndarray:
    """(X, Y, Z) bool with everything inside that is not connected to the grid's border."""
    from scipy.ndimage import label

    number, count = label(~inside)
    border = [number.take(end, axis=axis).ravel() for axis in range(3) for end in (0, -1)]
    void = np.ones(count + 1, bool)
    void[np.unique(np.concatenate(border))] = False
    void[0] = True  # what is inside already
    return void[number]


def solid_grid(
    vertices: np.ndarray, faces: np.ndarray, spacing: float, closest: ClosestPoint | None = None
) -> SdfGrid:
    """The solid that a closed surface bounds: overlapping parts united, inner shells and voids filled.

    Args:
        vertices: (V, 3). faces: (F, 3), wound outwards.
        spacing: of the grid, in units of the vertices.
        closest: nearest points of the same surface, if there are any at hand.

    Returns:
        Distances, exact within `BAND` cells of the surface and plus or minus (`BAND` + 1) cells elsewhere.
    """
    low = vertices.min(axis=0) - MARGIN * spacing
    cells = np.ceil((np.ptp(vertices, axis=0) / spacing) + 2 * MARGIN).astype(int)
    shape = (int(cells[0]) + 1, int(cells[1]) + 1, int(cells[2]) + 1)
    inside = fill_voids(winding_numbers(vertices, faces, low, spacing, shape) > 0.5)
    closest = closest or ClosestPoint(vertices, faces, 0.7 * spacing)
    near = band_of(inside, BAND)
    values = np.where(inside, -1.0, 1.0).astype(np.float32) * np.float32((BAND + 1) * spacing)
    points = np.argwhere(near) * spacing + low
    values[near] = np.where(inside[near], -1, 1) * closest(points).distance
    return SdfGrid(values, np.stack([low, low + cells * spacing]))


def band_of(inside: np.ndarray, width: int) -> np.ndarray:
    """(X, Y, Z) bool: points within `width` steps of a change from inside to outside."""
    from scipy.ndimage import binary_dilation

    edge = np.zeros_like(inside)
    for axis in range(3):
        low = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
        high = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
        change = inside[low] != inside[high]
        edge[low] |= change
        edge[high] |= change
    return binary_dilation(edge, iterations=width - 1) if width > 1 else edge


def grid_points(grid: SdfGrid, mask: np.ndarray) -> np.ndarray:
    """(N, 3) positions of the points in a mask, in the order of `np.nonzero`."""
    return np.argwhere(mask) * grid.spacing + grid.bounds[0]
