"""Thin walls made as thick as asked, and a solid made hollow: offsets of a signed distance on a grid."""

from __future__ import annotations

import numpy as np

from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.finish.closest_point import ClosestPoint
from img2mesh.finish.solid_grid import BAND, grid_points
from img2mesh.finish.wall_thickness import walls_behind

SAME = 0.97  # of the wanted thickness: walls of so much are left alone


def thin_middles(
    vertices: np.ndarray, faces: np.ndarray, thickness: float, samples: ClosestPoint
) -> np.ndarray:
    """(N, 3) points half way through walls that are thinner than asked.

    Args:
        samples: nearest points of the same surface; a ray goes inwards from each of its samples.
    """
    points, owner = np.asarray(samples.tree.data), samples.owner
    walls = walls_behind(vertices, faces, points, owner)
    thin = walls.facing & (walls.thickness < SAME * thickness)
    return walls.points[thin] - walls.normals[thin] * (walls.thickness[thin] / 2)[:, None]


def thickened(grid: SdfGrid, middles: np.ndarray, thickness: float) -> SdfGrid:
    """The solid united with balls as wide as the wanted thickness around the middles of thin walls.

    Args:
        grid: as `solid_grid` makes it. middles: (N, 3). thickness: in its units.
    """
    if not len(middles):
        return grid
    from scipy.ndimage import binary_dilation
    from scipy.spatial import cKDTree

    spacing, radius = grid.spacing, thickness / 2
    index = np.clip(
        np.round((middles - grid.bounds[0]) / spacing).astype(int), 0, np.array(grid.sdf.shape) - 1
    )
    near = np.zeros(grid.sdf.shape, bool)
    near[tuple(index.T)] = True
    near = binary_dilation(near, np.ones((3, 3, 3), bool), iterations=int(np.ceil(radius / spacing)) + 2)
    reach = (BAND + 1) * spacing
    distance, _ = cKDTree(middles).query(grid_points(grid, near), distance_upper_bound=radius + 2 * reach)
    ball = np.minimum(distance - radius, reach).astype(np.float32)
    values = grid.sdf.copy()
    values[near] = np.minimum(values[near], ball)
    return SdfGrid(values, grid.bounds)


def cavity_of(grid: SdfGrid, wall: float, floor: float) -> SdfGrid:
    """The inside of a solid that is further than `wall` from its surface, as a grid of its own: negative in there.

    Args:
        floor: lowest z of the solid; the cavity keeps `wall` from it too.
    """
    from scipy.ndimage import distance_transform_edt

    from img2mesh.mesh.extract import marching_cubes

    inside = grid.sdf < 0
    spacing = grid.spacing
    rough = distance_transform_edt(inside, sampling=spacing)
    reach = (BAND + 1) * spacing
    values = np.where(rough > wall, -reach, reach).astype(np.float32)
    near = np.abs(rough - wall) < 2.5 * spacing
    vertices, faces = marching_cubes(grid.sdf)
    if near.any() and len(faces):
        closest = ClosestPoint(vertices * spacing + grid.bounds[0], faces, spacing)
        distance, _ = closest.tree.query(grid_points(grid, near), workers=-1)
        values[near] = np.clip(wall - distance, -reach, reach)
    heights = grid.bounds[0, 2] + np.arange(values.shape[2]) * spacing
    return SdfGrid(np.maximum(values, (floor + wall - heights).astype(np.float32)[None, None]), grid.bounds)


def drain_place(cavity: SdfGrid, solid: SdfGrid, diameter: float, floor: float) -> np.ndarray | None:
    """(3,) where a drain straight down from the cavity leaves least material to drill: its top's middle.

    None where no straight way down has only solid, or where the cavity is empty.
    """
    from scipy.ndimage import binary_erosion

    hollow = cavity.sdf < 0
    if not hollow.any():
        return None
    spacing, steps = cavity.spacing, int(np.ceil(diameter / 2 / cavity.spacing))
    first = np.where(hollow.any(axis=2), hollow.argmax(axis=2), -1)
    ground = int(np.clip(np.ceil((floor - solid.bounds[0, 2]) / spacing), 0, solid.sdf.shape[2] - 1))
    below = solid.sdf[:, :, min(ground + 1, solid.sdf.shape[2] - 1)] < 0
    allowed = (first >= 0) & below
    for room in (steps + 1, 1, 0):
        found = binary_erosion(allowed, iterations=room) if room else allowed
        if found.any():
            break
    else:
        return None
    x, y = np.nonzero(found)
    height = first[x, y]
    lowest = height == height.min()
    x, y = x[lowest], y[lowest]
    middle = np.argmin((x - x.mean()) ** 2 + (y - y.mean()) ** 2)
    return cavity.bounds[0] + np.array([x[middle], y[middle], height.min()]) * spacing
