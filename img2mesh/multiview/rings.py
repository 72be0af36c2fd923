"""Rings of cameras whose common elevation is wrong, set right by the silhouettes.

Samplers draw rings of views at elevations that their users have to know, and know wrongly more often than not. One
number for each ring leaves the silhouettes no room to explain away anything else.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.camera import turned
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.multiview.epipolar_tangency import median, outlines_of, residuals, robust

SAME = 0.5  # degrees: cameras of a ring differ by less in elevation
FEWEST = 3  # views of a ring
EXPECTED = 10.0  # degrees: how wrong a ring is, where it is
STEP, LONGEST = 0.3, 12.0  # degrees: of the numerical derivative, and of one round at most
ROUNDS, DONE = 10, 0.05


def ring_errors(views: ViewSet) -> np.ndarray:
    """(V,) degrees by which each view's camera is to be raised, the same for all views of a ring.

    Args:
        views: with alpha. The photo stays where it is.
    """
    errors = np.zeros(len(views.views))
    shown, chosen, outlines, _ = outlines_of(views)
    rings = _rings(chosen)
    if not rings:
        return errors

    def left(raised: np.ndarray) -> np.ndarray:
        moved = np.zeros((len(chosen), 5))
        for ring, by in zip(rings, raised, strict=True):
            moved[ring, 0] = by
        return residuals(chosen, outlines, moved).ravel()

    raised = np.zeros(len(rings))
    for _ in range(ROUNDS):
        now = left(raised)
        slopes = np.stack([(left(raised + STEP * one) - now) / STEP for one in np.eye(len(rings))], axis=-1)
        known = np.isfinite(now) & np.isfinite(slopes).all(axis=-1)
        weighted = slopes[known].T * robust(now[known])
        system = weighted @ slopes[known] + np.eye(len(rings)) / EXPECTED**2
        step = np.linalg.solve(system, -weighted @ now[known] - raised / EXPECTED**2)
        raised = raised + np.clip(step, -LONGEST, LONGEST)
        if np.abs(step).max() < DONE:
            break
    if median(left(raised)) < median(left(np.zeros(len(rings)))):
        for ring, by in zip(rings, raised, strict=True):
            errors[np.array(shown)[ring]] = by
    return errors


def raised(views: ViewSet, errors: np.ndarray) -> ViewSet:
    """The views with cameras raised by so many degrees about the world's origin."""
    moved = [
        dataclasses.replace(view, camera=turned(view.camera, by, 0.0)) if by else view
        for view, by in zip(views.views, errors.tolist(), strict=True)
    ]
    return dataclasses.replace(views, views=tuple(moved))


def _rings(views: list[View]) -> list[np.ndarray]:
    """Numbers of the views of each ring."""
    free = [i for i, view in enumerate(views) if view.source is not Source.PHOTO]
    heights = np.array([view.camera.elevation_deg for view in views])
    rings: list[list[int]] = []
    for i in sorted(free, key=lambda i: heights[i]):
        if rings and heights[i] - heights[rings[-1][0]] < SAME:
            rings[-1].append(i)
        else:
            rings.append([i])
    return [np.array(ring) for ring in rings if len(ring) >= FEWEST]
