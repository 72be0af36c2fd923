"""From the cutout to a set of views: what the main job asks of the sampler."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from img2mesh.core.camera import IMAGE_SIZE, turned
from img2mesh.core.frustum import Body
from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings, parse_elevation
from img2mesh.views.chroma_key import cut_from_colour
from img2mesh.views.elevation_choice import FALLBACK_ELEVATION_DEG, find_elevation
from img2mesh.views.photo_frame import align_photo
from img2mesh.views.photo_pose import locate_photo
from img2mesh.views.picture_detail import sharp
from img2mesh.views.plan import HIGHEST_DEG, angle_weights, view_offsets, within_poles

if TYPE_CHECKING:
    from img2mesh.core.camera import Camera
    from img2mesh.models.occupancy import Guess
    from img2mesh.models.sampler import Drawn, Sampler
    from img2mesh.segment import Cutout

# Where the photo's elevation is known better than the model guesses it, the guess is wrong about what is upright: it
# is turned by this share of the difference, about the photo's horizontal axis. Over 34 held-out scans, whose elevation
# of 30 degrees is told, the meshes' mean IoU rises from 0.441 to 0.447 (front), the shapes' before the fit, from two
# more sides, from 0.423 to 0.425.
TILT = 0.5
PROBES = 4  # views that are drawn first where the others may not be worth it
FEWEST = 3  # views that can be made to agree: two outlines contradict each other hardly ever
SMALLEST_MASK = 0.002  # share of the frame below which a view shows nothing


def generate_views(
    cutout: Cutout, model: Sampler, settings: Settings, progress: Progress, sparing: bool = False
) -> ViewSet:
    """The photo and `settings.views` synthesized views around it (or those the model always draws), the photo first.

    The sampler does not need the input's elevation, so with `elevation = auto` the views are synthesized
    first and the elevation is estimated from them: over true renders of 17 objects, 18 views on three rings miss
    it by 0.9 degrees on average, the six of the input's own ring by 3.0. Only views that would then have to
    stand beyond a pole are synthesized again, nearer.

    Args:
        sparing: where the model tells the solid from the photo, draw `PROBES` of the views first, and the others only
            if they are sharp: of blurred ones no mesh is made.

    Raises:
        Img2MeshError: not a single synthesized view shows an object.
    """
    settings = settings.for_model(model)
    photo, shown = cutout.resized(IMAGE_SIZE), cutout.resized(model.input_size)
    known = parse_elevation(settings.elevation)
    guess = model.guess(photo)
    likely = FALLBACK_ELEVATION_DEG if guess is None else guess.elevation_deg
    elevation = float(np.clip(likely if known is None else known, -HIGHEST_DEG, HIGHEST_DEG))
    offsets = within_poles(view_offsets(settings), elevation, model.lowest_deg)
    facts: dict = {"elevation_confidence": None, "elevation_source": "given"}
    with progress.stage("views", settings.steps * settings.views) as step:

        def draw(chosen: np.ndarray, seed: int) -> Drawn:
            sure = None if known is None else elevation
            likely_deg = elevation if guess is not None else None
            return sample_views(shown, model, settings, chosen, sure, seed, step, likely_deg)

        if sparing and guess is not None and not model.fixed_views:
            drawn = _drawn_if_sharp(draw, photo, offsets, settings.seed, progress)
        else:
            drawn = draw(offsets, settings.seed)
        if known is None:
            elevation, facts = find_elevation(photo, drawn, progress, guess)
            beyond = np.abs(drawn.elevations(elevation)) > HIGHEST_DEG + 1e-6
            if beyond.any():
                seed, nearer = other_seed(settings.seed), within_poles(drawn.directions, elevation)
                again = sample_views(shown, model, settings, nearer[beyond], elevation, seed)
                drawn.rgba[beyond] = again.rgba
                drawn = dataclasses.replace(drawn, directions=nearer)
    seeing = [
        View(picture, camera, Source.DRAWN)
        for picture, camera in zip(drawn.rgba, drawn.cameras(elevation), strict=True)
        if picture[..., 3].mean() / 255 >= SMALLEST_MASK
    ]
    if not seeing:
        raise Img2MeshError(
            "The model synthesized no view that shows an object; try another --seed or --model."
        )
    warnings = list(facts.pop("warnings", []))
    empty = len(drawn.rgba) - len(seeing)
    if empty:
        warnings.append(f"{empty} of {len(drawn.rgba)} synthesized views show nothing and were left out.")
        progress.warn(warnings[-1])
    warnings += without_effect(drawn, model, settings, progress)
    camera, frame = photo_camera(photo, drawn, elevation, seeing, guess)
    front = View(photo, camera, Source.PHOTO, settings.photo_weight, cutout.rgba)
    facts.update(
        elevation_deg=elevation,
        **model_facts(model, settings),
        planned=len(drawn.rgba) if model.fixed_views else len(offsets),
        agreement=list(drawn.meetings),
        empty_views=empty,
        mask_area_mean=float(np.mean([view.mask.mean() for view in seeing])),
        mask_area_photo=float(front.mask.mean()),
        **frame,
        warnings=warnings,
    )
    return assembled(front, seeing, facts, guess)


def probes(count: int) -> np.ndarray:
    """(count,) bool: the views that are drawn first, at most `PROBES`, evenly spread over the plan."""
    return np.arange(count) % max(1, -(-count // PROBES)) == 0


def _drawn_if_sharp(
    draw: Callable[[np.ndarray, int], Drawn],
    photo: np.ndarray,
    offsets: np.ndarray,
    seed: int,
    progress: Progress,
) -> Drawn:
    """Some of the views, and the others too where those are sharp."""
    first = probes(len(offsets))
    drawn = draw(offsets[first], seed)
    seen = zip(drawn.rgba, drawn.cameras(0.0), strict=True)
    front = View(photo, drawn.photo_camera(0.0, len(photo)), Source.PHOTO)
    if not sharp([front, *(View(picture, camera, Source.DRAWN) for picture, camera in seen)]):
        progress.note(
            f"{first.sum()} of {len(first)} views drawn: they are so blurred that the mesh is made without them"
        )
        return drawn
    more = draw(offsets[~first], other_seed(seed))
    return dataclasses.replace(
        drawn,
        rgba=np.concatenate([drawn.rgba, more.rgba]),
        directions=np.concatenate([drawn.directions, more.directions]),
    )


def without_effect(drawn: Drawn, model: Sampler, settings: Settings, progress: Progress) -> list[str]:
    """A warning, said and returned, where `settings.consistency` asks for what did not happen."""
    if not settings.consistency or drawn.meetings:
        return []
    why = f"it needs {FEWEST} denoising steps and views or more, not {settings.steps} and {len(drawn.rgba)}"
    if model.fixed_views:
        why = f"{model.name} draws its views as one picture"
    progress.warn(f"--consistency had no effect: {why}.")
    return [f"--consistency had no effect: {why}."]


def assembled(front: View, drawn: list[View], facts: dict[str, Any], guess: Guess | None) -> ViewSet:
    """The photo and the views drawn of it, each as far as it is to be trusted, and the body that the model sees."""
    weights = angle_weights([view.camera for view in drawn], front.camera)
    views = [dataclasses.replace(v, weight=float(w)) for v, w in zip(drawn, weights, strict=True)]
    return ViewSet((front, *views), facts, seen_body(guess, front.camera))


def seen_body(guess: Guess | None, camera: Camera) -> Body | None:
    """What a model sees of the body, behind the photo's camera; it stands as upright as it says, by half (`TILT`)."""
    if guess is None:
        return None
    tilt = TILT * (guess.elevation_deg - camera.elevation_deg)
    return Body(guess.occupancy, turned(camera, tilt, 0.0), guess.half, symmetry=guess.symmetry)


