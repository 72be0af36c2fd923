"""Photos of one object, brought into one world: cameras, and a photo that does not belong is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from img2mesh.core.camera import IMAGE_SIZE, orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, View
from img2mesh.photos.colour_agreement import strange
from img2mesh.photos.evidence import Witness, box
from img2mesh.photos.photo import Photo
from img2mesh.photos.silhouette_coherence import LEAST_DEVIATION, Look, Placed, place, without
from img2mesh.shape.symmetry import symmetrised
from img2mesh.views.synthesize import seen_body

if TYPE_CHECKING:
    from img2mesh.models.occupancy import Guess
    from img2mesh.segment import Cutout

OVERHEAD_DEG = 80.0  # what a photo from above is taken from, as a rule
OVERHEAD_DEVIATION = 0.15  # radians
USUAL = (0.3, 0.25)  # radians: elevation of a photo of which nothing is known, and its deviation
MISFIT = 0.001  # world units: mean miss from which a photo of strange colours shows something else
ABROAD = 0.004  # world units: mean miss from which one of the photos may show something else
CURED = 0.4  # share of the misses that must be left without it
FEW = 3  # with fewer photos nobody can tell which one is wrong


@dataclass(frozen=True, eq=False)
class PlacedPhotos:
    """Photos in one world, whose origin is the middle of the object's box and whose unit is its longest side.

    Attributes:
        views: the photos' views, the front first.
        witnesses: their evidence, in the same order.
        facts: for the report.
        kept: numbers of these photos among those that were given.
        warnings: sentences for the user.
    """

    views: tuple[View, ...]
    witnesses: tuple[Witness, ...]
    facts: dict[str, Any]
    kept: tuple[int, ...]
    warnings: tuple[str, ...] = ()


def place_photos(
    photos: Sequence[Photo],
    cutouts: Sequence[Cutout],
    guesses: Sequence[Guess | None],
    photo_weight: float,
    progress: Progress,
) -> PlacedPhotos:
    """Find all cameras.

    Args:
        photos: of `photo.object_of`, at least two; cutouts, guesses: theirs, None where there is none.
        photo_weight: of the views.
    """
    pictures = [cutout.resized(IMAGE_SIZE) for cutout in cutouts]
    looks = [_look(*known) for known in zip(photos, pictures, guesses, strict=True)]
    with progress.stage("place photos"):
        placed = place(looks)
        kept, placed, left_out = _consistent(looks, pictures, placed)
    warnings = [
        f"The photo {photos[k].name} does not fit the others (another thing, or another side) and was left out."
        for k in left_out
    ]
    witnesses = [_witness(placed, i, pictures[k], guesses[k], photos[k]) for i, k in enumerate(kept)]
    centre, scale = box(witnesses)
    witnesses = [witness.rescaled(centre, scale) for witness in witnesses]
    views = [
        View(pictures[k], witness.camera, Source.PHOTO, photo_weight, cutouts[k].rgba)
        for k, witness in zip(kept, witnesses, strict=True)
    ]
    facts = {
        "photos": [
            {
                "name": photos[k].name,
                "azimuth_deg": round(float(np.degrees(placed.parameters[i, 1])) % 360, 1),
                "elevation_deg": round(float(np.degrees(placed.parameters[i, 0])), 1),
                "miss": round(float(placed.misses[i]), 5),
            }
            for i, k in enumerate(kept)
        ],
        "photos_left_out": [photos[k].name for k in left_out],
    }
    for sentence in warnings:
        progress.warn(sentence)
    return PlacedPhotos(tuple(views), tuple(witnesses), facts, tuple(kept), tuple(warnings))


def _look(photo: Photo, picture: np.ndarray, guess: Guess | None) -> Look:
    mask = picture[..., 3].astype(np.float32) / 255
    azimuth = float(np.radians(photo.azimuth))
    if photo.overhead:
        elevation = float(np.radians(np.clip(photo.elevation or 0.0, -OVERHEAD_DEG, OVERHEAD_DEG)))
        return Look(mask, azimuth, elevation, OVERHEAD_DEVIATION)
    elevation, deviation = USUAL
    if guess is not None:
        elevation = float(np.radians(guess.elevation_deg))
        deviation = max(float(np.radians(guess.deviation_deg)), LEAST_DEVIATION)
    if photo.elevation is not None:
        elevation, deviation = float(np.radians(photo.elevation)), 0.0
    if guess is None:
        return Look(mask, azimuth, elevation, deviation)
    return Look(mask, azimuth, elevation, deviation, guess.occupancy, guess.half)


def _consistent(
    looks: Sequence[Look], pictures: Sequence[np.ndarray], placed: Placed
) -> tuple[list[int], Placed, list[int]]:
    """Numbers of the photos that fit each other, their cameras, and the numbers of those left out.

    Outlines that fit badly tell that a photo is wrong, colours which one; where no colours are strange, the photo is
    named without which the others fit much better.
    """
    kept, left_out = list(range(len(looks))), []
    while len(kept) >= FEW and placed.misses.mean() > MISFIT:
        now = [looks[k] for k in kept]
        odd = [k for k in strange([pictures[k] for k in kept]) if k]
        if not odd and placed.misses.mean() <= ABROAD:
            break
        tried = {k: without(now, k) for k in odd or range(1, len(now))}
        best = min(tried, key=lambda k: float(tried[k].misses.mean()))
        if tried[best].misses.mean() > (1 if odd else CURED) * placed.misses.mean():
            break
        placed = tried[best]
        left_out.append(kept.pop(best))
    return kept, placed, left_out


def _witness(placed: Placed, index: int, picture: np.ndarray, guess: Guess | None, photo: Photo) -> Witness:
    """What a photo says, its guess made symmetric where it is sure to be."""
    camera = placed.camera(index, IMAGE_SIZE)
    upright = orbit_camera(float(np.degrees(placed.parameters[index, 0])), 0.0)
    body = None if photo.overhead else seen_body(guess, upright)
    occupancy = None if body is None else symmetrised(body).occupancy
    half = 1.0 if guess is None else guess.half
    mask = picture[..., 3].astype(np.float32) / 255
    return Witness.of(camera, mask, occupancy, camera.distance, half * placed.unit(index))
