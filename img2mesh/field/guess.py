"""The body that the photo alone suggests, as a signed distance beside that of the views' hull."""

from __future__ import annotations

import numpy as np

from img2mesh.views.body import Body
from img2mesh.views.hull import Hull, lattice
from img2mesh.views.likely import best_level, guessed_solid, hollowness

# Expected IoU up to which a guess counts for nothing, and from which nothing else counts.
DOUBTED, TRUSTED = 0.1, 0.45
# A hollow thing's walls are thin: where they are by a few hundredths is in doubt, and the expected IoU therefore low,
# though the shape is not. So much of it is added per unit of `hollowness`.
HOLLOW = 10.0
SMOOTH = 0.015  # world units: the guess's cells are three times as large


def trusted_share(body: Body) -> float:
    """How far the guessed body counts against what the views show, in [0, 1].

    Over 20 validation objects of the mini's training, mixing the guess and the views' hull by this reached a mean IoU
    of 0.567 with their solids, the guess alone 0.550, the hull alone, anchored to the photo, 0.427.
    """
    sure = best_level(body)[1] + HOLLOW * hollowness(body)
    return float(np.clip((sure - DOUBTED) / (TRUSTED - DOUBTED), 0, 1))


def guessed_bounds(body: Body) -> np.ndarray | None:
    """(2, 3) box of the cells inside of the guessed body, or None where it names none."""
    inside = body.points()[guessed_solid(body).occupancy > 1]
    return np.stack([inside.min(0), inside.max(0)]) if len(inside) else None


def guessed_distance(body: Body, hull: Hull) -> np.ndarray:
    """(X, Y, Z) float32 signed distance of the guessed body on a hull's lattice, world units, negative inside."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    points, shape = lattice(hull.bounds, hull.spacing)
    inside = guessed_solid(body).probability(points).reshape(shape) > 1
    if not inside.any():
        return np.full(shape, 1.0, dtype=np.float32)
    outward = distance_transform_edt(~inside) - distance_transform_edt(inside)
    outward += np.where(inside, 0.5, -0.5)  # the surface lies between samples
    return gaussian_filter((outward * hull.spacing).astype(np.float32), SMOOTH / hull.spacing, mode="nearest")
