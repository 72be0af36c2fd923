"""Any photo file becomes 8-bit sRGB pixels, upright, and alpha where it means something."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from img2mesh.errors import Img2MeshError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")  # what Pillow is allowed to open
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MAX_PIXELS = 100_000_000  # by the header, before anything is decoded
MIN_SIDE = 16
WORKING_SIDE = 2048  # larger photos are reduced to this before anything else looks at them


@dataclass(frozen=True, eq=False)
class Photo:
    """Pixels as the segment room uses them.

    Attributes:
        rgb: (H, W, 3) uint8 sRGB, upright; the longer side is at most 2048.
        alpha: (H, W) uint8, or None where the file has no transparency worth the name (`meaningful_alpha`).
    """

    rgb: np.ndarray
    alpha: np.ndarray | None


def read_photo(source: str | Path | Image.Image) -> Photo:
    """Read a photo of any common kind.

    JPEG, PNG, WebP, BMP, TIFF and GIF; grey, palette, CMYK, 16 bits, with or without transparency; the EXIF
    orientation is applied and animations give their first frame. 16-bit values are divided by 257, floating
    point ones (TIFF) are taken as [0, 1] if they fit. Colour profiles are not applied, apart from CMYK's naive
    conversion.

    Args:
        source: a file, or an image in memory (never changed).

    Raises:
        Img2MeshError: not a readable photo, fewer than 16 or more than 100 million pixels on a side or in all,
            fully transparent, or all of one colour.
    """
    if isinstance(source, Image.Image):
        photo, name = _decode(source, "The image"), "The image"
    else:
        path = Path(source)
        name = str(path)
        photo = _read_file(path)
    if photo.alpha is not None and photo.alpha.max() < 128:
        raise Img2MeshError(f"{name} is fully transparent: there is no object in it.")
    visible = photo.rgb if photo.alpha is None else photo.rgb[photo.alpha >= 128]
    if photo.alpha is None and np.ptp(visible.reshape(-1, 3).astype(np.int16), axis=0).max() <= 3:
        raise Img2MeshError(f"{name} is all of one colour: there is no object to see.")
    return photo


def meaningful_alpha(alpha: np.ndarray) -> bool:
    """Whether an alpha channel tells an object from its surroundings.

    It does when at least 2 % of the pixels are transparent (alpha < 128): fewer are rounded corners or stray
    pixels of an otherwise opaque photo, whose background is then still to be found. A fully transparent image
    counts as meaningful, so that it is refused rather than shown.
    """
    return float((alpha < 128).mean()) >= 0.02


def _read_file(path: Path) -> Photo:
    try:
        if path.is_dir():
            raise Img2MeshError(f"{path} is a folder, not a photo.")
        if not path.exists():
            raise Img2MeshError(f"No such photo: {path}.")
        if path.stat().st_size == 0:
            raise Img2MeshError(f"{path} is empty.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: the limit here is checked below
            with Image.open(path, formats=FORMATS) as image:
                return _decode(image, str(path))
    except Img2MeshError:
        raise
    except UnidentifiedImageError:
        return _read_deep_tiff(path)
    except Image.DecompressionBombError:
        raise Img2MeshError(_too_large(str(path))) from None
    except PermissionError:
        raise Img2MeshError(f"Cannot read {path}: permission denied.") from None
    except (
        Exception
    ) as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error ...
        raise Img2MeshError(f"{path} is damaged and cannot be read: {_one_line(error)}.") from None


def _read_deep_tiff(path: Path) -> Photo:
    """TIFF with three or four channels of 16 bits, which Pillow does not know but OpenCV does."""
    import cv2

    refusal = Img2MeshError(f"{path} is not a photo that can be read; use JPEG, PNG, WebP, BMP, TIFF or GIF.")
    data = path.read_bytes()
    if data[:4] not in (b"II*\0", b"MM\0*"):
        raise refusal
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
            stream = io.BytesIO(data)
            stream.seek(tags.next)
            tags.load(stream)
        width, height = int(tags[256]), int(tags[257])
    except Exception:
        raise refusal from None
    if width * height > MAX_PIXELS:
        raise Img2MeshError(_too_large(str(path), width, height))
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise refusal
    if pixels.dtype == np.uint16:
        pixels = (pixels.astype(np.float32) / 257 + 0.5).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise refusal
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return _decode(Image.fromarray(np.ascontiguousarray(pixels[..., order])), str(path))


def _decode(image: Image.Image, name: str) -> Photo:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Img2MeshError(_too_large(name, width, height))
    if min(width, height) < MIN_SIDE:
        raise Img2MeshError(
            f"{name} is only {width} x {height} pixels; at least {MIN_SIDE} are needed each way."
        )
    if image.format in ("JPEG", "MPO"):
        image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))  # decodes at 1/2, 1/4 or 1/8 where that is enough
    if getattr(image, "is_animated", False):
        image.seek(0)
    image.load()
    upright = ImageOps.exif_transpose(image)
    rgb, alpha = _eight_bits(upright)
    rgb, alpha = _reduced(rgb, alpha)
    if alpha is not None and not meaningful_alpha(alpha):
        alpha = None
    return Photo(rgb, alpha)


def _eight_bits(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    mode = image.mode
    if mode.startswith("I") or mode == "F":  # 16-bit grey comes as I;16 or, from some files, as 32-bit I
        values = np.asarray(image).astype(np.float64)
        if mode == "F" and values.size and np.nanmax(values) <= 1.0:
            values = values * 65535
        top = 65535 if np.nanmax(values) > 255 else 255
        grey = np.nan_to_num(values * (255 / top) + 0.5).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2), None
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
    return np.asarray(image.convert("RGB")).copy(), None


def _reduced(rgb: np.ndarray, alpha: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    height, width = rgb.shape[:2]
    scale = WORKING_SIDE / max(height, width)
    if scale >= 1:
        return rgb, alpha
    from img2mesh.segment.cutout import resize_rgba

    size = max(1, round(width * scale)), max(1, round(height * scale))
    if min(size) < MIN_SIDE:
        raise Img2MeshError(f"A photo of {width} x {height} pixels is too narrow to hold an object.")
    full = np.full((height, width, 1), 255, np.uint8) if alpha is None else alpha[..., None]
    small = resize_rgba(np.concatenate([rgb, full], axis=2), *size)
    return np.ascontiguousarray(small[..., :3]), None if alpha is None else np.ascontiguousarray(
        small[..., 3]
    )


def _too_large(name: str, width: int = 0, height: int = 0) -> str:
    size = f" ({width} x {height} pixels)" if width else ""
    return f"{name} is too large{size}: at most {MAX_PIXELS // 1_000_000} megapixels are read."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:160] or type(error).__name__
