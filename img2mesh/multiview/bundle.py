"""Silhouettes that contradict each other, brought to agree: small errors of pose, place and size of each view.

Epipolar tangents (`multiview.epipolar_tangency`) of all pairs of views tell by how much each camera was turned, each
picture shifted and each mask grown or shrunk, by robust least squares with the photo held fixed. If wrong masks alone
explain it, nothing is turned or shifted: a shrunk mask has lost thin parts, whose tangents five unknowns would explain
away, one view by another. Where even all five leave the views disagreeing the pictures are bent, which colours have to
help to find (`multiview.registration`).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.view import View, ViewSet
from img2mesh.core.visual_hull import mask_distance
from img2mesh.multiview.belief import share_of
from img2mesh.multiview.epipolar_tangency import (
    Outlines,
    focal_of,
    median,
    outlines_of,
    pair,
    placed,
    residuals,
    robust,
    worst_of,
)
from img2mesh.multiview.rings import raised, ring_errors
from img2mesh.multiview.silhouette_registration import moved_camera
from img2mesh.multiview.warp import continued

# Of each view: elevation and azimuth in degrees, shift right and down and outward growth in thousandths of the side.
STEPS = np.array([0.3, 0.3, 1.0, 1.0, 1.0])  # of the numerical derivative
# What is tried, in turn: which of them are wrong, and how large they are then. First masks alone, then all.
TRIED = ({4: 20.0}, {0: 3.0, 1: 3.0, 2: 6.0, 3: 6.0, 4: 8.0})
COHERENT = 1.0  # median disagreement up to which the views are taken as they are
# What such errors have to bring it down to if they are to be the cause: few views fit nearly anything by halves.
SOLVED, SHARE = 0.8, 0.08  # in itself, or as a share of what it was
ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far silhouettes agree: the median disagreement of their tangents, in thousandths of the picture's side.

    Attributes:
        before, after: of the adjustment; None for fewer than four views.
        bent: whether no errors of pose, place and size explain the disagreement.
        rings: by how many degrees the rings of cameras at given elevations were raised.
        worst: places of the views that disagreed most before, if some stand out.
    """

    before: float | None = None
    after: float | None = None
    bent: bool = False
    rings: dict[float, float] = dataclasses.field(default_factory=dict)
    worst: tuple[int, ...] = ()


def reconcile(views: ViewSet, share: float | None = None) -> tuple[ViewSet, Agreement]:
    """The views with cameras and masks that agree, and what was found.

    Args:
        views: with alpha. The photo, or else the first view, stays as it is; views whose silhouettes already
            agree come back untouched.
        share: in [0, 1], of what is found to be wrong with single views, that is set right; None: as far as their hull
            shows it (`multiview.belief`).

    Returns:
        The views in their order, and how far they agree. Bent views come back untouched, too.
    """
    shown, chosen, outlines, free = outlines_of(views)
    if len(shown) < 4:
        return views, Agreement()
    apart = residuals(chosen, outlines, np.zeros((len(shown), 5)))
    before = median(apart)
    if before <= COHERENT:
        return views, Agreement(before, before)
    worst = tuple(shown[i] for i in worst_of(apart))
    views, rings = _levelled(views)
    shown, chosen, outlines, free = outlines_of(views)
    now = median(residuals(chosen, outlines, np.zeros((len(shown), 5))))
    if now <= COHERENT or share == 0:
        return views, Agreement(before, now, rings=rings, worst=worst)
    for expected in TRIED:
        errors = np.zeros((len(shown), 5))
        for _ in range(ROUNDS):
            errors = _improved(chosen, outlines, errors, free, expected)
        after = median(residuals(chosen, outlines, errors))
        if after <= min(COHERENT, max(SOLVED, SHARE * now)):
            break
    else:
        return views, Agreement(before, now, True, rings, worst)
    found = _without(views, shown, errors)
    share = share_of(views, found, share)
    if share < 1:
        errors = share * errors
        found, after = _without(views, shown, errors), median(residuals(chosen, outlines, errors))
    return found, Agreement(before, after, rings=rings, worst=worst)


def _levelled(views: ViewSet) -> tuple[ViewSet, dict[float, float]]:
    """The views with rings of cameras at the elevations that silhouettes ask for, and by how much these were raised."""
    errors = ring_errors(views)
    if errors.any():
        errors = errors * share_of(views, raised(views, errors), None)
    if not errors.any():
        return views, {}
    heights = [round(view.camera.elevation_deg, 1) for view in views.views]
    rings = {height: round(by, 1) for height, by in zip(heights, errors.tolist(), strict=True) if by}
    return raised(views, errors), rings


def _without(views: ViewSet, shown: list[int], errors: np.ndarray) -> ViewSet:
    """The views without their errors."""
    out = list(views.views)
    for i, error in zip(shown, errors, strict=True):
        out[i] = _corrected(views.views[i], error)
    return dataclasses.replace(views, views=tuple(out))


def _improved(
    views: list[View],
    outlines: Outlines,
    errors: np.ndarray,
    free: np.ndarray,
    expected: dict[int, float],
) -> np.ndarray:
    """One step of Gauss and Newton, robust, for the errors of some kinds."""
    kinds, sizes = list(expected), np.array(list(expected.values()))
    count, unknown = len(errors), len(kinds)
    here = [placed(v, o, e) for v, o, e in zip(views, outlines, errors, strict=True)]
    rows: dict[tuple[int, int], tuple[int, np.ndarray]] = {}
    for i in range(count):
        for j in range(i + 1, count):
            found = pair(here[i], here[j], focal_of(views[i]))[0]
            if np.isfinite(found).any():
                rows[i, j] = (2 * len(rows), found)
    values = np.concatenate([np.zeros(0), *(found for _, found in rows.values())])
    known = np.isfinite(values)
    slopes = np.zeros((len(values), count, unknown))
    for i in np.flatnonzero(free).tolist():
        for k, kind in enumerate(kinds):
            moved = errors[i].copy()
            moved[kind] += STEPS[kind]
            there = placed(views[i], outlines[i], moved)
            for (one, two), (row, base) in rows.items():
                if i in (one, two):
                    sides = (there, here[two]) if i == one else (here[one], there)
                    found = pair(*sides, focal_of(views[one]))[0]
                    slopes[row : row + 2, i, k] = np.nan_to_num((found - base) / STEPS[kind])
    slopes_of_free, values = slopes[known][:, free].reshape(int(known.sum()), -1), values[known]
    weights = robust(values)
    prior = np.tile(1 / sizes**2, int(free.sum()))
    system = slopes_of_free.T @ (weights[:, None] * slopes_of_free) + np.diag(prior)
    chosen = np.ix_(free, np.array(kinds))
    right = -slopes_of_free.T @ (weights * values) - prior * errors[chosen].ravel()
    step = np.linalg.solve(system, right).reshape(-1, unknown)
    out = errors.copy()
    out[chosen] += np.clip(step, -2 * sizes, 2 * sizes)
    return out


def _corrected(view: View, error: np.ndarray) -> View:
    """The view without its errors: camera turned, principal point moved, mask grown or shrunk."""
    if not error.any():
        return view
    unit = max(view.camera.width, view.camera.height) / 1000
    camera = moved_camera(view.camera, error)
    distance = mask_distance(view.mask) + error[4] * unit
    alpha = np.where(np.abs(error[4]) < 1.0, view.mask, np.clip(0.5 - distance, 0, 1))
    rgba = continued(view.rgba)  # a mask that grows needs colours
    rgba[..., 3] = (alpha * 255 + 0.5).astype(np.uint8)
    return dataclasses.replace(view, rgba=rgba, camera=camera)
