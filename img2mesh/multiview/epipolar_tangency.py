"""What silhouettes of one object have in common: the outermost planes through two cameras that touch it.

A plane through two cameras that just touches the object touches both silhouettes, whatever the object's shape: the
outermost epipolar tangents of two pictures must coincide (Hernandez, Schmitt and Cipolla 2007, "Silhouette
coherence"). Every pair of views gives two such equations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from img2mesh.core.camera import Camera, turned
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.multiview.warp import COUNT, basis

NOISE = 1.5  # thousandths of the side: what tangents of true views differ by
# Share of the silhouette: smaller pieces apart from it, slivers of a neighbouring picture, are no outline.
SPECK = 0.01
WORST = 3  # views that are named
# Of each view: (N, 2) pixels, (N, 2) outward normals, and whether the picture's border cuts the object off there.
Outline = tuple[np.ndarray, np.ndarray, np.ndarray]
Outlines = list[Outline]
# A camera's centre, (N, 3) directions of its outline, what is cut, and the directions' mean.
Rays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def outlines_of(views: ViewSet) -> tuple[list[int], list[View], Outlines, np.ndarray]:
    """Numbers of the views that show an outline, these views, their outlines, and which of them may move."""
    outlines = [_outline(view) for view in views.views]
    known = {i: outline for i, outline in enumerate(outlines) if outline is not None}
    shown = list(known)
    fixed = next((i for i in shown if views.views[i].source is Source.PHOTO), shown[0] if shown else 0)
    free = np.array([i != fixed for i in shown])
    return shown, [views.views[i] for i in shown], list(known.values()), free


def _outline(view: View) -> Outline | None:
    """Pixel coordinates of the silhouette's convex hull, outward normals, and where the picture's border is."""
    from scipy.spatial import ConvexHull
    from skimage.measure import find_contours

    mask = _without_specks(view.mask)
    if not 20 < (mask > 0.5).sum() < 0.98 * mask.size:
        return None
    contours = find_contours(np.pad(mask, 1), 0.5)
    points = np.concatenate(contours)[:, ::-1] - 0.5  # rows and columns of padded pixel centres to (u, v)
    if np.ptp(points, axis=0).min() < 2:
        return None
    corners = points[ConvexHull(points).vertices]
    ahead, back = np.roll(corners, -1, axis=0) - corners, corners - np.roll(corners, 1, axis=0)
    normals = []
    for edge in (ahead, back):
        normal = np.stack([edge[:, 1], -edge[:, 0]], axis=-1)
        normals.append(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9))
    normal = normals[0] + normals[1]
    cut = ((corners < 0.6) | (corners > np.array(mask.shape[::-1]) - 0.6)).any(axis=1)
    return corners, normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9), cut


def _without_specks(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import label

    parts, count = label(mask > 0.5, np.ones((3, 3)))
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    large = sizes >= SPECK * sizes[1:].sum()
    return mask * large[parts]


def placed(view: View, outline: Outline, error: np.ndarray) -> Rays:
    """The outline's rays, were the view's errors `error`."""
    points, normals, cut = outline
    unit = max(view.camera.width, view.camera.height) / 1000
    camera = turned(view.camera, error[0], error[1]) if error[:2].any() else view.camera
    moved = error[2:4] + normals * error[4]
    if error[5:].any():
        moves = error[5:].reshape(-1, 2)
        there = (
            points - _shares(points, camera) @ moves * unit
        )  # the displacement is given where the point goes
        moved = moved + _shares(there, camera) @ moves
    _, directions = camera.rays(points - moved * unit)
    return camera.position, directions, cut, directions.mean(0)


def pair(one: Rays, two: Rays, focal: float) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower tangent planes of two outlines.

    Returns:
        (2,) their difference in thousandths of the side, NaN where the line through both cameras passes through a
        silhouette, so that there is no outermost tangent, or where the border cuts it off; (2, 2) number of the point
        where each outline is touched.
    """
    none = np.full(2, np.nan), np.zeros((2, 2), np.int64)
    base = two[0] - one[0]
    length = math.sqrt(base @ base)
    if length < 1e-3:
        return none
    base = base / length
    middle = one[3] + two[3]
    first = middle - (middle @ base) * base
    length = math.sqrt(first @ first)
    if length < 0.2:
        return none
    first = first / length
    second = base[[1, 2, 0]] * first[[2, 0, 1]] - base[[2, 0, 1]] * first[[1, 2, 0]]  # quicker than np.cross
    ends = []
    for _, directions, cut, _ in (one, two):
        x, y = directions @ first, directions @ second
        if x.min() < 0.05:
            return none
        slope = y / x
        touch = np.array([slope.argmax(), slope.argmin()])
        ends.append(
            (np.where(cut[touch], np.nan, np.arctan(slope[touch])), np.hypot(x[touch], y[touch]), touch)
        )
    lever = (ends[0][1] + ends[1][1]) / 2
    return (ends[0][0] - ends[1][0]) * lever * focal, np.stack([ends[0][2], ends[1][2]])


