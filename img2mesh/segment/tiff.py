"""TIFF and DNG: the largest picture among the pages, and the pages that Pillow does not read."""

from __future__ import annotations

import io
import logging
import operator
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from img2mesh.errors import Img2MeshError

_GREY_WHITE_IS_0, _GREY, _RGB = 0, 1, 2
_PICTURES = (
    _GREY_WHITE_IS_0,
    _GREY,
    _RGB,
    3,
    5,
    6,
    8,
)  # palette, CMYK, YCbCr, CIELAB; no masks, no sensor values
_ORIENTATION = 274
_MOST = 64  # pages of one level that are looked at


@dataclass(frozen=True)
class Page:
    """A picture in a TIFF file.

    Attributes:
        index: in the order of `pages`, thumbnails of thumbnails included.
        deep: more than 8 bits, or floating point.
        orientation: EXIF's, 1..8.
    """

    index: int
    offset: int
    width: int
    height: int
    photometric: int
    deep: bool
    bytes: int
    orientation: int


def is_tiff(data: bytes) -> bool:
    """By the first bytes of a file, BigTIFF included."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def pages(data: bytes, name: str) -> list[Page]:
    """Every picture of a file, its pages first and then what hangs below them (SubIFDs).

    Raises:
        Img2MeshError: damaged, or it holds none but a camera's raw sensor values.
    """
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs what it forgives
    found, raw = [], False
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            for index, page in enumerate(_all(file.pages)):
                kind = int(page.photometric)
                raw = raw or kind not in _PICTURES
                if kind not in _PICTURES or page.imagedepth > 1:
                    continue
                tag = page.tags.get(_ORIENTATION)
                turned = int(tag.value) if tag is not None and int(tag.value) in range(1, 9) else 1
                # A damaged tag may be a tuple, and a tuple times a number is a long one.
                width, height, samples = map(
                    operator.index, (page.imagewidth, page.imagelength, page.samplesperpixel)
                )
                bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
                size = width * height * samples * max(1, bits // 8)
                deep = bits > 8 or int(page.sampleformat or 1) == 3
                found.append(Page(index, page.offset, width, height, kind, deep, size, turned))
    except Exception as error:
        raise Img2MeshError(f"{name} is damaged and cannot be read: {type(error).__name__}.") from None
    if not found and raw:
        raise Img2MeshError(f"{name} holds a camera's raw values only; export it as JPEG, PNG or TIFF.")
    if not found:
        raise Img2MeshError(f"{name} is damaged and cannot be read: it has no pages.")
    return found


def alone(data: bytes, page: Page) -> bytes:
    """The file with the page as its first: any reader then takes it."""
    order = "<" if data[:1] == b"I" else ">"
    if data[2:4] in (b"+\0", b"\0+"):
        return data[:8] + struct.pack(order + "Q", page.offset) + data[16:]
    return data[:4] + struct.pack(order + "I", page.offset) + data[8:]


def deep_pixels(data: bytes, page: Page, name: str) -> np.ndarray:
    """A page of more than 8 bits.

    Returns:
        (H, W, 1 to 4) in the file's own numbers, white is high.

    Raises:
        Img2MeshError: a compression that neither tifffile nor OpenCV knows.
    """
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            found = next(each for index, each in enumerate(_all(file.pages)) if index == page.index)
            pixels, axes = found.asarray(), found.axes
        pixels = np.moveaxis(pixels, axes.index("S"), -1) if "S" in axes else pixels[..., None]
    except Exception:
        pixels = _by_opencv(alone(data, page))
    if pixels is None or pixels.ndim != 3 or pixels.shape[:2] != (page.height, page.width):
        raise Img2MeshError(f"{name} is a TIFF of a kind that cannot be read; save it as PNG.")
    if page.photometric == _GREY_WHITE_IS_0:
        top = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else np.nanmax(pixels)
        pixels = top - pixels
    return pixels[..., :4] if page.photometric == _RGB else pixels[..., :2]


def _all(level: Any, depth: int = 0) -> Iterator[Any]:
    """Pages and what hangs below them; a damaged file's chain may bite its own tail."""
    seen: set[int] = set()
    for index in range(_MOST):
        try:
            page = level[index]
        except IndexError:
            return
        if page.offset in seen:
            return
        seen.add(page.offset)
        yield page
        if depth < 3 and getattr(page, "subifds", None):
            yield from _all(page.pages, depth + 1)


def opencv_pixels(data: bytes, flags: int = 0) -> np.ndarray | None:
    """What OpenCV makes of a file, channels in its own order; None where it fails (it would print why)."""
    import cv2

    log = cv2.utils.logging
    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | flags)
    except cv2.error:
        return None
    finally:
        log.setLogLevel(level)


def _by_opencv(data: bytes) -> np.ndarray | None:
    pixels = opencv_pixels(data)
    if pixels is None:
        return None
    if pixels.ndim == 2:
        return pixels[..., None]
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]] if pixels.shape[2] in (3, 4) else None
