"""Silhouettes that contradict each other, brought to agree: small errors of pose, place and size of each view.

A plane through two cameras that just touches the object touches both silhouettes, whatever the object's shape: the
outermost epipolar tangents of two pictures must coincide (Hernandez, Schmitt and Cipolla 2007, "Silhouette
coherence"). Every pair of views gives two such equations; all of them together tell by how much each camera was
turned, each picture shifted and each mask grown or shrunk, by robust least squares with the photo held fixed. Where
that leaves them disagreeing the pictures are bent too: a smooth displacement on a few control points.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from img2mesh.cameras import Camera, look_at
from img2mesh.views.bend import NODES, basis, bent
from img2mesh.views.hull import mask_distance
from img2mesh.views.view import View, ViewSet

# Of each view: elevation and azimuth in degrees, shift right and down and outward growth in thousandths of the side.
EXPECTED = np.array([3.0, 3.0, 6.0, 6.0, 8.0])  # how large errors are, where there are any
STEPS = np.array([0.3, 0.3, 1.0, 1.0, 1.0])  # of the numerical derivative
NOISE = 1.5  # thousandths of the side: what tangents of true views differ by
COHERENT = 1.0  # median disagreement up to which the views are taken as they are
ROUNDS = 5
# What no such errors explain, and then few of them, is bent: control points move so far, thousandths of the side.
BENT = 12.0
BESIDE_BENT = np.array([0.1, 0.1, 1.0, 1.0, 1.0])
BENT_ROUNDS = 8


def reconcile(views: ViewSet) -> tuple[ViewSet, dict[str, Any]]:
    """The views with cameras and masks that agree, and what was found.

    Args:
        views: with alpha. The photo, or else the first view, stays as it is; views whose silhouettes already
            agree come back untouched.

    Returns:
        The views in their order, and facts: `incoherence`, the median disagreement of the tangents before and
        after, in thousandths of the picture's side; `bent`, if bending was needed to get there.
    """
    shown, chosen, outlines, free = _shown(views)
    if len(shown) < 4:
        return views, {"incoherence": None}
    still = np.zeros((len(shown), 5 + 2 * NODES**2))
    before = _median(_residuals(chosen, outlines, still))
    if before <= COHERENT:
        return views, {"incoherence": [round(before, 2)] * 2}
    errors, after = _fitted(chosen, outlines, still, free, 5, ROUNDS)
    bending = after > COHERENT
    if bending:
        errors, after = _fitted(chosen, outlines, still, free, still.shape[1], BENT_ROUNDS)
    if after >= before:
        return views, {"incoherence": [round(before, 2)] * 2}
    facts: dict[str, Any] = {"incoherence": [round(before, 2), round(after, 2)]}
    return _with_errors(views, shown, errors), {**facts, "bent": True} if bending else facts


def bend_outlines(views: ViewSet) -> ViewSet:
    """The views bent, and nothing else, until their outlines agree; the photo or else the first stays as it is."""
    shown, chosen, outlines, free = _shown(views)
    if len(shown) < 4:
        return views
    still = np.zeros((len(shown), 5 + 2 * NODES**2))
    errors, _ = _fitted(chosen, outlines, still, free, still.shape[1], BENT_ROUNDS // 2)
    return _with_errors(views, shown, errors)


def _shown(views: ViewSet):
    """Numbers of the views that show an outline, these views, their outlines, and which of them may move."""
    outlines = [_outline(view) for view in views.views]
    shown = [i for i, outline in enumerate(outlines) if outline is not None]
    fixed = next((i for i in shown if views.views[i].kind == "photo"), shown[0] if shown else 0)
    free = np.array([i != fixed for i in shown])
    return shown, [views.views[i] for i in shown], [outlines[i] for i in shown], free


def _with_errors(views: ViewSet, shown: list[int], errors: np.ndarray) -> ViewSet:
    out = list(views.views)
    for i, error in zip(shown, errors, strict=True):
        out[i] = _corrected(views.views[i], error)
    return dataclasses.replace(views, views=tuple(out))


def _fitted(views, outlines, errors: np.ndarray, free: np.ndarray, unknown: int, rounds: int):
    """(V, 5 + ...) errors, of which the first `unknown` are found, and the disagreement that they leave."""
    for _ in range(rounds):
        errors = _improved(views, outlines, errors, free, unknown)
    return errors, _median(_residuals(views, outlines, errors))


def _outline(view: View) -> tuple[np.ndarray, np.ndarray] | None:
    """(N, 2) pixel coordinates of the silhouette's convex hull, sampled evenly, and (N, 2) outward normals."""
    from scipy.spatial import ConvexHull
    from skimage.measure import find_contours

    mask = view.mask
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
    return corners, normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)


