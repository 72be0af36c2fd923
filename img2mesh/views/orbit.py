"""Views from directions of the caller's choice: `img2mesh views`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from img2mesh.core.camera import IMAGE_SIZE, Camera, orbit_camera, ring_azimuths
from img2mesh.core.files import atomic_folder
from img2mesh.core.images import contact_sheet, save_png, write_animation
from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings, parse_elevation
from img2mesh.views.elevation_choice import find_elevation
from img2mesh.views.plan import HIGHEST_DEG
from img2mesh.views.synthesize import (
    assembled,
    model_facts,
    other_seed,
    photo_camera,
    sample_views,
    without_effect,
)
from img2mesh.views.transforms import save_views

if TYPE_CHECKING:
    from img2mesh.models.sampler import Sampler
    from img2mesh.segment import Cutout

# Offsets of views that serve the elevation's estimate only, where the caller wants no full ring.
_PROBE = np.array(
    [[0, 45], [35, 90], [0, 135], [-30, 180], [0, 225], [35, 270], [0, 315], [-30, 0]], dtype=np.float64
)


def ring_directions(
    n: int, elevations_deg: tuple[float, ...] | None = None
) -> list[tuple[float | None, float]]:
    """(elevation, azimuth) in degrees of n views, dealt out to rings at absolute elevations.

    Without elevations it is one ring at the photo's own, written None. Each ring begins at azimuth 0.
    """
    if n < 1:
        raise Img2MeshError(f"The number of views must be at least 1, not {n}.")
    rings = list(dict.fromkeys(elevations_deg)) if elevations_deg else [None]
    if n < len(rings):
        raise Img2MeshError(f"{n} views cannot fill {len(rings)} rings; raise --n.")
    parts = np.array_split(np.arange(n), len(rings))
    return [(e, float(a)) for e, part in zip(rings, parts, strict=True) for a in ring_azimuths(len(part))]


def ring_cameras(views: ViewSet, directions: Sequence[tuple[float | None, float]], size: int) -> list[Camera]:
    """Cameras like those of some drawn views, at other directions.

    Args:
        views: the photo, whose elevation stands for None, and at least one drawn view.
        directions: (elevation or None, azimuth), degrees.
    """
    photo, like = views.views[0].camera, views.views[-1].camera
    fov_deg = float(np.degrees(2 * np.arctan(like.width / (2 * like.fl_x))))
    return [
        orbit_camera(photo.elevation_deg if e is None else e, a, like.distance, fov_deg, size)
        for e, a in directions
    ]


def views_to_draw(directions: list, settings: Settings, model: Sampler) -> int:
    """How many views `synthesize_at` has the model draw, those that only tell the photo's elevation included."""
    fixed = getattr(model, "fixed_views", 0)
    if fixed:
        return fixed
    known = parse_elevation(settings.elevation) is not None
    return len(directions) + (0 if known or _tell_elevation(directions) else len(_PROBE))


def _tell_elevation(directions: list) -> bool:
    return len(directions) >= len(_PROBE) and all(elevation is None for elevation, _ in directions)


def synthesize_at(
    cutout: Cutout,
    model: Sampler,
    directions: list[tuple[float | None, float]],
    settings: Settings,
    progress: Progress,
) -> ViewSet:
    """The photo and one synthesized view for each direction, in that order.

    A model that always draws the same views draws those, whatever is asked for, and a warning says so.

    Args:
        directions: (absolute elevation or None for the photo's own, azimuth), degrees.
    """
    if not directions:
        raise Img2MeshError("No directions to synthesize.")
    settings = settings.for_model(model)
    photo, shown = cutout.resized(IMAGE_SIZE), cutout.resized(model.input_size)
    known = parse_elevation(settings.elevation)
    facts: dict = {"elevation_confidence": None, "elevation_source": "given", "warnings": []}
    guess = model.guess(photo)
    fixed = getattr(model, "fixed_views", 0)
    if fixed:
        directions = [(None, 0.0)] * fixed  # placeholders: what is drawn has directions of its own
    reused = fixed > 0 or _tell_elevation(directions)
    with progress.stage("views", settings.steps * views_to_draw(directions, settings, model)) as step:
        if known is not None:
            elevation = known
        elif reused:
            # The sampler does not need the elevation: the views themselves tell it.
            offsets = np.array([[0.0, azimuth] for _, azimuth in directions])
            drawn = sample_views(shown, model, settings, offsets, None, settings.seed, step)
            elevation, facts = find_elevation(photo, drawn, progress, guess)
        else:
            probe = sample_views(shown, model, settings, _PROBE, None, other_seed(settings.seed), step)
            elevation, facts = find_elevation(photo, probe, progress, guess)
        elevation = float(np.clip(elevation, -HIGHEST_DEG, HIGHEST_DEG))
        if known is not None or not reused:
            offsets = np.array([[0.0 if e is None else e - elevation, a] for e, a in directions])
            drawn = sample_views(shown, model, settings, offsets, elevation, settings.seed, step)
    if fixed:
        facts["warnings"].append(f"{model.name} always draws the same {fixed} views: no others can be had.")
        progress.warn(facts["warnings"][-1])
    facts["warnings"] += without_effect(drawn, model, settings, progress)
    facts["agreement"] = list(drawn.meetings)
    cameras = drawn.cameras(elevation)
    seeing = [View(picture, place, Source.DRAWN) for picture, place in zip(drawn.rgba, cameras, strict=True)]
    camera = drawn.photo_camera(elevation, IMAGE_SIZE)
    if drawn.absolute:
        camera, frame = photo_camera(photo, drawn, elevation, seeing)
        facts.update(frame)
    front = View(photo, camera, Source.PHOTO, settings.photo_weight, cutout.rgba)
    facts.update(elevation_deg=elevation, **model_facts(model, settings))
    return assembled(front, seeing, facts, guess)


def write_ring(
    viewset: ViewSet, folder: str | Path, animation: str | None = "gif", fps: float = 12.0
) -> None:
    """Write the views, `transforms.json`, `contact.png` and, unless None, `orbit.gif` or `orbit.mp4`.

    The orbit runs through the synthesized views ring by ring, in the order of their azimuths. The folder
    appears whole or not at all.
    """
    shown = [view for view in viewset.views if view.source is not Source.PHOTO]
    with atomic_folder(folder) as target:
        save_views(viewset, target)
        labels = [f"a {v.camera.azimuth_deg % 360:.0f} e {v.camera.elevation_deg:.0f}" for v in shown]
        pictures, titles = [view.rgba for view in shown], labels
        if viewset.photo is not None:
            pictures, titles = [viewset.photo.rgba, *pictures], ["photo", *labels]
        save_png(contact_sheet(pictures, labels=titles), target / "contact.png")
        if animation is not None:
            write_animation([view.rgba for view in shown], target / f"orbit.{animation}", fps)
