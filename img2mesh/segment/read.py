"""Any photo becomes 8-bit sRGB pixels, upright, and alpha where it means something. docs/reading.md has the table."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError, features

from img2mesh.errors import Img2MeshError
from img2mesh.segment import tiff
from img2mesh.segment.colour import to_srgb
from img2mesh.segment.photo import (
    FAINT,
    WORKING_SIDE,
    Photo,
    check_sides,
    check_size,
    finished,
    from_array,
    too_large,
)

Source = str | Path | Image.Image | np.ndarray | bytes | BinaryIO

HEIF_READERS = ("pi_heif", "pillow_heif")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF")  # what Pillow is allowed to open
_HEIF_SUFFIXES = (".heic", ".heif", ".hif")
_HAS_HEIF = any(find_spec(name) is not None for name in HEIF_READERS)
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".tif", ".tiff", ".dng", ".gif"),
    *((".avif",) if features.check("avif") else ()),
    *(_HEIF_SUFFIXES if _HAS_HEIF else ()),
)
_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 4, "PA": 4, "I;16": 2, "I": 4, "F": 4, "RGB": 4}


def read_photo(source: Source) -> Photo:
    """Read a photo of any common kind.

    JPEG, PNG, WebP, BMP, TIFF, DNG (its pictures, not its raw values), GIF, AVIF and, with the extra [heic], HEIC;
    grey, palette, CMYK, CIELAB, 16 bits, floating point, with or without transparency. The EXIF orientation is
    applied, colours are converted to sRGB (`colour.to_srgb`), wider values stretched to 8 bits (`colour.eight_bits`).
    Animations give their first frame, TIFFs their largest page. JPEGs are decoded at the size that is needed.

    Args:
        source: a file's path, its bytes, an open binary file, an image in memory (never changed), or an array
            (H, W[, 1 to 4]): grey, grey and alpha, RGB or RGBA, whose floats are in [0, 1].

    Raises:
        Img2MeshError: not a readable photo, fewer than 16 pixels on a side, more than 600 MB of them, fully
            transparent, or all of one colour.
    """
    name = "The image"
    if isinstance(source, Image.Image):
        photo = _guarded(lambda: _decode(source, name), name)
    elif isinstance(source, np.ndarray):
        photo = _guarded(lambda: from_array(source, name), name)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        photo = _guarded(lambda: _read(io.BytesIO(bytes(source)), name), name)
    elif not isinstance(source, (str, Path)) and hasattr(source, "read"):
        name = str(getattr(source, "name", name))
        stream = source
        photo = _guarded(lambda: _read(io.BytesIO(_all_bytes(stream)), name), name)
    elif isinstance(source, (str, Path)):
        name = str(source)
        photo = _guarded(lambda: _read_file(Path(source)), name)
    else:
        raise Img2MeshError(
            f"A photo is a path, an image, an array, bytes or a file, not {type(source).__name__}."
        )
    if photo.alpha is not None and photo.alpha.max() < FAINT:
        raise Img2MeshError(f"{name} is fully transparent: there is no object in it.")
    visible = photo.rgb.reshape(-1, 3)
    if photo.alpha is None and (visible.max(axis=0).astype(int) - visible.min(axis=0)).max() <= 3:
        raise Img2MeshError(f"{name} is all of one colour: there is no object to see.")
    return photo


def _guarded(read: Callable[[], Photo], name: str) -> Photo:
    try:
        logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its complaints are printed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: the limit here is on memory
            return read()
    except (Img2MeshError, MemoryError):
        raise
    except PermissionError:
        raise Img2MeshError(f"Cannot read {name}: permission denied.") from None
    except UnidentifiedImageError:
        raise Img2MeshError(
            f"{name} is not a photo that can be read; use JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF or HEIC."
        ) from None
    except (
        Exception
    ) as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error ...
        raise Img2MeshError(f"{name} is damaged and cannot be read: {_one_line(error)}.") from None


def _read_file(path: Path) -> Photo:
    if path.is_dir():
        raise Img2MeshError(f"{path} is a folder, not a photo.")
    if not path.exists():
        raise Img2MeshError(f"No such photo: {path}.")
    if path.is_file() and path.stat().st_size == 0:
        raise Img2MeshError(f"{path} is empty.")
    if not path.is_file():
        raise Img2MeshError(f"{path} is not a file.")
    with path.open("rb") as stream:
        return _read(stream, str(path))


def _all_bytes(stream: BinaryIO) -> bytes:
    data = stream.read()
    if not isinstance(data, bytes):
        raise Img2MeshError("A photo's file must be opened for reading bytes ('rb').")
    return data


def _read(stream: BinaryIO, name: str) -> Photo:
    head = stream.read(64)
    stream.seek(0)
    if not head:
        raise Img2MeshError(f"{name} is empty.")
    if tiff.is_tiff(head):
        return _read_tiff(stream.read(), name)
    if head[4:8] == b"ftyp":
        prepare_heif(head, name)
    elif head[:8] == b"\x89PNG\r\n\x1a\n" and head[24:25] == b"\x10" and head[25:26] in (b"\x02", b"\x06"):
        return _read_deep_png(stream, name)
    try:
        image = Image.open(stream, formats=known_formats())
    except Image.DecompressionBombError:
        if head[:2] != b"\xff\xd8":
            raise Img2MeshError(too_large(name)) from None
        stream.seek(0)  # a JPEG can be decoded at a part of its size
        from PIL.JpegImagePlugin import JpegImageFile

        image = JpegImageFile(stream)
    with image:
        return _decode(image, name)


def known_formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def prepare_heif(head: bytes, name: str) -> None:
    brands = head[8:64]
    if b"avif" in brands or b"avis" in brands:
        if not features.check("avif"):
            raise Img2MeshError(f"{name} is AVIF, which this Pillow cannot read: pip install -U pillow.")
        return
    if not any(brand in brands for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")):
        return  # a film; Pillow will say that it is no photo
    for module in HEIF_READERS:
        if find_spec(module) is not None:
            __import__(module).register_heif_opener()
            return
    raise Img2MeshError(f"{name} is HEIC, which needs the extra: pip install 'img2mesh[heic]'.")


def _read_tiff(data: bytes, name: str) -> Photo:
    found = tiff.pages(data, name)
    page = max(found, key=lambda each: each.width * each.height)
    notes = []
    if page is not found[0]:
        notes.append(
            f"The file has {len(found)} pictures: the largest, {page.width} x {page.height} pixels, was taken."
        )
    check_size(page.bytes, page.width, page.height, name)
    if not page.deep:
        image = Image.open(io.BytesIO(tiff.alone(data, page)), formats=("TIFF",))
        photo = _decode(image, name)
        return Photo(photo.rgb, photo.alpha, (*notes, *photo.notes))
    profile = _tiff_profile(data, page)
    return from_array(tiff.deep_pixels(data, page, name), name, page.orientation, profile, notes)


def _tiff_profile(data: bytes, page: tiff.Page) -> bytes | None:
    try:
        with Image.open(io.BytesIO(tiff.alone(data, page)), formats=("TIFF",)) as image:
            return image.info.get("icc_profile")
    except Exception:  # kinds that Pillow does not know at all
        return None


def _read_deep_png(stream: BinaryIO, name: str) -> Photo:
    """16 bits a channel, of which Pillow keeps the upper half only."""
    import cv2

    data = stream.read()
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        width, height = image.size
        check_size(width * height * 8, width, height, name)
        image.load()
        turned, profile = image.getexif().get(0x0112, 1), image.info.get("icc_profile")
    pixels = tiff.opencv_pixels(data, cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.ndim != 3:
        raise Img2MeshError(f"{name} is damaged and cannot be read.")
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return from_array(pixels[..., order], name, turned, profile, [], _significant(data))


def _significant(data: bytes) -> int | None:
    """Bits of a channel that a PNG says it uses, by its sBIT chunk."""
    start = data[: data.find(b"IDAT")].find(b"sBIT")
    return data[start + 4] if start > 0 and 1 <= data[start + 4] <= 16 else None


def _decode(image: Image.Image, name: str) -> Photo:
    width, height = image.size
    check_sides(width, height, name)
    notes: list[str | None] = []
    if image.format in ("JPEG", "MPO"):
        scale = max(width, height) / WORKING_SIDE
        image.draft("RGB", (round(width / scale), round(height / scale)))  # decodes at 1/2, 1/4 or 1/8
        if image.info.get("progressive"):  # all coefficients are in memory at once
            check_size(width * height * 6, width, height, name)
    check_size(image.size[0] * image.size[1] * _BYTES.get(image.mode, 4), width, height, name)
    if getattr(image, "is_animated", False):
        image.seek(0)
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        values = np.asarray(upright)
        if values.dtype.byteorder == ">":
            values = values.astype(values.dtype.newbyteorder("="))
        return from_array(values, name, 1, upright.info.get("icc_profile"), [])
    has_alpha = upright.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in upright.info
    if not has_alpha and upright.mode not in ("L", "RGB", "CMYK", "LAB"):
        upright = _converted(upright, "RGB")
    alpha = None
    if has_alpha:
        rgba = _converted(upright, "RGBA")
        alpha = np.asarray(rgba.getchannel("A"))
        colours = rgba.convert("RGB")
        colours.info = rgba.info
        upright = colours
    rgb, said = to_srgb(upright)
    turned = (width > height) != (upright.size[0] > upright.size[1])
    return finished(np.asarray(rgb), alpha, (*notes, said), (height, width) if turned else (width, height))


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """Keeps the profile, which is still right for palettes and RGB; a grey one does not fit colours."""
    done = image.convert(mode)
    grey = image.mode in ("LA", "La", "1", "L")
    done.info["icc_profile"] = None if grey else image.info.get("icc_profile")
    return done


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:160] or type(error).__name__
