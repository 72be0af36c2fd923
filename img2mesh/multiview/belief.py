"""How far a correction of views is believed: by how much more of their silhouettes the common hull then covers.

Cameras, masks and pictures can be changed until outlines touch the same planes (`multiview.epipolar_tangency`), above
all where views are few; that says nothing yet about what lies between. The hull does: of silhouettes that one object
casts it leaves nothing uncovered.
"""

from __future__ import annotations

import numpy as np

from img2mesh.core.view import ViewSet
from img2mesh.core.visual_hull import hull_of_views, visual_hull
from img2mesh.multiview.refill import uncovered_rays

CELLS = 64  # of the hull that is asked
SIDE = 128  # pixels of the silhouettes
# Share of what was uncovered that a correction must cover to be believed a little, and wholly.
NONE, ALL = 0.3, 0.5
NOISE = 0.002  # of the silhouettes: so much is uncovered by the lattice alone


def uncovered(views: ViewSet) -> float:
    """Share of the silhouettes that the hull of all views leaves uncovered; views that spoil it count less."""
    masks, cameras = [view.mask for view in views.views], [view.camera for view in views.views]
    trust = hull_of_views(views, CELLS).trust
    trust = trust * [view.weight > 0 and bool((view.mask > 0.5).any()) for view in views.views]
    if not trust.any():
        return 0.0
    hull = visual_hull(masks, cameras, trust.tolist(), CELLS, 0.0)
    cores, missed = uncovered_rays(hull, masks, [camera.resized(SIDE, SIDE) for camera in cameras], SIDE)
    shares = [m.sum() / max(core.sum(), 1) for core, m in zip(cores, missed, strict=True)]
    return float(np.average(shares, weights=trust))


def share_of(views: ViewSet, corrected: ViewSet, told: float | None) -> float:
    """Share in [0, 1] of a correction that is made: `told`, or else as far as the hull bears it out."""
    return believed(uncovered(views), uncovered(corrected)) if told is None else told


def believed(before: float, after: float) -> float:
    """Share in [0, 1] of a correction that is made, from what was `uncovered` before it and what is after it."""
    explained = 1 - (after + NOISE) / (before + NOISE)
    return float(np.clip((explained - NONE) / (ALL - NONE), 0, 1))
