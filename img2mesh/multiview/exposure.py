"""Views of one object taken with different exposure and white balance, brought to the same colours."""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.view import Source, View
from img2mesh.core.visual_hull import VisualHull
from img2mesh.field.ray_bank import resized_rgba
from img2mesh.multiview.surface_points import facing, surface_of

POINTS = 4000  # of the hull's surface at which colours are compared
SIZE = 64  # pixels per side of the pictures that are compared: what is compared need not lie exactly
GAIN, OFFSET = 0.15, 0.05  # how large differences are, where there are any
SCALES = np.geomspace(
    0.1, 0.015, 12
)  # colour difference beyond which two views see different things, by round
WORTH = 0.5  # share of the disagreement that may remain for the correction to be believed


def equal_exposure(views: tuple[View, ...], hull: VisualHull) -> tuple[tuple[View, ...], float | None]:
    """The views with colours that agree where several of them see the same point of the hull.

    Each view but the (first) photo gets a gain and an offset per channel towards what the others show, by robust
    alternating least squares. Views that agree already, and sets that no exposure makes agree, come back untouched.

    Returns:
        The views, and the share of their disagreement that is left; None where nothing was corrected.
    """
    surface = surface_of(hull.sdf, hull.bounds[0], hull.spacing)
    if surface is None or len(views) < 3:
        return views, None
    cosines = facing(surface, [view.camera for view in views])
    pick = np.unique(np.linspace(0, len(surface.points) - 1, POINTS).astype(np.int64))
    weight = np.where(cosines[:, pick] > 0.4, cosines[:, pick], 0) * hull.trust[:, None]
    colours = np.zeros((*weight.shape, 3))
    for row, view in enumerate(views):
        colours[row], alpha = _seen(view, surface.points[pick])
        weight[row] *= alpha > 0.9
    weight[:, (weight > 0).sum(0) < 2] = 0
    prior = np.array([view.weight for view in views])
    first = next((k for k, view in enumerate(views) if view.source is Source.PHOTO), -1)
    fixed = np.arange(len(views)) == first
    gain, offset = np.ones((len(views), 3)), np.zeros((len(views), 3))
    before = _disagreement(colours, weight)
    for scale in SCALES:
        now = colours * gain[:, None] + offset[:, None]
        target = _target(now, weight * prior[:, None], scale)
        for row in np.flatnonzero(~fixed & (weight > 0).any(1)).tolist():
            gain[row], offset[row] = _fitted(colours[row], target, now[row], weight[row], scale)
    after = _disagreement(colours * gain[:, None] + offset[:, None], weight)
    if not before > 0 or after > WORTH * before:
        return views, None
    out = []
    for view, g, o in zip(views, gain, offset, strict=True):
        if (g != 1).any():
            full = None if view.full is None else _exposed(view.full, g, o)
            view = dataclasses.replace(view, rgba=_exposed(view.rgba, g, o), full=full)
        out.append(view)
    return tuple(out), round(after / before, 3)


def _exposed(rgba: np.ndarray, gain: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """A picture with other exposure."""
    rgb = np.clip(rgba[..., :3] * gain + 255 * offset + 0.5, 0, 255).astype(np.uint8)
    return np.concatenate([rgb, rgba[..., 3:]], axis=-1)


def _seen(view: View, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) colours and (N,) alpha of a reduced picture at world points."""
    import cv2

    small = resized_rgba(view.rgba, SIZE, SIZE)
    camera = view.camera.resized(SIZE, SIZE)
    place = (camera.project(points)[0] - 0.5).astype(np.float32)
    found = cv2.remap(small, place[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    return found[:, :3], found[:, 3]


def _target(colours: np.ndarray, weight: np.ndarray, scale: float) -> np.ndarray:
    """(N, 3) colour of each point that its views agree on: a mean, then once more without what is far from it."""
    for _ in range(2):
        mean = np.einsum("vn,vnc->nc", weight, colours) / np.maximum(weight.sum(0), 1e-9)[:, None]
        weight = weight / (1 + (np.abs(colours - mean).mean(-1) / scale) ** 2)
    return np.einsum("vn,vnc->nc", weight, colours) / np.maximum(weight.sum(0), 1e-9)[:, None]


def _disagreement(colours: np.ndarray, weight: np.ndarray) -> float:
    """Median distance of a view's colour from the views' common one."""
    gap = np.abs(colours - _target(colours, weight, SCALES[-1])).mean(-1)[weight > 0]
    return float(np.median(gap)) if len(gap) else 0.0


def _fitted(
    colours: np.ndarray, target: np.ndarray, now: np.ndarray, weight: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset (3,) of one view towards the target; pairs that are far apart now count less."""
    w = weight / (1 + (np.abs(now - target).mean(-1) / scale) ** 2)
    share = 0.02 * w.sum() * scale**2  # worth of the prior
    gain, offset = np.ones(3), np.zeros(3)
    for k in range(3):
        x, y = colours[:, k], target[:, k]
        system = [
            [(w * x * x).sum() + share / GAIN**2, (w * x).sum()],
            [(w * x).sum(), w.sum() + share / OFFSET**2],
        ]
        right = [(w * x * y).sum() + share / GAIN**2, (w * y).sum()]
        gain[k], offset[k] = np.linalg.solve(system, right)
    return np.clip(gain, 0.6, 1.6), np.clip(offset, -0.2, 0.2)
