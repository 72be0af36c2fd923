"""Textures as the bytes of a picture file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo

FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
QUALITY, QUALITY_NORMALS = 90, 95  # of JPEG and WebP: a normal map's errors show in every highlight


def png_bytes(texture: np.ndarray, mark: PngInfo | None = None) -> bytes:
    """(H, W, 3) uint8 as PNG; equal pixels give equal bytes. `mark`: text for a file of its own (`core.marks`)."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(texture)).save(buffer, format="PNG", compress_level=6, pnginfo=mark)
    return buffer.getvalue()


def picture_bytes(texture: np.ndarray, kind: str, normals: bool = False) -> bytes:
    """(H, W, 3) uint8 in a format of `FORMATS`. `normals`: it is a normal map, not colours."""
    from PIL import Image

    if kind == "png":
        return png_bytes(texture)
    buffer = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(texture))
    quality = QUALITY_NORMALS if normals else QUALITY
    if kind == "jpeg":
        picture.save(buffer, format="JPEG", quality=quality, subsampling=0, optimize=True)
    else:
        picture.save(buffer, format="WEBP", quality=quality, method=6)
    return buffer.getvalue()
