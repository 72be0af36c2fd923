"""Where a view shows what another one shows: each neighbour drawn anew from the view's own camera, and optical flow.

On the shape as it is known so far a neighbour's colours are carried into the view. Both pictures then have the same
foreshortening, and a dense flow between them (Kroeger, Timofte, Dai and Van Gool 2016) tells by how much view,
neighbour and shape disagree, wherever there is texture to tell it by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.view import View
from img2mesh.core.visual_hull import VisualHull
from img2mesh.multiview.sphere_tracing import entries

SIDE = 256  # pixels of the pictures that are compared
DEPTHS = 128  # of the pictures of depth
NEIGHBOURS, WIDEST = 6, 75.0  # views compared with each view, and degrees between two
EVERY = 8  # pixels between the places at which the flow is read
WINDOW = 9  # pixels across that have to be seen, and whose texture tells how sure the flow is
SURE = 1.0  # pixels: error of the flow where there is texture
NOISE = 0.02  # of colours
BEHIND = 0.02  # world units behind the surface at which a point counts as hidden


@dataclass(frozen=True, eq=False)
class Match:
    """What one view and one neighbour of it say at N places of the view.

    Attributes:
        view, other: numbers of the two.
        place: (N,) number of the place, the same for all neighbours of a view.
        here, there: (N, 2) pixel of the place in the view, and where the shape has it in the other.
        off: (N, 2) how far from there the other really shows it.
        turn: (N, 2, 2) slope of the other's pixel by the view's. deeper: (N, 2) by the depth, world units.
        sure: (N, 2, 2) inverse covariance of `off`; zero where nothing is known.
    """

    view: int
    other: int
    place: np.ndarray
    here: np.ndarray
    there: np.ndarray
    off: np.ndarray
    turn: np.ndarray
    deeper: np.ndarray
    sure: np.ndarray


def matched(views: tuple[View, ...], hull: VisualHull) -> list[Match]:
    """All views against their neighbours, in pixels of pictures of `SIDE`.

    Args:
        hull: `sdf` is the shape; views whose `trust` is low are left out.
    """
    import cv2

    cameras = [view.camera.resized(SIDE, SIDE) for view in views]
    pictures = [
        cv2.resize(v.rgba, (SIDE, SIDE), interpolation=cv2.INTER_AREA) / np.float32(255) for v in views
    ]
    depths = _depths(hull, cameras)
    towards = np.stack([camera.position / camera.distance for camera in cameras])
    angles = np.degrees(np.arccos(np.clip(towards @ towards.T, -1, 1)))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow.setFinestScale(0)
    flow.setVariationalRefinementIterations(5)
    good = [i for i in range(len(views)) if hull.trust[i] > 0.3]
    found = []
    for i in good:
        near = [j for j in np.argsort(angles[i], kind="stable") if j in good and j != i]
        near = [int(j) for j in near if angles[i, j] < WIDEST][:NEIGHBOURS]
        found += [_pair(i, j, cameras, pictures, depths, flow) for j in near]
    return [match for match in found if match is not None]


def _pair(
    i: int, j: int, cameras: list[Camera], pictures: list[np.ndarray], depths: list[np.ndarray], flow: Any
) -> Match | None:
    import cv2

    origin, directions = cameras[i].position, cameras[i].rays()[1]
    depth, mine = depths[i], pictures[i]
    solid = mine[..., 3] > 0.5
    points = origin + directions * np.nan_to_num(depth, nan=cameras[i].distance)[..., None]
    carried = cameras[j].project(points.reshape(-1, 3))[0].reshape(SIDE, SIDE, 2).astype(np.float32)
    seen = _at(pictures[j], carried)
    behind = np.linalg.norm(points - cameras[j].position, axis=-1) - _at(
        np.nan_to_num(depths[j], nan=9.0).astype(np.float32), carried
    )
    shared = np.isfinite(depth) & (mine[..., 3] > 0.9) & (seen[..., 3] > 0.8) & (behind < BEHIND)
    if shared.sum() < 200 * (SIDE / 256) ** 2:
        return None
    grey = mine[..., :3].mean(-1)
    other = np.where(shared, seen[..., :3].mean(-1), grey)
    low, high = np.percentile(grey[solid], [1, 99])
    flat = [
        np.where(solid, np.clip((g - low) / max(high - low, 1e-3), 0, 1) * 255, 128).astype(np.uint8)
        for g in (grey, other)
    ]
    moved = flow.calc(*flat, None)
    core = cv2.erode(shared.astype(np.uint8), np.ones((WINDOW, WINDOW), np.uint8))
    row, column = (k.ravel() for k in np.mgrid[EVERY // 2 : SIDE : EVERY, EVERY // 2 : SIDE : EVERY])
    on = core[row, column] > 0
    row, column = row[on], column[on]
    if not len(row):
        return None
    here = np.stack([column, row], axis=-1) + 0.5
    target = (here + moved[row, column]).astype(np.float32)[None]
    sides = [
        (carried[row, np.minimum(column + 2, SIDE - 1)] - carried[row, column - 2]) / 4,
        (carried[np.minimum(row + 2, SIDE - 1), column] - carried[row - 2, column]) / 4,
    ]
    turn = np.stack(sides, axis=-1).astype(np.float64)
    deeper = cameras[j].project(points[row, column] + 1e-3 * directions[row, column])[0]
    there = carried[row, column].astype(np.float64)
    spread = turn @ _uncertainty(grey, row, column) @ turn.transpose(0, 2, 1) + 0.1 * SURE**2 * np.eye(2)
    sane = (_at(core.astype(np.float32), target)[0] > 0.9) & (np.abs(turn).max((1, 2)) < 3)
    sane &= np.abs(np.linalg.det(turn)) > 0.1  # neither sees the surface at too much of a slant
    return Match(
        i,
        j,
        row * SIDE + column,
        here,
        there,
        _at(carried, target)[0] - there,
        turn,
        (deeper - there) / 1e-3,
        np.linalg.inv(spread) * sane[:, None, None],
    )


def _uncertainty(grey: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """(N, 2, 2) covariance of the flow: small across edges, large where the picture is plain."""
    import cv2

    down, across = np.gradient(grey)
    texture = np.empty((len(row), 2, 2))
    for a, one in enumerate((across, down)):
        for b, two in enumerate((across, down)):
            texture[:, a, b] = cv2.boxFilter(one * two, -1, (WINDOW, WINDOW), normalize=False)[row, column]
    return np.linalg.inv(texture / NOISE**2 + 1e-3 * np.eye(2)) + SURE**2 * np.eye(2)


def _at(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(H, W, C) values of a picture at (H, W, 2) float32 pixel coordinates."""
    import cv2

    place = pixels - np.float32(0.5)
    return cv2.remap(picture, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _depths(hull: VisualHull, cameras: list[Camera]) -> list[np.ndarray]:
    """(SIDE, SIDE) per camera: distance along each ray to where it enters the shape; NaN where it misses."""
    directions = [camera.resized(DEPTHS, DEPTHS).rays()[1].reshape(-1, 3) for camera in cameras]
    origins = np.repeat([camera.position for camera in cameras], DEPTHS**2, axis=0)
    found = entries(hull, origins, np.concatenate(directions)).astype(np.float64)
    return [_enlarged(depth) for depth in found.reshape(-1, DEPTHS, DEPTHS)]


def _enlarged(depth: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) of a picture of depths with NaN: these do not spread."""
    import cv2
    from scipy.ndimage import distance_transform_edt

    hit = np.isfinite(depth)
    if not hit.any():
        return np.full((SIDE, SIDE), np.nan)
    nearest = distance_transform_edt(~hit, return_distances=False, return_indices=True)
    large = cv2.resize(depth[nearest[0], nearest[1]], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    shown = cv2.resize(hit.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0
    return np.where(shown, large, np.nan)