def _turned(camera: Camera, elevation_deg: float, azimuth_deg: float) -> Camera:
    """The camera moved on its sphere about the world's origin, turned along with it."""
    up = np.radians(np.clip(camera.elevation_deg + elevation_deg, -89, 89)), np.radians(camera.elevation_deg)
    side = np.radians(camera.azimuth_deg + azimuth_deg), np.radians(camera.azimuth_deg)
    frames = []
    for e, a in zip(up, side, strict=True):
        direction = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        frames.append(look_at(direction * camera.distance)[:3, :3])
    turn = frames[0] @ frames[1].T
    c2w = camera.c2w.copy()
    c2w[:3, :3], c2w[:3, 3] = turn @ c2w[:3, :3], turn @ c2w[:3, 3]
    return dataclasses.replace(camera, c2w=c2w)


def _placed(view: View, outline, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Camera centre and (N, 3) directions of the outline's rays, were the view's errors `error`."""
    points, normals = outline
    unit = max(view.camera.width, view.camera.height) / 1000
    camera = _turned(view.camera, error[0], error[1]) if error[:2].any() else view.camera
    moved = error[2:4] + normals * error[4]
    if error[5:].any():
        moved = moved + basis(points, camera) @ error[5:].reshape(-1, 2)
    _, directions = camera.rays(points - moved * unit)
    return camera.position, directions


def _pair(one, two, focal: float) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower tangent planes of two outlines.

    Returns:
        (2,) their difference in thousandths of the side, NaN where the line through both cameras passes through a
        silhouette, so that there is no outermost tangent; (2, 2) number of the point where each outline is touched.
    """
    none = np.full(2, np.nan), np.zeros((2, 2), np.int64)
    base = two[0] - one[0]
    length = np.linalg.norm(base)
    if length < 1e-3:
        return none
    base = base / length
    middle = one[1].mean(0) + two[1].mean(0)
    first = middle - (middle @ base) * base
    if np.linalg.norm(first) < 0.2:
        return none
    first = first / np.linalg.norm(first)
    second = np.cross(base, first)
    ends = []
    for _, directions in (one, two):
        x, y = directions @ first, directions @ second
        if x.min() < 0.05:
            return none
        angle = np.arctan2(y, x)
        touch = np.array([angle.argmax(), angle.argmin()])
        ends.append((angle[touch], np.hypot(x, y)[touch], touch))
    lever = (ends[0][1] + ends[1][1]) / 2
    return (ends[0][0] - ends[1][0]) * lever * focal, np.stack([ends[0][2], ends[1][2]])


def _focal(view: View) -> float:
    return 1000 * view.camera.fl_x / max(view.camera.width, view.camera.height)


def _residuals(views: list[View], outlines, errors: np.ndarray) -> np.ndarray:
    """(V, V, 2) of all pairs i < j; NaN elsewhere."""
    placed = [_placed(v, o, e) for v, o, e in zip(views, outlines, errors, strict=True)]
    found = np.full((len(views), len(views), 2), np.nan)
    for i in range(len(views)):
        for j in range(i + 1, len(views)):
            found[i, j] = _pair(placed[i], placed[j], _focal(views[i]))[0]
    return found


def _median(residuals: np.ndarray) -> float:
    known = np.abs(residuals[np.isfinite(residuals)])
    return float(np.median(known)) if len(known) else 0.0


def _improved(views: list[View], outlines, errors: np.ndarray, free: np.ndarray, unknown: int) -> np.ndarray:
    """One step of Gauss and Newton, with Cauchy's weights against views that are wrong altogether."""
    count = len(views)
    placed = [_placed(v, o, e) for v, o, e in zip(views, outlines, errors, strict=True)]
    columns = np.flatnonzero(np.repeat(free, unknown))
    place = np.full(count * unknown, -1)
    place[columns] = np.arange(len(columns))
    place = place.reshape(count, unknown)
    rows, values = {}, []
    for i in range(count):
        for j in range(i + 1, count):
            found, touch = _pair(placed[i], placed[j], _focal(views[i]))
            if np.isfinite(found).all():
                rows[i, j] = (2 * len(values), found, touch)
                values.append(found)
    values = np.array(values).ravel()
    slopes = np.zeros((len(values), len(columns)))
    for i in np.flatnonzero(free):
        for k in range(5):
            moved = errors[i].copy()
            moved[k] += STEPS[k]
            here = _placed(views[i], outlines[i], moved)
            for j in range(count):
                pair = (min(i, j), max(i, j))
                if pair not in rows:
                    continue
                row, base, touch = rows[pair]
                found, _ = _pair(*((here, placed[j]) if i < j else (placed[j], here)), _focal(views[pair[0]]))
                change = np.nan_to_num((found - base) / STEPS[k])
                slopes[row : row + 2, place[i, k]] = change
                if k == 4 and unknown > 5:
                    # A control point moves the touching point as growth does, along its normal.
                    points, normals = (a[touch[pair.index(i)]] for a in outlines[i])
                    share = basis(points, views[i].camera)[..., None] * normals[:, None]
                    share = share * change[:, None, None]
                    slopes[row : row + 2, place[i, 5:]] = share.reshape(2, -1)
    scale = max(NOISE, 1.5 * float(np.median(np.abs(values))))
    weights = 1 / (NOISE**2 * (1 + (values / scale) ** 2))
    bending = unknown > 5
    expected = np.concatenate([BESIDE_BENT if bending else EXPECTED, np.full(unknown - 5, BENT)])
    prior = np.tile(1 / expected**2, count)[columns]
    system = slopes.T @ (weights[:, None] * slopes) + np.diag(prior)
    right = -slopes.T @ (weights * values) - prior * errors[:, :unknown].ravel()[columns]
    step = np.zeros(count * unknown)
    step[columns] = np.linalg.solve(system, right)
    out = errors.copy()
    out[:, :unknown] += np.clip(step.reshape(count, unknown), -2 * expected, 2 * expected)
    return out


def _corrected(view: View, error: np.ndarray) -> View:
    """The view without its errors: camera turned, principal point moved, mask grown or shrunk, picture bent."""
    from scipy.ndimage import distance_transform_edt

    if not error.any():
        return view
    unit = max(view.camera.width, view.camera.height) / 1000
    camera = _turned(view.camera, error[0], error[1])
    camera = dataclasses.replace(camera, cx=camera.cx + error[2] * unit, cy=camera.cy + error[3] * unit)
    distance = mask_distance(view.mask) + error[4] * unit
    alpha = np.where(np.abs(error[4]) < 1.0, view.mask, np.clip(0.5 - distance, 0, 1))
    rgba = view.rgba.copy()
    solid = view.rgba[..., 3] > 127
    nearest = distance_transform_edt(~solid, return_distances=False, return_indices=True)
    rgba[..., :3] = view.rgba[nearest[0], nearest[1], :3]  # a mask that grows needs colours
    rgba[..., 3] = (alpha * 255 + 0.5).astype(np.uint8)
    if error[5:].any():
        rgba = bent(rgba, error[5:].reshape(-1, 2) * unit, view.camera)
    return dataclasses.replace(view, rgba=rgba, camera=camera)
