"""The object alone: recentred on a transparent square, at the photo's full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from img2mesh.core.images import bounding_box, resize_rgba
from img2mesh.core.progress import Progress
from img2mesh.segment.checks import DOUBTFUL_BELOW
from img2mesh.segment.find import find_object
from img2mesh.segment.matting import clean_colours
from img2mesh.segment.photo import Photo
from img2mesh.segment.read import Source, read_photo
from img2mesh.segment.trust import Found
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
        method: who found the object: `alpha`, `plain`, `cutout` (our own network), or a segmentation model's name.
        warnings: sentences for the user; empty when all went well.
        confidence: that this is the object and no more, 0..1 (`checks.confidence`); 1 where the photo's alpha says it.
        notes: what was done to the photo's colours and values.
        window: left and upper border and side of the square in the photo, pixels.
    """

    rgba: np.ndarray
    method: str
    warnings: tuple[str, ...] = ()
    confidence: float = 1.0
    notes: tuple[str, ...] = ()
    window: tuple[int, int, int] = (0, 0, 1)

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
    x0, y0, side = window_of(rgba[..., 3], foreground_ratio)
    square = np.zeros((side, side, 4), dtype=np.uint8)
    ys, xs = max(y0, 0), max(x0, 0)
    ye, xe = min(y0 + side, rgba.shape[0]), min(x0 + side, rgba.shape[1])
    square[ys - y0 : ye - y0, xs - x0 : xe - x0] = rgba[ys:ye, xs:xe]
    return square if side <= MAX_SIDE else resize_rgba(square, MAX_SIDE, MAX_SIDE)


def window_of(alpha: np.ndarray, foreground_ratio: float) -> tuple[int, int, int]:
    """Left and upper border and side, in pixels, of the square of `recentre`; it may reach beyond the picture."""
    left, top, right, bottom = bounding_box(alpha >= _SOLID) or (0, 0, *alpha.shape[::-1])
    side = max(1, round(max(bottom - top, right - left) / foreground_ratio))
    return round((left + right - side) / 2), round((top + bottom - side) / 2), side


def segment_photo(photo: Source, settings: Settings, progress: Progress) -> Cutout:
    """Cut the object out of a photo and recentre it.

    Who finds it, with `settings.segmenter`:
        auto: the photo's alpha channel if it is meaningful (`read.meaningful_alpha`); else the first of
            `models.MODELS` found on this machine; else u2net, downloaded, unless `settings.offline`; else our own
            network and the background's colours together (`trust.choose`).
        alpha, plain, cutout (our own network), or a name of `models.segmentation_models()`: that one and no other.

    Deterministic: the same photo and settings give the same bytes on one machine.

    Raises:
        Img2MeshError: the photo cannot be read, no object is found, or the segmenter asked for is unknown or
            cannot be had.
    """
    with progress.stage("segment"):
        image = read_photo(photo)
        cutout = finished_cutout(image, find_object(image, settings, progress), settings)
    for sentence in image.notes:
        progress.note(sentence)
    for sentence in cutout.warnings:
        progress.warn(sentence)
    return cutout


def finished_cutout(image: Photo, found: Found, settings: Settings) -> Cutout:
    """What was found, recentred, with the object's own colours along its edges."""
    colours = clean_colours(image.rgb, found.alpha, smeared=found.method != "alpha")
    rgba = np.concatenate([colours, found.alpha[..., None]], axis=2)
    square = recentre(rgba, settings.foreground_ratio)
    window = window_of(found.alpha, settings.foreground_ratio)
    return Cutout(square, found.method, found.warnings, round(found.confidence, 3), image.notes, window)
