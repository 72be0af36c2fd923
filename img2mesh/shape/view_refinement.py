"""Outlines of views that a model is unsure of, redrawn with the body that the photo suggests.

A sampler that is unsure draws the mean of what a view may look like: the right hues, soft outlines, no detail. Where
the same model also guesses the body (`core.frustum`), that body's silhouette has a say in each view's outline.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.frustum import Body
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.shape.symmetry import symmetrised, symmetry_facts
from img2mesh.shape.threshold import guessed_solid
from img2mesh.views.silhouette_confidence import certainty

PIXELS = 96  # side of the picture in which the body is looked at; its cells are three times as large
STEPS = 80  # along each ray
GUESSED = 0.8  # the body's share of an outline where the view decides nothing
# Two opinions that agree are surer than each of them: the mixture's contrast grows by this per unit of the share.
SURER = 1.0


def refine_views(views: ViewSet, symmetry: str = "auto") -> ViewSet:
    """Views as a model drew them, redrawn where it also sees the body, which is made symmetric where it is.

    Sets without such a body, and those that were refined before, come back as they are.

    Args:
        symmetry: `Settings.symmetry`.
    """
    if views.body is None or views.photo is None or any(view.certainty is not None for view in views.views):
        return views
    body = symmetrised(views.body, symmetry)
    facts = {**views.facts, "symmetry": symmetry_facts(body, symmetry)}
    return ViewSet(tuple(redrawn(views.views, body)), facts, body)


def redrawn(views: Iterable[View], body: Body) -> list[View]:
    """The generated ones of some views with sharper outlines; figures: weights/mini/README.md."""
    solid = guessed_solid(body)
    result = []
    for view in views:
        if view.source is Source.DRAWN:
            seen, sure = look(solid, view.camera), certainty(view.mask)
            alpha = _outline(view, GUESSED * (1 - sure), seen)
            rgba = np.dstack([view.rgba[..., :3], 255 * alpha])
            view = dataclasses.replace(view, rgba=np.round(rgba).astype(np.uint8), certainty=sure)
        result.append(view)
    return result


def look(solid: Body, camera: Camera) -> np.ndarray:
    """(P, P) the best chance along each ray of a camera, `PIXELS` square, the inside's being above 1."""
    small = camera.resized(PIXELS, PIXELS)
    v, u = np.mgrid[:PIXELS, :PIXELS] + 0.5
    origins, directions = small.rays(np.column_stack([u.ravel(), v.ravel()]))
    axial = -directions @ camera.c2w[:3, 2]  # share of a ray's length along the viewing axis
    depth = camera.distance + solid.half * np.linspace(-1, 1, STEPS)
    chance = solid.along(origins, directions, depth / axial[:, None])
    return chance.max(axis=1).reshape(PIXELS, PIXELS)


def _outline(view: View, share: float, seen: np.ndarray) -> np.ndarray:
    """(H, W) alpha in [0, 1]: the view's own mixed with a share of the body's silhouette, `look`."""
    alpha = (1 - share) * view.mask + share * np.clip(_enlarged(np.clip(seen / 2, 0, 1), view), 0, 1)
    return np.clip((alpha - 0.5) * (1 + SURER * share) + 0.5, 0, 1)


def _enlarged(small: np.ndarray, view: View) -> np.ndarray:
    """(H, W) float32 from (PIXELS, PIXELS), of a view's size."""
    import cv2

    size = (view.camera.width, view.camera.height)
    return cv2.resize(small.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
