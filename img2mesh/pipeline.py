"""The program at a glance: photo -> cutout -> views -> shape -> mesh. The command line is a shell over it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from img2mesh.core.device import own_random_state
from img2mesh.core.preload import preloaded
from img2mesh.core.progress import Progress
from img2mesh.core.view import ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.photos.photo import Photo, object_of
from img2mesh.result import Result
from img2mesh.settings import Settings
from img2mesh.stages import Stages

if TYPE_CHECKING:
    from img2mesh.models.sampler import Sampler
    from img2mesh.segment import Cutout
    from img2mesh.segment.read import Source

# What shape and mesh need takes a second to import, and nothing of it is needed before.
STAGES_TO_COME = ("trimesh", "skimage.measure", "fast_simplification", "xatlas", "manifold3d")


@own_random_state()
def image_to_mesh(
    photo: Source | Sequence[Photo],
    settings: Settings | None = None,
    *,
    keep: str | Path | None = None,
    progress: Progress | None = None,
    model: Sampler | None = None,
) -> Result:
    """One photo of an object, or several of its sides, to a textured mesh.

    Args:
        photo: a path, bytes, an open binary file, a Pillow picture or an array (`img2mesh.segment.read_photo`); or
            several `Photo`, each with its rough direction.
        settings: default: the preset `standard`.
        keep: folder for every stage's product: cutout.png, views/, field.npz, mesh.glb, sources.png.
        progress: listener; silent by default.
        model: a model loaded before, to be used again; default: the one the settings name.

    Raises:
        Img2MeshError: bad input, in one sentence.
    """
    stages = Stages(settings, progress, keep)
    if isinstance(photo, Sequence) and not isinstance(photo, (str, bytes)):
        return _photos_to_mesh(list(photo), stages, model)
    stages.check_kept(photo)
    cutout = stages.segment(photo)
    with preloaded(*STAGES_TO_COME):
        model = stages.load(model)
        stages.predict(model)
        views = stages.refine(stages.draw(cutout, model))
    del model  # its memory serves the field, unless the caller holds it too
    shape = stages.shape_from_photo(views)
    mesh = stages.mesh(shape)
    return stages.result(mesh, shape, cutout)


def _photos_to_mesh(photos: list[Photo], stages: Stages, model: Sampler | None) -> Result:
    """Photos of several sides: each is cut out and placed, the sampler draws what none of them shows."""
    photos = object_of(photos)
    if len(photos) == 1:
        stages.settings = photos[0].told(stages.settings)
        return image_to_mesh(
            photos[0].source, stages.settings, keep=stages.keep, progress=stages.progress, model=model
        )
    cutouts = _cutouts([photo.source for photo in photos], stages)
    model = stages.load(model)
    placed = stages.place(photos, cutouts, model)
    views = stages.draw_unseen(placed, cutouts, model)
    del model
    shape = stages.shape_from_photos(views, placed)
    mesh = stages.mesh(shape)
    return stages.result(mesh, shape, cutouts[0])


def _cutouts(photos: Sequence[Source], stages: Stages) -> list[Cutout]:
    """The object of each photo; first it is made sure that none is where a stage's product goes."""
    for photo in photos:
        stages.check_kept(photo)
    return [stages.segment(photo) for photo in photos]


@own_random_state()
def turntable_to_mesh(
    photos: Sequence[Source],
    settings: Settings | None = None,
    *,
    clockwise: bool | None = None,
    keep: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Photos of one turn of an object, evenly spaced and in order, to a textured mesh; no sampler is needed.

    Args:
        photos: 6 to 120, the front first.
        clockwise: how the object turns, seen from above; None: found from the photos.

    Raises:
        Img2MeshError: bad input, in one sentence.
    """
    stages = Stages(settings, progress, keep)
    cutouts = _cutouts(photos, stages)
    shape = stages.shape_from_views(stages.place_turn(cutouts, clockwise))
    return stages.result(stages.mesh(shape), shape, cutouts[0])


@own_random_state()
def scan_to_mesh(
    photos: Sequence[Source],
    settings: Settings | None = None,
    *,
    keep: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Hand-held photos of an object that stands still, from all round, to a textured mesh; no sampler is needed.

    Where they were taken from is found by COLMAP (the extra [colmap]).

    Args:
        photos: 8 or more, better 20, in the order in which they were taken; the first shows the front.

    Raises:
        Img2MeshError: bad input, too few photos that can be placed, or pycolmap is missing, in one sentence.
    """
    from img2mesh.photos.structure_from_motion import check_scan

    check_scan(len(photos))
    stages = Stages(settings, progress, keep)
    cutouts = _cutouts(photos, stages)
    shape = stages.shape_from_views(stages.place_scan(photos, cutouts))
    return stages.result(stages.mesh(shape), shape, cutouts[0])


@own_random_state()
def synthesize_views(
    photo: Source,
    settings: Settings | None = None,
    *,
    directions: Sequence[tuple[float | None, float]] | None = None,
    rendered: bool | None = None,
    size: int = 256,
    keep: str | Path | None = None,
    progress: Progress | None = None,
    model: Sampler | None = None,
) -> ViewSet:
    """The photo and views of its object from other cameras, the photo first.

    Args:
        directions: (elevation or None for the photo's own, azimuth) in degrees of each view; default: the
            plan of the main job. `img2mesh.views.orbit.ring_directions` makes whole rings.
        rendered: True: pictures of the reconstructed, textured shape; False: the sampler's own drawings; None:
            renders where directions are given and the model, which also tells the body from the photo, is unsure of
            what it draws (`img2mesh.views.picture_detail.sharp`), else drawings.
        size: side of rendered pictures in pixels; drawings have the sampler's own.
        Others: as for `image_to_mesh`.
    """
    stages = Stages(settings, progress, keep)
    cutout = stages.segment(photo)
    model = stages.load(model)
    wanted = rendered if directions is None or rendered is not None else stages.sees_body(model)
    if wanted:
        stages.predict(model)
        views = stages.refine(stages.draw(cutout, model))
        if rendered or not stages.sharp(views):
            mesh = stages.mesh(stages.shape_from_photo(views))
            return stages.render(mesh, views, directions, size)
    else:
        stages.predict_views(model, directions)
    return stages.refine(stages.draw(cutout, model, directions))


@own_random_state()
def reconstruct(
    source: str | Path | ViewSet,
    settings: Settings | None = None,
    *,
    keep: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Views at known cameras to a textured mesh.

    Args:
        source: a folder with a transforms.json (`img2mesh.views.load_views`), or views in memory.

    Raises:
        Img2MeshError: bad input, in one sentence.
    """
    stages = Stages(settings, progress, keep)
    views = source if isinstance(source, ViewSet) else stages.load_views(source)
    if not views.views:
        raise Img2MeshError("There are no views to reconstruct from.")
    guessed = views.drawn and (views.photo is not None or views.body is not None)
    shape = stages.shape_from_photo(stages.refine(views)) if guessed else stages.shape_from_views(views)
    mesh = stages.mesh(shape)
    return stages.result(mesh, shape)
