"""One photo in, one cutout out: who finds the object, and what happens when they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.segment import models
from img2mesh.segment.checks import keep_object
from img2mesh.segment.cutout import Cutout, recentre
from img2mesh.segment.edges import clean_colours, soft_edge
from img2mesh.segment.openings import open_mask
from img2mesh.segment.outline import outline_doubts
from img2mesh.segment.plain import plain_mask
from img2mesh.segment.read import Photo, read_photo
from img2mesh.settings import Settings


def segment_photo(photo: str | Path | Image.Image, settings: Settings, progress: Progress) -> Cutout:
    """Cut the object out of a photo and recentre it.

    Who finds it, with `settings.segmenter`:
        auto: the photo's alpha channel if it is meaningful (`read.meaningful_alpha`); else the first of
            `models.MODELS` found on this machine; else u2net, downloaded, unless `settings.offline`; else `plain`.
        alpha, plain, or a name of `models.segmentation_models()`: that one and no other.

    Deterministic: the same photo and settings give the same bytes on one machine.

    Raises:
        Img2MeshError: the photo cannot be read, no object is found, or the segmenter asked for is unknown or
            cannot be had.
    """
    with progress.stage("segment"):
        image = read_photo(photo)
        alpha, method, said = _find(image, settings, progress)
        alpha, doubts = keep_object(alpha)
        if method != "alpha":
            doubts = (*doubts, *outline_doubts(image.rgb, alpha))
        said = (*said, *doubts)
        rgba = np.concatenate([clean_colours(image.rgb, alpha), alpha[..., None]], axis=2)
        cutout = Cutout(recentre(rgba, settings.foreground_ratio), method, said)
    for sentence in said:
        progress.warn(sentence)
    return cutout


def _find(image: Photo, settings: Settings, progress: Progress) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """(H, W) uint8 alpha, who made it, warnings."""
    wanted = settings.segmenter
    if wanted not in ("auto", "alpha", "plain", *models.MODELS, *models.REMBG_ONLY):
        known = ", ".join(["auto", "alpha", "plain", *models.MODELS, *models.REMBG_ONLY])
        raise Img2MeshError(f"Unknown segmenter {wanted!r}: choose one of {known}.")
    if wanted == "alpha" or (wanted == "auto" and image.alpha is not None):
        if image.alpha is None:
            raise Img2MeshError("The photo has no alpha channel that shows an object; try --segmenter auto.")
        progress.note("the object comes from the photo's alpha channel")
        return image.alpha, "alpha", ()
    if wanted in models.REMBG_ONLY:
        from img2mesh.segment.network import rembg_mask

        return _model_alpha(image, rembg_mask(image.rgb, wanted)), wanted, ()
    failed: tuple[str, ...] = ()
    if wanted != "plain":
        try:
            name, path = _model(wanted, settings, progress)
        except Img2MeshError as error:
            if wanted != "auto":
                raise
            failed = (f"{error} The object was found without a model.",)
        else:
            if path is not None:
                from img2mesh.segment.network import predict_mask

                progress.note(f"the object is found by {name}")
                return _model_alpha(image, predict_mask(image.rgb, name, path)), name, ()
    progress.note("the object is found without a model, from the background's colours")
    mask, said = plain_mask(image.rgb)
    return soft_edge(image.rgb, mask), "plain", (*failed, *said)


def _model(wanted: str, settings: Settings, progress: Progress) -> tuple[str, Path | None]:
    """Name and file of the network to use; no file means: do without."""
    names = list(models.MODELS) if wanted == "auto" else [wanted]
    for name in names:
        path = models.find_model(name)
        if path is not None:
            return name, path
    name = models.DOWNLOADED_BY_AUTO if wanted == "auto" else wanted
    if settings.offline:
        if wanted == "auto":
            return name, None
        raise Img2MeshError(
            f"The segmentation model {name} is not on this machine, and --offline forbids to fetch it."
        )
    return name, models.fetch_model(name, progress)


def _model_alpha(image: Photo, mask: np.ndarray) -> np.ndarray:
    """The network's mask with the photo's own edges: it knows the object, the pixels know the outline and its holes."""
    return soft_edge(image.rgb, open_mask(image.rgb, mask))
