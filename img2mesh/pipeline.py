"""The program at a glance: photo -> cutout -> views -> shape -> mesh. The command line is a shell over it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from img2mesh.core.device import own_random_state
from img2mesh.core.progress import Progress
from img2mesh.core.view import ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings
from img2mesh.stages import Result, Stages

if TYPE_CHECKING:
    from img2mesh.models.sampler import Sampler
    from img2mesh.segment.read import Source


@own_random_state()
def image_to_mesh(
    photo: Source,
    settings: Settings | None = None,
    *,
    keep: str | Path | None = None,
    progress: Progress | None = None,
    model: Sampler | None = None,
) -> Result:
    """One photo of an object to a textured mesh.

    Args:
        photo: a path, bytes, an open binary file, a Pillow picture or an array (`img2mesh.segment.read_photo`).
        settings: default: the preset `standard`.
        keep: folder for every stage's product: cutout.png, views/, field.npz, mesh.glb, sources.png.
        progress: listener; silent by default.
        model: a model loaded before, to be used again; default: the one the settings name.

    Raises:
        Img2MeshError: bad input, in one sentence.
    """
    stages = Stages(settings, progress, keep)
    stages.check_kept(photo)
    cutout = stages.segment(photo)
    model = stages.load(model)
    stages.predict(model)
    views = stages.refine(stages.draw(cutout, model))
    del model  # its memory serves the field, unless the caller holds it too
    shape = stages.shape_from_photo(views)
    mesh = stages.mesh(shape)
    return stages.result(mesh, shape, cutout)


@own_random_state()
def synthesize_views(
    photo: Source,
    settings: Settings | None = None,
    *,
    directions: Sequence[tuple[float | None, float]] | None = None,
    keep: str | Path | None = None,
    progress: Progress | None = None,
    model: Sampler | None = None,
) -> ViewSet:
    """The photo and views of its object from other cameras, the photo first.

    Args:
        directions: (elevation or None for the photo's own, azimuth) in degrees of each view; default: the
            plan of the main job. `img2mesh.views.orbit.ring_directions` makes whole rings.
        Others: as for `image_to_mesh`.
    """
    stages = Stages(settings, progress, keep)
    cutout = stages.segment(photo)
    model = stages.load(model)
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
    shape = stages.shape_from_photo(stages.refine(views)) if views.drawn else stages.shape_from_views(views)
    mesh = stages.mesh(shape)
    return stages.result(mesh, shape)
