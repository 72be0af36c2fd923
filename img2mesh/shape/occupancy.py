"""The solid that an occupancy network sees behind the photo, as a signed distance on a grid of the world."""

from __future__ import annotations

import numpy as np

from img2mesh.core.frustum import Body
from img2mesh.core.sdf_grid import SdfGrid, lattice, smooth_distance
from img2mesh.core.visual_hull import MARGIN
from img2mesh.shape.fuse import FINEST
from img2mesh.shape.threshold import guessed_solid

SMOOTH = 0.01  # world units, of the network's cells; less breaks thin legs, more rounds walls off


def occupancy_grid(body: Body, resolution: int) -> SdfGrid | None:
    """The signed distance of a guessed body, with `MARGIN` around it, or None where it names nothing as inside.

    Args:
        resolution: samples along the longest side, at least; they lie `FINEST` apart at most.
    """
    solid = guessed_solid(body)
    cells = body.points()[solid.occupancy > 1]
    if not len(cells):
        return None
    low, high = cells.min(0) - MARGIN, cells.max(0) + MARGIN
    spacing = min(FINEST, float((high - low).max()) / (resolution - 1))
    high = low + np.ceil((high - low) / spacing) * spacing
    points, shape = lattice(np.stack([low, high]), spacing)
    inside = solid.probability(points).reshape(shape) > 1
    if not inside.any():
        return None
    return SdfGrid(smooth_distance(inside, spacing, SMOOTH), np.stack([low, high]))
