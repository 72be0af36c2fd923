"""Pictures at known cameras: the plan of the views, their synthesis, the input's elevation, transforms.json.

`plan` decides where the cameras stand, `generate` asks the sampler for the views, `elevation` finds out from
them how high the photo's camera stood, `ring` serves `img2mesh views`, `transforms` writes and reads
nerfstudio's format, `align` finds the photo's place among the views, `masks` and `normalise` turn foreign
views into ours, `hull` intersects silhouettes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from img2mesh.views.view import View, ViewSet

if TYPE_CHECKING:
    from img2mesh.views.generate import generate_views
    from img2mesh.views.plan import view_cameras
    from img2mesh.views.ring import synthesize_at
    from img2mesh.views.transforms import load_views, save_views

_HOMES = {
    "view_cameras": "img2mesh.views.plan",
    "generate_views": "img2mesh.views.generate",
    "synthesize_at": "img2mesh.views.ring",
    "load_views": "img2mesh.views.transforms",
    "save_views": "img2mesh.views.transforms",
}
__all__ = ["View", "ViewSet", "generate_views", "load_views", "save_views", "synthesize_at", "view_cameras"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'img2mesh.views' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
