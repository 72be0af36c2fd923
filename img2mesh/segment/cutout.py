"""The object alone: recentred on a transparent square, at the photo's full resolution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from img2mesh.core.images import resize_rgba
from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.segment import models
from img2mesh.segment.alpha import filled_frame, is_frame, object_in_frame, solid_alpha
from img2mesh.segment.checks import (
    ASSUMED,
    DOUBTFUL_BELOW,
    confidence,
    faint_share,
    keep_object,
    outline_doubts,
)
from img2mesh.segment.matting import clean_colours, soft_edge
from img2mesh.segment.openings import open_mask
from img2mesh.segment.photo import Photo
from img2mesh.segment.plain import PLAIN, plain_mask
from img2mesh.segment.read import Source, read_photo
from img2mesh.settings import Settings

MAX_SIDE = 2048  # of the square; larger cutouts are reduced
_SOLID = 128  # alpha from which a pixel belongs to the object's bounding box


@dataclass(frozen=True, eq=False)
class Cutout:
    """What the segment room hands on.

    Attributes:
        rgba: (S, S, 4) uint8 sRGB, straight alpha, S <= 2048. The bounding box of the pixels with alpha >= 128 is
            centred, and its longer side is foreground_ratio * S; both to within a pixel. Where alpha is below
            255 the colour is the object's own, continued outwards, so that no background bleeds into textures.
        method: who found the object: `alpha`, `plain`, or a segmentation model's name.
        warnings: sentences for the user; empty when all went well.
        confidence: that this is the object and no more, 0..1 (`checks.confidence`); 1 where the photo's alpha says it.
        notes: what was done to the photo's colours and values.
    """

    rgba: np.ndarray
    method: str
    warnings: tuple[str, ...] = ()
    confidence: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Whether the confidence is below the level at which the user is warned."""
        return self.confidence < DOUBTFUL_BELOW

    def resized(self, size: int = 256) -> np.ndarray:
        """(size, size, 4) uint8, straight alpha; averages are weighted by alpha, so edges keep their colour."""
        return resize_rgba(self.rgba, size, size)


def recentre(rgba: np.ndarray, foreground_ratio: float) -> np.ndarray:
    """Put the object in the middle of a square.

    Args:
        rgba: (H, W, 4) uint8, straight alpha, with at least one pixel of alpha >= 128.
        foreground_ratio: longer side of the object's box / side of the square, in (0, 1].

    Returns:
        (S, S, 4) uint8. S = longer side / foreground_ratio rounded, unless that exceeds 2048: then everything
        is reduced so that S = 2048. Faint pixels outside the box are kept as far as the square reaches.
    """
    rows = np.flatnonzero((rgba[..., 3] >= _SOLID).any(axis=1))
    columns = np.flatnonzero((rgba[..., 3] >= _SOLID).any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = max(1, round(max(bottom - top, right - left) / foreground_ratio))
    y0 = round((top + bottom - side) / 2)
    x0 = round((left + right - side) / 2)
    square = np.zeros((side, side, 4), dtype=np.uint8)
    ys, xs = max(y0, 0), max(x0, 0)
    ye, xe = min(y0 + side, rgba.shape[0]), min(x0 + side, rgba.shape[1])
    square[ys - y0 : ye - y0, xs - x0 : xe - x0] = rgba[ys:ye, xs:xe]
    return square if side <= MAX_SIDE else resize_rgba(square, MAX_SIDE, MAX_SIDE)


def segment_photo(photo: Source, settings: Settings, progress: Progress) -> Cutout:
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
        found = _find(image, settings, progress)
        alpha, doubts = keep_object(found.alpha)
        sure = 1.0
        if found.method != "alpha":
            faint = faint_share(image.rgb, alpha)
            sure = confidence(faint, found.explained) * ASSUMED**found.assumed
            doubts = (*doubts, *outline_doubts(faint))
        said = (*found.warnings, *doubts)
        if sure < DOUBTFUL_BELOW and not any("doubtful" in sentence for sentence in said):
            said = (*said, "The cutout is doubtful: look at it with `img2mesh segment`.")
        rgba = np.concatenate([clean_colours(image.rgb, alpha), alpha[..., None]], axis=2)
        square = recentre(rgba, settings.foreground_ratio)
        cutout = Cutout(square, found.method, said, round(sure, 3), image.notes)
    for sentence in image.notes:
        progress.note(sentence)
    for sentence in said:
        progress.warn(sentence)
    return cutout


class _Found(NamedTuple):
    """(H, W) uint8 alpha, who made it, warnings; the share of the border that is plain background, if known; and the
    number of assumptions."""

    alpha: np.ndarray
    method: str
    warnings: tuple[str, ...] = ()
    explained: float | None = None
    assumed: int = 0


def _find(image: Photo, settings: Settings, progress: Progress) -> _Found:
    wanted = settings.segmenter
    if wanted not in ("auto", "alpha", "plain", *models.MODELS, *models.REMBG_ONLY):
        known = ", ".join(["auto", "alpha", "plain", *models.MODELS, *models.REMBG_ONLY])
        raise Img2MeshError(f"Unknown segmenter {wanted!r}: choose one of {known}.")
    if wanted == "alpha" or (wanted == "auto" and image.alpha is not None):
        if image.alpha is None:
            raise Img2MeshError("The photo has no alpha channel that shows an object; try --segmenter auto.")
        framed = wanted == "auto" and is_frame(image.alpha)
        if framed and (found := _in_frame(image, settings, progress)) is not None:
            return found
        progress.note("the object comes from the photo's alpha channel")
        alpha, said = solid_alpha(image.rgb, image.alpha)
        if framed:
            said = (
                *said,
                "The photo's alpha channel has the outline of a picture: is it a cutout? If not, crop it.",
            )
        return _Found(alpha, "alpha", said)
    if wanted in models.REMBG_ONLY:
        from img2mesh.segment.network import rembg_mask

        return _Found(_model_alpha(image, rembg_mask(image.rgb, wanted)), wanted)
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
                return _Found(_model_alpha(image, predict_mask(image.rgb, name, path)), name)
    progress.note("the object is found without a model, from the background's colours")
    mask, said, explained = plain_mask(image.rgb)
    return _Found(soft_edge(image.rgb, mask), "plain", (*failed, *said), explained, len(said))


def _in_frame(image: Photo, settings: Settings, progress: Progress) -> _Found | None:
    """The object inside of an alpha channel that only frames a picture, or None where that is a cutout after all."""
    if image.alpha is None:
        return None
    whole = Photo(filled_frame(image.rgb, image.alpha), None)
    plain = plain_mask(whole.rgb)
    if not object_in_frame(plain.mask, image.alpha, plain.explained, PLAIN):
        return None
    progress.note("the alpha channel only frames the picture: the object is looked for inside")
    found = _find(whole, settings, progress)
    return found._replace(alpha=np.minimum(found.alpha, image.alpha))


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
