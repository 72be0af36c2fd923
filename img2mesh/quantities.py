"""Quantities as people write them: lengths with their units, angles, places in a picture.

Each function raises `Img2MeshError`, with a sentence that names the setting, where the text is none.
"""

from __future__ import annotations

import re

from img2mesh.errors import Img2MeshError


def parse_elevation(text: str) -> float | None:
    """Degrees in [-90, 90], or None for `auto`."""
    if text == "auto":
        return None
    try:
        value = float(text)
    except ValueError:
        raise Img2MeshError(f"Elevation must be auto or degrees, not {text!r}.") from None
    if not -90 <= value <= 90:  # NaN fails too
        raise Img2MeshError(f"Elevation must lie between -90 and 90 degrees, not {text}.")
    return value


def parse_symmetry(text: str) -> float | str:
    """`auto` or `none`, or the azimuth of the plane's normal in degrees from the photo's camera, in (-360, 360).

    `x` is 90: the normal points to the camera's right, the photo's left and right halves are alike. `y` is 0: the
    normal points to the camera, front and back are alike.
    """
    if text in ("auto", "none"):
        return text
    try:
        value = {"x": 90.0, "y": 0.0}[text] if text in ("x", "y") else float(text)
    except ValueError:
        raise Img2MeshError(f"Symmetry must be auto, none, x, y or degrees, not {text!r}.") from None
    if not -360 < value < 360:  # NaN fails too
        raise Img2MeshError(f"Symmetry must lie between -360 and 360 degrees, not {text}.")
    return value


def parse_height(text: str) -> float | None:
    """A length such as `12cm` in metres, or None for the empty string. Units: mm, cm, m, in."""
    return parse_length(text, "height")


def parse_length(text: str, name: str) -> float | None:
    """The same for another setting, which the error names."""
    if not text:
        return None
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(mm|cm|m|in)\s*", text)
    if not match or not 0 < float(match[1]) < 1e9:
        what = name.replace("_", "-").capitalize()
        raise Img2MeshError(f"{what} must be a positive length with a unit (mm, cm, m, in), not {text!r}.")
    return float(match[1]) * {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "in": 0.0254}[match[2]]


def parse_pixels(name: str, text: str, count: int) -> tuple[float, ...] | None:
    """So many numbers with commas between them, at least 0 (a box's sides at least 8), or None for the empty string."""
    if not text:
        return None
    wanted = "x,y,w,h" if count == 4 else "x,y"
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(0 <= value < 1e6 for value in values):
        raise Img2MeshError(f"Setting {name} must be {wanted} in pixels, not {text!r}.")
    if count == 4 and min(values[2:]) < 8:
        raise Img2MeshError(f"Setting {name} must be at least 8 pixels wide and high, not {text!r}.")
    return values


def parse_bed(text: str) -> tuple[float, float, float]:
    """Width, depth and height in mm from `220x220x250`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*x\s*(\d+(?:\.\d+)?)\s*x\s*(\d+(?:\.\d+)?)\s*(?:mm)?\s*", text)
    if not match or min(float(side) for side in match.groups()) <= 0:
        raise Img2MeshError(f"Bed must be three lengths in mm, such as 220x220x250, not {text!r}.")
    return float(match[1]), float(match[2]), float(match[3])
