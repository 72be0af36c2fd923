"""Photos of one turn of an object on a turntable: evenly spaced, from one elevation, by one camera."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from img2mesh.core.camera import IMAGE_SIZE, rescaled
from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.core.visual_hull import hull_of_views
from img2mesh.errors import Img2MeshError
from img2mesh.multiview.surface_points import facing, surface_of
from img2mesh.photos.circular_motion import place_turn
from img2mesh.photos.evidence import Witness, box
from img2mesh.photos.silhouette_coherence import Look, Placed

if TYPE_CHECKING:
    from img2mesh.segment import Cutout

FEWEST, MOST = 6, 120
USUAL, DEVIATION = 0.3, 0.3  # elevation, radians: of the camera before a turntable, as a rule
COARSE = 64  # cells of the hull on which both directions are compared
POINTS = 3000  # of its surface, by whose colours they are


def turntable_views(cutouts: Sequence[Cutout], clockwise: bool | None, progress: Progress) -> ViewSet:
    """The photos as given views.

    Args:
        cutouts: in the order of the turn, the front first.
        clockwise: how the object turns, seen from above; None: the way that outlines and colours agree best with.

    Raises:
        Img2MeshError: fewer photos than `FEWEST`, or more than `MOST`.
    """
    count = len(cutouts)
    if not FEWEST <= count <= MOST:
        raise Img2MeshError(
            f"A turntable needs {FEWEST} to {MOST} photos of one turn, not {count}; for fewer, name their sides with "
            "--back, --left, --right or --photo."
        )
    pictures = [cutout.resized(IMAGE_SIZE) for cutout in cutouts]
    windows = np.array([cutout.window for cutout in cutouts], float)
    ways = [True, False] if clockwise is None else [clockwise]
    with progress.stage("place photos"):
        looks = [_looks(pictures, way) for way in ways]
        tried = [place_turn(known, windows) for known in looks]
        sets = [_views(placed, pictures, cutouts) for placed in tried]
        doubts = [_disagreement(views, placed) for views, placed in zip(sets, tried, strict=True)]
    best = int(np.argmin(doubts))
    parameters = tried[best].parameters
    facts: dict[str, Any] = {
        "turntable": {
            "photos": count,
            "clockwise": ways[best],
            "found": clockwise is None,
            "elevation_deg": round(float(np.degrees(parameters[0, 0])), 1),
            "miss": round(float(tried[best].misses.mean()), 5),
        },
        "elevation_deg": round(float(np.degrees(parameters[0, 0])), 2),
    }
    return ViewSet(sets[best], facts)


def _looks(pictures: Sequence[np.ndarray], clockwise: bool) -> list[Look]:
    step = (2 if clockwise else -2) * np.pi / len(pictures)
    return [
        Look(picture[..., 3].astype(np.float32) / 255, step * k, USUAL, DEVIATION)
        for k, picture in enumerate(pictures)
    ]


def _views(placed: Placed, pictures: Sequence[np.ndarray], cutouts: Sequence[Cutout]) -> tuple[View, ...]:
    """In a world whose origin is the middle of the object's box and whose unit is its longest side."""
    witnesses = []
    for k, picture in enumerate(pictures):
        camera = placed.camera(k, IMAGE_SIZE)
        witnesses.append(
            Witness.of(camera, picture[..., 3].astype(np.float32) / 255, None, camera.distance, 1.0)
        )
    centre, scale = box(witnesses)
    views = []
    for picture, cutout, witness in zip(pictures, cutouts, witnesses, strict=True):
        views.append(View(picture, rescaled(witness.camera, centre, scale), Source.GIVEN, 1.0, cutout.rgba))
    return (dataclasses.replace(views[0], source=Source.PHOTO), *views[1:])


def _disagreement(views: tuple[View, ...], placed: Placed) -> float:
    """How badly outlines and colours fit: misses in hundredths of a unit, and colours in shares of their range."""
    hull = hull_of_views(ViewSet(views), COARSE)
    surface = surface_of(hull.sdf, hull.bounds[0], hull.spacing)
    if surface is None:
        return float("inf")
    chosen = np.unique(np.linspace(0, len(surface.points) - 1, POINTS).astype(np.int64))
    weight = facing(surface, [view.camera for view in views])[:, chosen]
    weight = np.where(weight > 0.4, weight, 0)
    colours = np.zeros((*weight.shape, 3))
    for row, view in enumerate(views):
        place = np.floor(view.camera.project(surface.points[chosen])[0]).astype(int)
        place = np.clip(place, 0, [view.camera.width - 1, view.camera.height - 1])
        colours[row] = view.rgba[place[:, 1], place[:, 0], :3] / 255
    total = np.maximum(weight.sum(0), 1e-9)
    mean = np.einsum("vn,vnc->nc", weight, colours) / total[:, None]
    spread = (weight * ((colours - mean) ** 2).sum(-1)).sum(0) / total
    several = (weight > 0).sum(0) >= 3
    colour = float(np.sqrt(spread[several].mean())) if several.any() else 0.0
    return float(placed.misses.mean()) * 100 + colour
