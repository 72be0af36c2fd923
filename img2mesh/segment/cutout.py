"""The object alone: recentred on a transparent square, at the photo's full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    """

    rgba: np.ndarray
    method: str
    warnings: tuple[str, ...] = ()

    def resized(self, size: int = 256) -> np.ndarray:
        """(size, size, 4) uint8, straight alpha; averages are weighted by alpha, so edges keep their colour."""
        return resize_rgba(self.rgba, size, size)


def resize_rgba(rgba: np.ndarray, width: int, height: int) -> np.ndarray:
    """Area averages when shrinking, bicubic when enlarging, in premultiplied sRGB.

    Args:
        rgba: (H, W, 4) uint8, straight alpha.

    Returns:
        (height, width, 4) uint8, straight alpha. Colours under alpha 0 are the plain resize's.
    """
    import cv2

    if rgba.shape[:2] == (height, width):
        return rgba.copy()
    shrinks = width < rgba.shape[1] or height < rgba.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    alpha = rgba[..., 3].astype(np.float32) / 255
    colour = rgba[..., :3].astype(np.float32)
    small_alpha = cv2.resize(alpha, (width, height), interpolation=how).clip(0, 1)
    weighted = cv2.resize(colour * alpha[..., None], (width, height), interpolation=how)
    plain = cv2.resize(colour, (width, height), interpolation=how)
    with np.errstate(divide="ignore", invalid="ignore"):
        mixed = weighted / small_alpha[..., None]
    mixed = np.where(small_alpha[..., None] > 1e-3, mixed, plain)
    out = np.concatenate([mixed, small_alpha[..., None] * 255], axis=-1)
    return (out + 0.5).clip(0, 255).astype(np.uint8)


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