def focal_of(view: View) -> float:
    return 1000 * view.camera.fl_x / max(view.camera.width, view.camera.height)


def residuals(views: list[View], outlines: Outlines, errors: np.ndarray) -> np.ndarray:
    """(V, V, 2) of all pairs i < j; NaN elsewhere."""
    rays = [placed(v, o, e) for v, o, e in zip(views, outlines, errors, strict=True)]
    found = np.full((len(views), len(views), 2), np.nan)
    for i in range(len(views)):
        for j in range(i + 1, len(views)):
            found[i, j] = pair(rays[i], rays[j], focal_of(views[i]))[0]
    return found


def median(residuals: np.ndarray) -> float:
    known = np.abs(residuals[np.isfinite(residuals)])
    return float(np.median(known)) if len(known) else 0.0


def worst_of(residuals: np.ndarray) -> list[int]:
    """Places of at most `WORST` of V views with more than twice the median disagreement, the worst first."""
    both = np.concatenate([residuals, residuals.transpose(1, 0, 2)], axis=1).reshape(len(residuals), -1)
    each = np.array([median(row) for row in both])
    worst = np.argsort(-each, kind="stable")[:WORST]
    return [int(i) for i in worst if each[i] > 2 * median(residuals)]


def bend_equations(
    views: list[View], outlines: Outlines, moves: np.ndarray, free: np.ndarray
) -> tuple[Any, np.ndarray]:
    """Normal equations of further displacements that bring the tangents together.

    Args:
        moves: (V, COUNT, 2) coefficients of `multiview.warp` so far, thousandths of the side.
        free: (V,) bool, which may move.

    Returns:
        (N, N) and (N,) of the N = V * COUNT * 2 changes, robustly weighted.
    """
    count = len(views)
    errors = np.concatenate([np.zeros((count, 5)), moves.reshape(count, -1)], axis=1)
    here = [placed(v, o, e) for v, o, e in zip(views, outlines, errors, strict=True)]
    errors[:, 4] = 1  # a displacement moves the touching point as growth does, along its normal
    grown = [placed(v, o, e) for v, o, e in zip(views, outlines, errors, strict=True)]
    values, rows = [np.zeros(0)], [np.zeros((0, count * COUNT * 2))]
    for i in range(count):
        for j in range(i + 1, count):
            found, touch = pair(here[i], here[j], focal_of(views[i]))
            if not np.isfinite(found).any():
                continue
            row = np.zeros((2, count, COUNT, 2))
            for k, one, two in ((i, grown[i], here[j]), (j, here[i], grown[j])):
                if not free[k]:
                    continue
                change = np.nan_to_num(pair(one, two, focal_of(views[i]))[0] - found)
                points, normals = (a[touch[int(k == j)]] for a in outlines[k][:2])
                row[:, k] = _shares(points, views[k].camera)[..., None] * (normals * change[:, None])[:, None]
            known = np.isfinite(found)
            values.append(found[known])
            rows.append(row.reshape(2, -1)[known])
    value, row = np.concatenate(values), np.concatenate(rows)
    weight = robust(value)
    return row.T @ (weight[:, None] * row), -row.T @ (weight * value)


def _shares(points: np.ndarray, camera: Camera) -> np.ndarray:
    return basis(points / [camera.width, camera.height])


def robust(values: np.ndarray) -> np.ndarray:
    """Cauchy's weights, against views that are wrong altogether."""
    scale = max(NOISE, 1.5 * float(np.median(np.abs(values)))) if len(values) else NOISE
    return 1 / (NOISE**2 * (1 + (values / scale) ** 2))
