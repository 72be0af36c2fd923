"""A close for the underside that no camera sees.

Silhouettes seen from above only let their common solid (Laurentini 1994) run out below the object, in a cone about as
steep as the lowest camera looks down. Going up from its tip, sections grow as a cone's do until they reach the object's
own base; there the solid is closed by a plane.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.visual_hull import VisualHull

LOWEST_DEG = 12.0  # elevation of the lowest camera up to which undersides are taken to be seen
STEEP = 0.4  # of the growth that the lowest camera's elevation would give: what grows less is no such cone
CONE = 0.6  # of the cone's growth: a section that grows less lies above the base
EDGE = 0.85  # of the same: from such a section on down it lies below the base
SUDDEN = 3  # layers between the two, at most, at the edge of a base
TIP = slice(2, 8)  # layers that say how the cone grows
LARGEST = 0.5  # of the solid's height: more is never cut away
SMOOTH = 2.0  # layers over which sections are averaged


def close_underside(hull: VisualHull, cameras: Sequence[Camera]) -> tuple[VisualHull, float | None]:
    """The hull above the plane of its base, and how much lower it reached, world units; None where nothing was cut."""
    from scipy.ndimage import gaussian_filter1d

    lowest = min(camera.elevation_deg for camera in cameras)
    inside = hull.sdf < 0
    layers = np.flatnonzero(inside.any(axis=(0, 1)))
    if lowest <= LOWEST_DEG or len(layers) < 12:
        return hull, None
    area = inside[:, :, layers].sum(axis=(0, 1)) * hull.spacing**2
    radius = gaussian_filter1d(np.sqrt(area / np.pi), SMOOTH, mode="nearest")
    growth = np.diff(radius) / hull.spacing
    usual = float(np.median(growth[TIP]))
    if usual < STEEP / np.tan(np.radians(lowest)):
        return hull, None
    steep = growth >= CONE * usual
    steep[: TIP.start] = True  # the tip itself, rounded by the lattice
    reached = int(np.argmin(steep)) if not steep.all() else 0  # the first layer that grows less
    if reached == 0 or reached > LARGEST * len(layers):
        return hull, None
    first = reached
    while reached > TIP.start and growth[reached - 1] < EDGE * usual:
        reached -= 1
    if first - reached > SUDDEN:  # round below: a plane would take more than the cone adds
        return hull, None
    base = hull.bounds[0, 2] + (layers[0] + reached) * hull.spacing
    height = hull.bounds[0, 2] + np.arange(hull.sdf.shape[2]) * hull.spacing
    sdf = np.maximum(hull.sdf, (base - height).astype(np.float32))
    return dataclasses.replace(hull, sdf=sdf), float(reached * hull.spacing)
