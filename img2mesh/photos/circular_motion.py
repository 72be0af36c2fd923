"""Where the photos of one turn of a turntable were taken from: one elevation, one distance, one axis.

All cameras of a circular motion follow from a few numbers, which the coherence of the silhouettes finds (Hernandez,
Schmitt and Cipolla 2007).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2mesh.photos.silhouette_coherence import Look, Placed, Problem

TURN = 12  # photos of a turn by which its camera is found
STARTS = (0.1, 0.45)  # elevations, radians, that its search begins with


def place_turn(looks: Sequence[Look], windows: np.ndarray, steps: int = 45) -> Placed:
    """The cameras of a turntable's photos: one elevation, one distance, one axis.

    Args:
        looks: in the order of the turn.
        windows: (V, 3) left and upper border and side, in pixels of the photos, of the squares that were cut out; they
            tell how large photos of one camera show the object, and where.
    """
    count = len(looks)
    side = windows[:, 2]
    middle = windows[:, :2] + side[:, None] / 2
    # The axis stands where the object is on average; its height on it is the same in all photos.
    axis = np.array([middle[:, 0].mean(), np.median(middle[:, 1])])
    start = np.zeros((count, 6))
    start[:, 0] = looks[0].elevation
    start[:, 1] = [look.azimuth for look in looks]
    start[:, 2] = np.log(np.median(side) / side)
    start[:, 3:5] = (axis - middle) / side[:, None]
    shared = np.zeros((count, 6))
    shared[:, [0, 5]] = 1
    shared[:, 3:5] = (np.median(side) / side)[:, None]
    chosen = np.unique(np.round(np.arange(0, count, max(1.0, count / TURN))).astype(int))
    problem = Problem([looks[k] for k in chosen])
    tried = []
    for elevation in STARTS:
        begin = start[chosen]
        begin[:, 0] = elevation
        tried.append(problem.solved(begin, steps // 3, shared[chosen]))
    best = min(tried, key=lambda placed: float(placed.misses.mean()))
    found = problem.solved(best.parameters, steps, shared[chosen])
    change = (found.parameters[0] - start[0]) / np.where(shared[0] > 0, shared[0], 1)
    return Placed(start + shared * change, found.misses)
