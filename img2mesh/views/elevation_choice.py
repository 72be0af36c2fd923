"""Which elevation the photo is taken to have: what a network guesses, what drawn views say, or what is usual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from img2mesh.core.camera import IMAGE_SIZE
from img2mesh.core.progress import Progress
from img2mesh.core.view import View
from img2mesh.views.photo_pose import locate_photo
from img2mesh.views.plan import HIGHEST_DEG

if TYPE_CHECKING:
    from img2mesh.models.occupancy import Guess
    from img2mesh.models.sampler import Drawn

FALLBACK_ELEVATION_DEG = 20.0  # a hand-held photo of a thing on a table; used where the estimate is a guess
LEAST_CONFIDENCE, FULL_CONFIDENCE = 0.85, 0.97  # true views give 0.99; between them both are mixed


def find_elevation(
    photo: np.ndarray, drawn: Drawn, progress: Progress, guess: Guess | None = None
) -> tuple[float, dict[str, Any]]:
    """Elevation of the photo in degrees from views of its object, and what the report says of it.

    Args:
        photo: (256, 256, 4) uint8 straight alpha; drawn: views with masks; guess: what the model makes of the photo.

    Returns:
        The guess, where there is one. Else the views' estimate where its confidence is `FULL_CONFIDENCE` (as for true
        views), drawn towards `FALLBACK_ELEVATION_DEG` the less confident it is, and that itself below
        `LEAST_CONFIDENCE`. And a dict with elevation_confidence, elevation_source, warnings.
    """
    if guess is not None:
        facts: dict[str, Any] = {
            "elevation_confidence": None,
            "elevation_source": "guessed",
            "elevation_deviation_deg": round(guess.deviation_deg, 2),
            "warnings": [],
        }
        return float(np.clip(guess.elevation_deg, -HIGHEST_DEG, HIGHEST_DEG)), facts
    with progress.stage("elevation"):
        estimate, confidence = _estimate(photo, drawn)
    facts = {
        "elevation_confidence": round(float(confidence), 3),
        "elevation_estimate_deg": round(float(estimate), 2),
        "elevation_source": "estimated",
        "warnings": [],
    }
    if confidence >= LEAST_CONFIDENCE:
        share = min((confidence - LEAST_CONFIDENCE) / (FULL_CONFIDENCE - LEAST_CONFIDENCE), 1.0)
        mixed = share * estimate + (1 - share) * FALLBACK_ELEVATION_DEG
        return float(np.clip(mixed, -HIGHEST_DEG, HIGHEST_DEG)), facts
    facts["elevation_source"] = "fallback"
    facts["warnings"].append(
        f"The photo's elevation is uncertain (confidence {confidence:.2f}); "
        f"{FALLBACK_ELEVATION_DEG:g} degrees assumed, --elevation sets it."
    )
    progress.warn(facts["warnings"][-1])
    return FALLBACK_ELEVATION_DEG, facts


def _estimate(photo: np.ndarray, drawn: Drawn) -> tuple[float, float]:
    """(elevation_deg, confidence): among absolute views the photo is located, relative ones bend to its own."""
    if drawn.absolute:
        views = [
            View(picture, camera)
            for picture, camera in zip(drawn.rgba, drawn.cameras(0.0), strict=True)
            if picture[..., 3].any()
        ]
        return locate_photo(photo, views, lambda e: drawn.photo_camera(e, IMAGE_SIZE))[:2]
    from img2mesh.views.elevation import estimate_elevation

    rgba = np.concatenate([photo[None], drawn.rgba])
    polar = np.concatenate([[0.0], -drawn.directions[:, 0]])
    azimuth = np.concatenate([[0.0], drawn.directions[:, 1]])
    return estimate_elevation(rgba, polar, azimuth, drawn.distance, drawn.fov_deg)
