"""Views of the sides that no photo shows, each drawn from the photo nearest to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from img2mesh.core.camera import Camera, orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.photos.evidence import Witness
from img2mesh.settings import Settings
from img2mesh.views.plan import angle_weights, view_offsets, within_poles
from img2mesh.views.synthesize import SMALLEST_MASK, model_facts, sample_views

if TYPE_CHECKING:
    from img2mesh.models.sampler import Sampler
    from img2mesh.photos.place import PlacedPhotos
    from img2mesh.segment import Cutout

SEEN_DEG = 50.0  # angle from a photo's direction within which it shows the object itself


def draw_unseen(
    placed: PlacedPhotos, cutouts: Sequence[Cutout], model: Sampler, settings: Settings, progress: Progress
) -> ViewSet:
    """The photos, and what a sampler draws from the directions of the main job's plan that none of them covers.

    A model that always draws the same views draws none: it would draw them anew for every photo.

    Args:
        cutouts: of the placed photos, in their order.
    """
    drawn = _drawn(placed.views, placed.witnesses, cutouts, model, settings, progress)
    facts = {**model_facts(model, settings), **placed.facts, "warnings": list(placed.warnings)}
    facts["elevation_deg"] = placed.facts["photos"][0]["elevation_deg"]
    return ViewSet((*placed.views, *drawn), facts)


def _drawn(
    views: Sequence[View],
    witnesses: Sequence[Witness],
    cutouts: Sequence[Cutout],
    model: Sampler,
    settings: Settings,
    progress: Progress,
) -> list[View]:
    if getattr(model, "fixed_views", 0):
        return []
    photos = [k for k, witness in enumerate(witnesses) if witness.occupancy is not None] or [0]
    towards = np.stack([_direction(view.camera) for view in views])
    plan = within_poles(view_offsets(settings), _angles(views[0].camera)[0], model.lowest_deg)
    plan += np.array([_angles(views[0].camera)[0], 0.0])
    wanted: dict[int, list[np.ndarray]] = {}
    for elevation, azimuth in plan:
        direction = _direction(orbit_camera(elevation, azimuth))
        if (towards @ direction).max() < np.cos(np.radians(SEEN_DEG)):
            nearest = max(photos, key=lambda k: float(towards[k] @ direction))
            wanted.setdefault(nearest, []).append(np.array([elevation, azimuth]))
    drawn: list[View] = []
    total = sum(len(directions) for directions in wanted.values())
    with progress.stage("views", settings.steps * total) as step:
        for k, directions in wanted.items():
            elevation, azimuth = _angles(views[k].camera)
            offsets = np.stack(directions) - [elevation, azimuth]
            picture = cutouts[k].resized(model.input_size)
            found = sample_views(picture, model, settings, offsets, elevation, settings.seed + k, step)
            for rgba, (up, round_) in zip(found.rgba, directions, strict=True):
                if rgba[..., 3].mean() / 255 >= SMALLEST_MASK:
                    camera = _standing(up, round_, views[k].camera, witnesses[k], found.distance, len(rgba))
                    drawn.append(View(rgba, camera, Source.DRAWN))
    weights = angle_weights([view.camera for view in drawn], views[0].camera)
    return [dataclasses.replace(v, weight=float(w)) for v, w in zip(drawn, weights, strict=True)]


def _angles(camera: Camera) -> tuple[float, float]:
    """Elevation and azimuth in degrees of the direction against which a camera looks."""
    x, y, z = camera.c2w[:3, 2]
    return float(np.degrees(np.arctan2(z, np.hypot(x, y)))), float(np.degrees(np.arctan2(y, x)))


def _direction(camera: Camera) -> np.ndarray:
    return camera.c2w[:3, 2]


def _standing(
    elevation: float, azimuth: float, photo: Camera, witness: Witness, distance: float, side: int
) -> Camera:
    """The camera of a view drawn of a photo: about the middle of its frame, and as large."""
    from img2mesh.models.occupancy import HALF

    unit = witness.reach / HALF
    origin, ray = photo.rays(np.array([photo.width / 2, photo.height / 2]))
    middle = origin + ray / -(ray @ photo.c2w[:3, 2]) * witness.middle
    camera = orbit_camera(elevation, azimuth, distance * unit, size=side)
    c2w = camera.c2w.copy()
    c2w[:3, 3] += middle
    return dataclasses.replace(camera, c2w=c2w)
