"""Pixels of any kind become the photo that the segment room works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from img2mesh.errors import Img2MeshError
from img2mesh.segment.colour import eight_bits, to_srgb

MAX_BYTES = 600_000_000  # of decoded pixels
MIN_SIDE = 16
WORKING_SIDE = 2048  # larger photos are reduced to this before anything else looks at them
FAINT = 13  # alpha (5 %) below which there is nothing to see


@dataclass(frozen=True, eq=False)
class Photo:
    """Pixels as the segment room uses them.

    Attributes:
        rgb: (H, W, 3) uint8 sRGB, upright; the longer side is at most 2048.
        alpha: (H, W) uint8, or None where the file has no transparency worth the name (`meaningful_alpha`).
        notes: sentences on what was done to the file's values that it did not ask for.
        full_size: width and height of the file's picture, upright; None: those of `rgb`.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    notes: tuple[str, ...] = ()
    full_size: tuple[int, int] | None = None


def from_array(
    values: np.ndarray,
    name: str,
    orientation: int = 1,
    profile: bytes | None = None,
    notes: list[str] | tuple[str, ...] = (),
    significant: int | None = None,
) -> Photo:
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3 or values.shape[2] not in (1, 2, 3, 4) or values.dtype.kind not in "biuf":
        raise Img2MeshError(f"{name} must be an array (H, W[, 1 to 4]) of numbers, not {values.shape}.")
    height, width, channels = values.shape
    check_sides(width, height, name)
    colours = values[..., : channels - (channels in (2, 4))]
    pixels, said = eight_bits(colours, significant)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
    picture.info["icc_profile"] = profile
    rgb, also = to_srgb(picture)
    planes = [np.asarray(rgb)]
    if channels in (2, 4):
        alpha = values[..., -1]
        planes.append(alpha if alpha.dtype == np.uint8 else _full_range(alpha))
    whole = Image.fromarray(np.dstack(planes))
    if orientation in range(2, 9):
        exif = whole.getexif()
        exif[0x0112] = orientation
        whole = ImageOps.exif_transpose(whole)
    array = np.asarray(whole)
    return finished(array[..., :3], array[..., 3] if array.shape[2] == 4 else None, (*notes, said, also))


def finished(
    rgb: np.ndarray,
    alpha: np.ndarray | None,
    notes: tuple[str | None, ...],
    full_size: tuple[int, int] | None = None,
) -> Photo:
    height, width = rgb.shape[:2]
    rgb, alpha = _reduced(rgb, alpha)
    if alpha is not None and not meaningful_alpha(alpha):
        alpha = None
    return Photo(rgb, alpha, tuple(note for note in notes if note), full_size or (width, height))


def meaningful_alpha(alpha: np.ndarray) -> bool:
    """Whether an alpha channel tells an object from its surroundings.

    It does when at least 2 % of the pixels are transparent (alpha below 5 %): fewer are rounded corners or stray
    pixels of an otherwise opaque photo, whose background is then still to be found. A fully transparent image
    counts as meaningful, so that it is refused rather than shown.
    """
    return float((alpha < FAINT).mean()) >= 0.02


def check_sides(width: int, height: int, name: str) -> None:
    if min(width, height) < MIN_SIDE:
        raise Img2MeshError(
            f"{name} is only {width} x {height} pixels; at least {MIN_SIDE} are needed each way."
        )


def check_size(needed: int, width: int, height: int, name: str) -> None:
    if needed > MAX_BYTES:
        raise Img2MeshError(too_large(name, width, height))


def too_large(name: str, width: int = 0, height: int = 0) -> str:
    size = f" ({width} x {height} pixels)" if width else ""
    return f"{name} is too large{size}: its pixels would take more than {MAX_BYTES // 1_000_000} MB."


def _full_range(alpha: np.ndarray) -> np.ndarray:
    """Opaque is the type's largest value, or the largest there is if that is less."""
    top = 1.0 if alpha.dtype.kind in "bf" else float(np.iinfo(alpha.dtype).max)
    most = float(np.nan_to_num(alpha.astype(np.float64)).max())
    top = most if alpha.dtype.kind == "f" and most > 1 else top
    return (np.nan_to_num(alpha.astype(np.float64)) * (255 / top) + 0.5).clip(0, 255).astype(np.uint8)


def _reduced(rgb: np.ndarray, alpha: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    whole = int(max(rgb.shape[:2]) / WORKING_SIDE / 1.5)
    if whole > 1:  # most of the way in bytes: floating point would take eight times the memory
        if alpha is None:
            rgb = np.asarray(Image.fromarray(np.ascontiguousarray(rgb)).reduce(whole))
        else:
            mixed = Image.fromarray(np.dstack([rgb, alpha])).convert("RGBa").reduce(whole).convert("RGBA")
            rgb, alpha = np.asarray(mixed)[..., :3], np.asarray(mixed)[..., 3]
    height, width = rgb.shape[:2]
    scale = WORKING_SIDE / max(height, width)
    if scale >= 1:
        return rgb.copy(), None if alpha is None else alpha.copy()
    from img2mesh.core.images import resize_rgba

    size = max(1, round(width * scale)), max(1, round(height * scale))
    if min(size) < MIN_SIDE:
        raise Img2MeshError(f"A photo of {width} x {height} pixels is too narrow to hold an object.")
    full = np.full((height, width, 1), 255, np.uint8) if alpha is None else alpha[..., None]
    small = resize_rgba(np.concatenate([rgb, full], axis=2), *size)
    colours = np.ascontiguousarray(small[..., :3])
    return colours, None if alpha is None else np.ascontiguousarray(small[..., 3])