def model_facts(model: Sampler, settings: Settings) -> dict:
    """What the report says of the sampler; stored weights may be averaged over training (EMA) or the last ones."""
    return {
        "model": model.name,
        "licence": model.licence,
        "weights": getattr(model, "weights", ""),
        "variant": getattr(model, "variant", ""),
        "precision": str(model.dtype).removeprefix("torch."),
        "model_warnings": list(getattr(model, "warnings", ())),
        "seed": settings.seed,
    }


def sample_views(
    photo: np.ndarray,
    model: Sampler,
    settings: Settings,
    offsets: np.ndarray,
    input_elevation_deg: float | None,
    seed: int,
    step: Callable[..., None] | None = None,
    likely_deg: float | None = None,
) -> Drawn:
    """Pictures of the object from directions relative to the photo's, or from the model's own.

    Args:
        photo: (S, S, 4) uint8 straight alpha, S best the model's `input_size`.
        offsets: (n, 2) degrees: elevation minus the input's, azimuth.
        input_elevation_deg: of the photo, or None where it is not known yet; only the models whose fourth pose
            element is the absolute polar angle use it.
        likely_deg: what the model takes it for; `settings.consistency` finds it in the views where neither is known.

    Returns:
        What was drawn, always with masks: the model's own, else from the distance to the background.
    """
    assumed = FALLBACK_ELEVATION_DEG if input_elevation_deg is None else input_elevation_deg
    special: dict[str, Any] = {} if settings.parity == "off" else {"parity": settings.parity}
    agreement = None
    if settings.consistency and not model.fixed_views and len(offsets) >= FEWEST:
        from img2mesh.models.sampler import Drawn
        from img2mesh.views.agreement import ViewAgreement

        def found(small: np.ndarray, rgba: np.ndarray) -> float:
            predicted = Drawn(rgba, offsets, False, model.distance, model.fov_deg)
            return find_elevation(small, predicted, Progress())[0]

        near = likely_deg if input_elevation_deg is None else input_elevation_deg
        strength, start = settings.consistency, settings.consistency_start
        agreement = ViewAgreement(
            photo, offsets, found if near is None else near, model.distance, model.fov_deg, strength, start
        )
        special["agreement"] = agreement
    if settings.solver_name is not None:
        special["solver"] = settings.solver_name
    drawn = model.draw(
        photo,
        offsets,
        steps=settings.steps,
        guidance=settings.guidance,
        seed=seed,
        batch=settings.batch,
        input_elevation_deg=assumed,
        step=step,
        **special,
    )
    if agreement is not None:
        drawn = dataclasses.replace(drawn, meetings=tuple(agreement.facts))
    if drawn.background is None:
        return drawn
    cut = [cut_from_colour(picture[..., :3], drawn.background) for picture in drawn.rgba]
    return dataclasses.replace(drawn, rgba=np.stack(cut), background=None)


def photo_camera(
    photo: np.ndarray, drawn: Drawn, elevation_deg: float, views: list[View], guess: Guess | None = None
) -> tuple[Camera, dict]:
    """The photo's camera among its views, and how its frame was changed, for the report.

    Where the model guesses the body, that stands in the photo's frame as it is, and the views are too blurred to say
    better: moving the frame by them took the mean IoU of 34 held-out scans from 0.419 to 0.368.
    """
    camera = drawn.photo_camera(elevation_deg, IMAGE_SIZE)
    if guess is not None:
        return camera, {}
    if not drawn.absolute:
        return align_photo(camera, photo[..., 3].astype(np.float32) / 255, views)
    _, _, placed, agreement = locate_photo(photo, views, lambda _: camera, elevation_deg)
    facts = {
        "photo_agreement": round(agreement, 3),
        "photo_scale": round(camera.fl_x / placed.fl_x, 4),
        "photo_shift": [round(float(camera.cx - placed.cx), 2), round(float(camera.cy - placed.cy), 2)],
    }
    return placed, facts


def other_seed(seed: int) -> int:
    """A second seed for a second call of the sampler, which numbers its noise from view 0 again."""
    return (seed + 0x9E3779B9) % 2**32
