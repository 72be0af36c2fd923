"""img2mesh: one photo of an object becomes a textured 3D mesh.

The three functions of the Python interface are loaded when they are first used, so that importing the package
costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Img2MeshError", "Settings", "image_to_mesh", "reconstruct", "synthesize_views"]

if TYPE_CHECKING:
    from img2mesh.errors import Img2MeshError
    from img2mesh.pipeline import image_to_mesh, reconstruct, synthesize_views
    from img2mesh.settings import Settings

_HOMES = {
    "Img2MeshError": "img2mesh.errors",
    "Settings": "img2mesh.settings",
    "image_to_mesh": "img2mesh.pipeline",
    "synthesize_views": "img2mesh.pipeline",
    "reconstruct": "img2mesh.pipeline",
}


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'img2mesh' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
