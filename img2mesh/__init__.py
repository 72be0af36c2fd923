"""img2mesh: one photo of an object becomes a textured 3D mesh.

The names of the Python interface are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

__version__ = "0.1.0"

if TYPE_CHECKING:
    from img2mesh.errors import Img2MeshError
    from img2mesh.photos.photo import Photo
    from img2mesh.pipeline import (
        image_to_mesh,
        reconstruct,
        scan_to_mesh,
        synthesize_views,
        turntable_to_mesh,
    )
    from img2mesh.settings import Settings

__all__ = [
    "Img2MeshError",
    "Photo",
    "Settings",
    "image_to_mesh",
    "reconstruct",
    "scan_to_mesh",
    "synthesize_views",
    "turntable_to_mesh",
]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "errors": ["Img2MeshError"],
        "photos.photo": ["Photo"],
        "pipeline": ["image_to_mesh", "reconstruct", "scan_to_mesh", "synthesize_views", "turntable_to_mesh"],
        "settings": ["Settings"],
    },
)
