"""The first room: a photo becomes a cutout, the object alone on a transparent square of known layout.

`segment_photo` reads the file whatever its format, finds the object (the photo's own alpha, a segmentation
network, or a matting of our own for plain backgrounds), checks the mask and recentres it. Nothing here knows
about three dimensions. Heavy modules are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from img2mesh.segment.cutout import Cutout, segment_photo
    from img2mesh.segment.models import segmentation_models
    from img2mesh.segment.read import read_photo

__all__ = ["Cutout", "read_photo", "segment_photo", "segmentation_models"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cutout": ["Cutout", "segment_photo"],
        "models": ["segmentation_models"],
        "read": ["read_photo"],
    },
)
