"""Files from strangers: limited before they are decoded, known by their content, never by their name."""

from __future__ import annotations

import io
import re
import threading
import warnings
import zipfile
from dataclasses import dataclass

from img2mesh.errors import Img2MeshError
from img2mesh.service.limits import Limits, NotAPhoto, TooLarge

_ENDS = 65536  # bytes at either end in which a second format is looked for
_OTHERS = {  # what makes a photo something else, too
    b"%pdf-": "PDF",
    b"<svg": "SVG",
    b"<html": "HTML",
    b"<script": "HTML",
    b"<!doctype": "HTML",
    b"<?php": "PHP",
}
_OTHER = re.compile(b"(%PDF-|<(?:svg|html|script|!doctype|\\?php)(?=[\\s>]))", re.IGNORECASE)
_DECODING = threading.Semaphore(
    1
)  # one photo at a time: its pixels are the most memory that a request can cost


@dataclass(frozen=True)
class Upload:
    """A photo that was accepted.

    Attributes:
        data: the file.
        suffix: of its kind, such as `.jpg`.
        azimuth, elevation: degrees, as in `jobs.item.Picture`.
    """

    data: bytes
    suffix: str
    azimuth: float | None = None
    elevation: float | None = None


def check_bytes(data: bytes, limits: Limits, name: str = "The photo") -> str:
    """The suffix for a photo that may be decoded.

    Args:
        name: what messages call it.

    Raises:
        TooLarge: more bytes or pixels than allowed.
        NotAPhoto: it is empty, something else, or something else as well.
    """
    if len(data) > limits.photo_bytes:
        raise TooLarge(f"{name} has more than {limits.photo_bytes / 1e6:g} MB.")
    if not data:
        raise NotAPhoto(f"{name} is empty.")
    kind, (width, height) = _head(data, name)
    if width * height > limits.photo_pixels:
        raise TooLarge(
            f"{name} has {width} x {height} pixels; at most {limits.photo_pixels / 1e6:g} million are taken."
        )
    other = _other_format(data)
    if other is not None:
        raise NotAPhoto(
            f"{name} is a photo and {other} at once, which is not taken: save it anew as a picture."
        )
    return kind


def check_photo(data: bytes, limits: Limits, name: str = "The photo") -> str:
    """The same, and it can be decoded: what the pipeline would refuse is refused now.

    Raises:
        TooLarge, NotAPhoto: see `check_bytes`; a damaged file or one without anything to see is no photo, too.
    """
    kind = check_bytes(data, limits, name)
    from img2mesh.segment.read import read_photo

    with _DECODING:
        try:
            read_photo(data)
        except Img2MeshError as error:
            raise NotAPhoto(str(error).replace("The image", name)) from None
        except MemoryError:
            raise TooLarge(f"{name} is too large for this machine's memory.") from None
    return kind


def _head(data: bytes, name: str) -> tuple[str, tuple[int, int]]:
    """Suffix, width and height, without decoding any pixel."""
    from PIL import Image

    from img2mesh.segment import tiff
    from img2mesh.segment.read import known_formats, prepare_heif

    refused = NotAPhoto(
        f"{name} is not a photo that can be read; use JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF or HEIC."
    )
    try:
        if data[4:8] == b"ftyp":
            prepare_heif(data[:64], name)
        if tiff.is_tiff(data[:64]):
            found = tiff.pages(data, name)
            return ".tif", max(
                ((page.width, page.height) for page in found), key=lambda size: size[0] * size[1]
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=known_formats()) as image:
                return "." + str(image.format).lower().replace("jpeg", "jpg").replace(
                    "mpo", "jpg"
                ), image.size
    except Image.DecompressionBombError:
        raise TooLarge(f"{name} has far too many pixels.") from None
    except Img2MeshError as error:
        raise NotAPhoto(str(error)) from None
    except Exception:  # decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error ...
        raise refused from None


def _other_format(data: bytes) -> str | None:
    """The name of a second format that programs could take the file for."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        return "ZIP"
    for part in (data[:_ENDS], data[-_ENDS:]):
        match = _OTHER.search(part)
        if match is not None:
            return _OTHERS[match[1].lower()]
    return None
