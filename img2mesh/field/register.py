"""Views bent until they show the same colours at the same points of the surface that they share.

Silhouettes alone leave open which of two views is bent, and say nothing inside the outline. Colours do: every point
is seen by several views, and each view is moved towards what the others show there (Lucas and Kanade 1981, with the
mean of all views as the template, as in congealing), by the control points of `views.bend`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from img2mesh.field.stereo import carve_hull
from img2mesh.field.visible import facing, surface_of
from img2mesh.views.bend import NODES, basis, bent
from img2mesh.views.hull import Hull
from img2mesh.views.reconcile import bend_outlines
from img2mesh.views.view import View, ViewSet

POINTS = 6000  # of the surface at which colours are compared
SIDE = 128  # pixels of the pictures that are compared
BLURS = (2.5, 1.8, 1.2, 0.9)  # their blur in pixels, by round
MOVE = 6.0  # how far control points move, in thousandths of the side
NOISE = 0.08  # difference of colours that says little


def straightened(views: ViewSet, hull_of: Callable[[ViewSet], Hull]) -> ViewSet:
    """Bent views brought into line by their colours and their outlines in turns.

    First on the hull, then on what stereo carves out of it: on a wrong surface even straight views differ.
    """
    for carve in (False, True):
        hull = hull_of(views)
        if carve:
            hull = dataclasses.replace(hull, sdf=carve_hull(views.views, hull)[0])
        views = bend_outlines(registered(views, hull))
    return views


def registered(given: ViewSet, hull: Hull) -> ViewSet:
    """The views bent towards what all of them show of the hull; the photo, or else the first, stays as it is."""
    views = given.views
    surface = surface_of(hull.sdf, hull.bounds[0], hull.spacing)
    if surface is None or len(views) < 3:
        return given
    cosines = facing(surface, [view.camera for view in views])
    pick = np.unique(np.linspace(0, len(surface.points) - 1, POINTS).astype(np.int64))
    points = surface.points[pick]
    say = cosines[:, pick] ** 2 * (np.array([view.weight for view in views]) * hull.trust)[:, None]
    free = np.array([view.kind != "photo" for view in views])
    if free.all():
        free[0] = False  # somebody has to stay
    moves = np.zeros((len(views), NODES**2, 2))
    place = [view.camera.resized(SIDE, SIDE).project(points)[0] for view in views]
    weights = [basis(at, view.camera.resized(SIDE, SIDE)) for at, view in zip(place, views, strict=True)]
    for blur in BLURS:
        pictures = [_blurred(view, blur) for view in views]
        shown = np.zeros((len(views), len(points), 3, 5))  # of each colour: value, slopes; alpha last
        for row in range(len(views)):
            shown[row] = _looked_up(pictures[row], place[row] + weights[row] @ moves[row])
        colours, slopes, alpha = shown[..., 0], shown[..., 1:3], shown[..., 0, 4]
        trust = say * (alpha > 0.8)
        trust = trust * ((trust > 0).sum(axis=0) > 1)
        mean = _common(colours, trust)
        for row in np.flatnonzero(free):
            rest = colours[row] - mean
            w = trust[row] / (1 + (np.abs(rest).mean(axis=1) / NOISE) ** 2)
            moves[row] += _step(rest, slopes[row], w, weights[row], moves[row])
    out = []
    for view, move in zip(views, moves, strict=True):
        scale = view.camera.width / SIDE
        out.append(
            dataclasses.replace(view, rgba=bent(view.rgba, move * scale, view.camera)) if move.any() else view
        )
    return dataclasses.replace(given, views=tuple(out))


def _blurred(view: View, blur: float) -> np.ndarray:
    """(SIDE, SIDE, 4) float32 colours, blurred inside the silhouette only, and alpha."""
    import cv2

    small = cv2.resize(view.rgba.astype(np.float32) / 255, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    alpha = small[..., 3:]
    flat = cv2.GaussianBlur(np.concatenate([small[..., :3] * alpha, alpha], axis=-1), (0, 0), blur)
    return np.concatenate([flat[..., :3] / np.maximum(flat[..., 3:], 1e-3), alpha], axis=-1)


def _looked_up(picture: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(N, 3, 5) of each colour at pixel coordinates: value, slope to the right and down, nothing, alpha."""
    import cv2

    slopes = np.stack(np.gradient(picture[..., :3], axis=(1, 0)), axis=-1)  # (H, W, 3, 2)
    whole = np.concatenate([picture, slopes.reshape(*picture.shape[:2], 6)], axis=-1).astype(np.float32)
    place = (at - 0.5).astype(np.float32)[None]
    found = [
        cv2.remap(whole[..., k : k + 2], place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
        for k in range(0, 10, 2)
    ]
    found = np.concatenate(found, axis=-1)
    out = np.zeros((len(at), 3, 5))
    out[..., 0], out[..., 4] = found[:, :3], found[:, 3:4]
    out[..., 1:3] = found[:, 4:].reshape(-1, 3, 2)
    return out


def _common(colours: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """(N, 3) robust mean of what the views show."""
    for _ in range(2):
        mean = np.einsum("vn,vnc->nc", trust, colours) / np.maximum(trust.sum(axis=0), 1e-9)[:, None]
        trust = trust / (1 + (np.abs(colours - mean).mean(axis=-1) / NOISE) ** 2)
    return mean


def _step(rest, slopes, w, share, now) -> np.ndarray:
    """(NODES^2, 2) further move of one view: Gauss and Newton with a prior that keeps moves small."""
    count = share.shape[1]
    jacobian = np.einsum("nca,nm->ncma", slopes, share).reshape(-1, 2 * count)
    heavy = np.repeat(w, 3)
    prior = heavy.sum() * NOISE**2 / (NODES**2 * 3) / (MOVE * SIDE / 1000) ** 2 * 0.1
    system = jacobian.T @ (heavy[:, None] * jacobian) + prior * np.eye(2 * count)
    right = -jacobian.T @ (heavy * rest.ravel()) - prior * now.ravel()
    step = np.linalg.solve(system, right).reshape(count, 2)
    return np.clip(step, -3.0, 3.0)
