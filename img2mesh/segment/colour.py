"""Values of any range and colour space to 8-bit sRGB."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from img2mesh.core import srgb

_SRGB_GAMMA = 1 / 2.2  # of PNG's gAMA chunk for ordinary pictures
# Adobe RGB (1998) to sRGB, both linear, D65: the product of the matrices in the two specifications.
_ADOBE_TO_SRGB = np.array([[1.3984, -0.3984, 0.0], [0.0, 1.0, 0.0], [0.0, -0.0429, 1.0429]], np.float32)
_ADOBE_GAMMA = 563 / 256
_INTEROPERABILITY, _COLOUR_SPACE, _EXIF = 0xA005, 0xA001, 0x8769


def eight_bits(values: np.ndarray, significant: int | None = None) -> tuple[np.ndarray, str | None]:
    """Numbers of any type, stretched from the range that the file uses.

    bool and uint8 are taken as they are. Of wider integers the range is the smallest of 8, 10, 12, 14 and 16 (or 32)
    bits that holds the maximum; floating point is [0, 1] if it fits, and otherwise as if it were integers (or, up to
    16, its maximum).

    Args:
        values: any shape; NaN and what is below 0 count as 0.
        significant: bits that the file says it uses (PNG's sBIT), if it does.

    Returns:
        uint8 of the same shape, and a sentence if the range is not the type's own.
    """
    if values.dtype == bool:
        return values.astype(np.uint8) * 255, None
    if values.dtype == np.uint8:
        return values, None
    floating = values.dtype.kind == "f"
    values = np.nan_to_num(
        values.astype(np.float32 if values.dtype.itemsize <= 4 else np.float64), posinf=0, neginf=0
    )
    most = float(values.max()) if values.size else 0.0
    own = 1.0 if floating else 65535.0
    if floating and most <= 1.0:
        top = 1.0
    elif floating and most <= 16.0:
        top = most
    elif significant and most < 2**significant:
        top = 2.0**significant - 1
    else:
        top = next((2.0**bits - 1 for bits in (8, 10, 12, 14, 16) if most < 2**bits), most)
    note = None
    if top != own:
        note = f"The photo's values reach only {most:g}: they were stretched as if {top:g} were white."
        if top > own:
            note = f"The photo's values reach {most:g}: that is taken for white."
    return (values * (255 / top) + 0.5).clip(0, 255).astype(np.uint8), note


def to_srgb(image: Image.Image) -> tuple[Image.Image, str | None]:
    """An 8-bit picture without alpha (L, RGB, CMYK, LAB) as RGB in sRGB, by its profile, its EXIF or its gamma.

    Relative colorimetric with black point compensation. An unusable profile is passed over with a sentence.
    """
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("L", "RGB", "CMYK", "LAB"):
        return _by_profile(image, profile)
    if image.mode == "LAB":
        return _from_lab(image), None
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    if _is_adobe(image):
        return Image.fromarray(
            _from_adobe(np.asarray(rgb))
        ), "Its colours were converted from Adobe RGB to sRGB."
    gamma = image.info.get("gamma")
    if (
        isinstance(gamma, float)
        and 0.1 < gamma < 3
        and abs(gamma - _SRGB_GAMMA) > 0.03
        and "srgb" not in image.info
    ):
        table = (255 * (np.arange(256) / 255) ** (_SRGB_GAMMA / gamma) + 0.5).astype(np.uint8)
        return Image.fromarray(
            table[np.asarray(rgb)]
        ), f"Its colours were converted from gamma {1 / gamma:.2g} to sRGB."
    return rgb, None


def _by_profile(image: Image.Image, data: bytes) -> tuple[Image.Image, str | None]:
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        name = " ".join((ImageCms.getProfileDescription(profile) or "").split())
        if image.mode == "RGB" and "srgb" in name.lower():
            return image, None
        space = profile.profile.xcolor_space.strip()
        if space != {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}[image.mode]:
            raise ValueError("the profile is for another kind of picture")
        converted: Image.Image | None = ImageCms.profileToProfile(
            image,
            profile,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return image.convert("RGB"), "Its colour profile is damaged and was passed over."
    assert converted is not None, "a new picture was asked for"
    return converted, f"Its colours were converted from {name or 'its profile'} to sRGB."


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None, "a new picture was asked for"
    return converted


def _is_adobe(image: Image.Image) -> bool:
    """Cameras set to Adobe RGB embed no profile; they say "R03" in the EXIF (DCF 2.0)."""
    try:
        exif = image.getexif()
        if exif.get_ifd(_EXIF).get(_COLOUR_SPACE) not in (2, 0xFFFF):
            return False
        index = exif.get_ifd(_INTEROPERABILITY).get(1, "")
    except Exception:  # damaged EXIF is common and says nothing
        return False
    return str(index).strip("\0 ") == "R03"


def _from_adobe(rgb: np.ndarray) -> np.ndarray:
    linear = (np.arange(256, dtype=np.float32) / 255) ** _ADOBE_GAMMA
    return (srgb.to_srgb(linear[rgb] @ _ADOBE_TO_SRGB.T) * 255 + 0.5).astype(np.uint8)
