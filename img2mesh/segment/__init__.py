"""The first room: a photo becomes a cutout, the object alone on a transparent square of known layout.

`segment_photo` reads the file whatever its format, finds the object (the photo's own alpha, a segmentation
network, or a matting of our own for plain backgrounds), checks the mask and recentres it. Nothing here knows
about three dimensions. Heavy modules are imported on first use.
"""

from __future__ import annotations

import importlib

_HOMES = {
    "Cutout": "cutout",
    "read_photo": "read",
    "segment_photo": "photo",
    "segmentation_models": "models",
}

__all__ = ["Cutout", "read_photo", "segment_photo", "segmentation_models"]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
