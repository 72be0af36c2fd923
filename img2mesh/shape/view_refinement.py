"""Views that a model is unsure of, redrawn with what the photo and the body that it suggests say about them.

A sampler that is unsure draws the mean of what a view may look like: the right hues, soft outlines, no detail. Where
the same model also guesses the body (`core.frustum`), that body's silhouette has a say in each view's outline, and what
the photo shows of its surface is drawn where the view sees the same surface (image warping by depth, as in Chen and
Williams 1993, "View interpolation for image synthesis").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.frustum import Body
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.shape.silhouette_confidence import certainty
from img2mesh.shape.symmetry import symmetrised
from img2mesh.shape.threshold import guessed_solid

PIXELS = 96  # side of the picture in which the body is looked at; its cells are three times as large
STEPS = 80  # along each ray
GUESSED = 0.8  # the body's share of an outline where the view decides nothing
# Two opinions that agree are surer than each of them: the mixture's contrast grows by this per unit of the share.
SURER = 1.0
# World units behind what the photo sees at which a point begins to be hidden, and is hidden.
BEHIND = (0.02, 0.07)
FAINT = 0.6  # chance, of that of the inside, below which a ray meets nothing that could be drawn
EDGE = 5  # pixels at the photo's outline whose colours are mixed with the background's


@dataclass(frozen=True, eq=False)
class Seen:
    """A body from a camera, `PIXELS` square.

    Attributes:
        chance: (P, P) the best chance along each ray, that of the inside (`guessed_solid`) being 1.
        points: (P, P, 3) world points where rays enter the inside, or where they come nearest to it.
        depth: (P, P) their depths along the viewing axis, world units.
    """

    chance: np.ndarray
    points: np.ndarray
    depth: np.ndarray


def refine_views(views: ViewSet) -> ViewSet:
    """Views as a model drew them, redrawn where it also sees the body, which is made symmetric where it is.

    Sets without such a body, and those that were refined before, come back as they are.
    """
    if views.body is None or views.photo is None or any(view.certainty is not None for view in views.views):
        return views
    body = symmetrised(views.body, views.photo.mask)
    return ViewSet(tuple(redrawn(views.views, views.photo, body)), views.facts, body)


def redrawn(views: Iterable[View], photo: View, body: Body) -> list[View]:
    """The generated ones of some views with sharper outlines, and the photo's colours where both see the same.

    Figures: weights/mini/README.md.

    Args:
        photo: (H, W, 4), whose camera is the body's.
    """
    solid = guessed_solid(body, raised=1.0)  # outlines of a hull are right; only its inside is too large
    shown, result = _Shown.of(photo, look(solid, photo.camera)), []
    for view in views:
        if view.source is Source.DRAWN:
            seen, sure = look(solid, view.camera), certainty(view.mask)
            alpha = _outline(view, GUESSED * (1 - sure), seen)
            rgba = np.dstack([_coloured(view, shown, seen, body.mirror), 255 * alpha])
            view = dataclasses.replace(view, rgba=np.round(rgba).astype(np.uint8), certainty=sure)
        result.append(view)
    return result


def look(solid: Body, camera: Camera) -> Seen:
    """What a camera sees of a body whose inside has chances above 1."""
    small = camera.resized(PIXELS, PIXELS)
    v, u = np.mgrid[:PIXELS, :PIXELS] + 0.5
    origins, directions = small.rays(np.column_stack([u.ravel(), v.ravel()]))
    axial = -directions @ camera.c2w[:3, 2]  # share of a ray's length along the viewing axis
    depth = camera.distance + solid.half * np.linspace(-1, 1, STEPS)
    points = origins[:, None] + directions[:, None] * (depth / axial[:, None])[..., None]
    chance = solid.probability(points.reshape(-1, 3)).reshape(-1, STEPS)
    inside, ray = chance > 1, np.arange(len(chance))
    first = np.where(inside.any(axis=1), inside.argmax(axis=1), chance.argmax(axis=1))
    before = np.maximum(first - 1, 0)
    low, high = chance[ray, before], chance[ray, first]
    crossing = (low < 1) & (high > 1)
    share = np.where(crossing, (1 - low) / np.where(crossing, high - low, 1), 1)
    entry = depth[before] + share * (depth[first] - depth[before])
    place = origins + directions * (entry / axial)[:, None]
    square = (PIXELS, PIXELS)
    return Seen(chance.max(axis=1).reshape(square), place.reshape(*square, 3), entry.reshape(square))


def _outline(view: View, share: float, seen: Seen) -> np.ndarray:
    """(H, W) alpha in [0, 1]: the view's own mixed with a share of the body's silhouette."""
    alpha = (1 - share) * view.mask + share * np.clip(_enlarged(np.clip(seen.chance / 2, 0, 1), view), 0, 1)
    return np.clip((alpha - 0.5) * (1 + SURER * share) + 0.5, 0, 1)


@dataclass(frozen=True, eq=False)
class _Shown:
    """What every view needs of the photo.

    Attributes:
        premultiplied: (H, W, 4) float32, colours in [0, 255] times alpha, and alpha.
        within: (H, W) float32 in [0, 1], how surely a pixel's colour is the object's.
        nearest: (P, P) float32 depth of the body in front of the photo's camera, smoothed.
    """

    camera: Camera
    premultiplied: np.ndarray
    within: np.ndarray
    nearest: np.ndarray

    @classmethod
    def of(cls, photo: View, front: Seen) -> _Shown:
        import cv2

        premultiplied = np.repeat(photo.mask[..., None], 4, axis=-1)
        premultiplied[..., :3] *= photo.rgba[..., :3]
        within = cv2.GaussianBlur(cv2.erode(photo.mask, np.ones((EDGE, EDGE))), (0, 0), 1.0)
        nearest = cv2.GaussianBlur(front.depth.astype(np.float32), (0, 0), 1.0)
        return cls(photo.camera, premultiplied, within, nearest)


def _coloured(view: View, shown: _Shown, seen: Seen, mirror: Mirror | None) -> np.ndarray:
    """(H, W, 3) in [0, 255]: the view's colours, and the photo's where it sees the same points.

    Where it sees their mirror images, of an object that is symmetric, it says what colour they have too.
    """
    colour = view.rgba[..., :3].astype(np.float32)
    if mirror is not None:
        images = dataclasses.replace(seen, points=mirror.reflected(seen.points))
        taken, share = _seen_by(shown, images, mirror.reflected(view.camera.position), view)
        colour += share * (taken - colour)
    taken, share = _seen_by(shown, seen, view.camera.position, view)
    return np.clip(colour + share * (taken - colour), 0, 255)


def _seen_by(shown: _Shown, seen: Seen, eye: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray]:
    """What the photo shows of points that an eye sees: (H, W, 3) colours and (H, W, 1) how far they count, in [0, 1].

    That is the square root of the cosine between the directions from which both look at a point.
    """
    import cv2

    pixels, depth = shown.camera.project(seen.points)
    towards = [position - seen.points for position in (shown.camera.position, eye)]
    both = np.prod([np.linalg.norm(way, axis=-1) for way in towards], axis=0)
    facing = np.sqrt(np.clip((towards[0] * towards[1]).sum(axis=-1) / both, 0, 1))
    scale = PIXELS / np.array([shown.camera.width, shown.camera.height])
    u, v = (pixels * scale - 0.5).astype(np.float32).transpose(2, 0, 1)
    nearest = cv2.remap(shown.nearest, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    hidden = np.clip((depth - nearest - BEHIND[0]) / (BEHIND[1] - BEHIND[0]), 0, 1)
    known = (1 - hidden) * facing * (seen.chance > FAINT)
    known = _enlarged(cv2.GaussianBlur(known.astype(np.float32), (0, 0), 1.0), view)
    u, v = (_enlarged(pixels[..., k] - 0.5, view) for k in range(2))
    taken, share = (cv2.remap(p, u, v, cv2.INTER_LINEAR) for p in (shown.premultiplied, shown.within))
    return taken[..., :3] / np.maximum(taken[..., 3:], 1e-3), (np.clip(known, 0, 1) * share)[..., None]


def _enlarged(small: np.ndarray, view: View) -> np.ndarray:
    """(H, W) float32 from (PIXELS, PIXELS), of a view's size."""
    import cv2

    size = (view.camera.width, view.camera.height)
    return cv2.resize(small.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
