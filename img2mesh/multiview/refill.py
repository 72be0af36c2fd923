"""What the silhouettes show must be there: parts that the colours carved away by mistake are put back.

Silhouettes that agree are surer than colours: where a ray well inside a view's silhouette meets nothing, something of
the hull along it has been lost. Of the hull's points along such a ray, the one that most views miss something at is
the likeliest; for a thin part that stands out (a propeller's blade) that is the part itself, as in the hull of what is
missing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.sdf_grid import SdfGrid, lattice
from img2mesh.core.visual_hull import mask_distance, projected
from img2mesh.multiview.sphere_tracing import entries

SIZE, FINER = 128, 0.75  # pixels per side at which rays are followed: at least, and per cell of the lattice
INSIDE = 0.3  # pixels that a ray must lie inside the silhouette
LEAST = 3  # views that must miss something at a point before it is put back
TOUCH = 0.4  # of the lattice's spacing: how deep inside a point counts at least that is put back


def cover_silhouettes(
    sdf: np.ndarray, hull: SdfGrid, alphas: Sequence[np.ndarray], cameras: Sequence[Camera]
) -> tuple[np.ndarray, int]:
    """The signed distance with the hull put back where silhouettes would show through.

    Args:
        sdf: (X, Y, Z) float32 on the hull's lattice, nowhere below `hull.sdf`.
        alphas: (H, W) in [0, 1], the views' silhouettes. cameras: theirs.

    Returns:
        (X, Y, Z) float32, and the number of samples put back.
    """
    points, _ = lattice(hull.bounds, hull.spacing)
    lost = np.flatnonzero((hull.sdf.ravel() < 0.5 * hull.spacing) & (sdf.ravel() >= 0))
    if not len(lost):
        return sdf, 0
    shape = dataclasses.replace(hull, sdf=sdf)
    points = points[lost]
    missed, places = np.zeros(len(lost), np.int32), []
    size = max(SIZE, round(FINER * max(sdf.shape)))
    smaller = [camera.resized(size, size) for camera in cameras]
    for camera, open_ in zip(smaller, uncovered_rays(shape, alphas, smaller, size)[1], strict=True):
        pixels, _ = projected(points, camera)
        column, row = (np.floor(pixels[:, k]).astype(np.int64) for k in (0, 1))
        at = np.clip(row, 0, size - 1) * size + np.clip(column, 0, size - 1)
        on = open_[at] & (row >= 0) & (row < size) & (column >= 0) & (column < size)
        missed += on
        places.append(np.where(on, at, -1))
    back = np.zeros(len(lost), bool)
    for at in places:
        most = np.zeros(size * size, np.int32)
        on = at >= 0
        np.maximum.at(most, at[on], missed[on])
        back[on] |= (missed[on] >= LEAST) & (missed[on] >= most[at[on]])
    result = sdf.ravel().copy()
    found = lost[back]
    result[found] = np.minimum(hull.sdf.ravel()[found], -TOUCH * hull.spacing)
    return result.reshape(sdf.shape), len(found)


def uncovered_rays(
    shape: SdfGrid, alphas: Sequence[np.ndarray], cameras: Sequence[Camera], size: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Rays well inside each silhouette, and those of them that meet nothing, (size * size,) bool per view.

    The cameras have `size` pixels per side.
    """
    import cv2

    cores = [
        mask_distance(cv2.resize(alpha, (size, size), interpolation=cv2.INTER_AREA)) < -INSIDE
        for alpha in alphas
    ]
    rays = [(c.position, c.rays()[1][core]) for c, core in zip(cameras, cores, strict=True)]
    origins = np.concatenate([np.broadcast_to(position, along.shape) for position, along in rays])
    missed = np.isnan(entries(shape, origins, np.concatenate([along for _, along in rays])))
    ends = np.cumsum([len(along) for _, along in rays])
    found = []
    for core, part in zip(cores, np.split(missed, ends[:-1]), strict=True):
        lost = core.copy()
        lost[core] = part
        found.append(lost.ravel())
    return [core.ravel() for core in cores], found
