"""Pictures at known cameras: the plan of the views, their synthesis, the photo's pose among them, transforms.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from img2mesh.core.view import View, ViewSet

if TYPE_CHECKING:
    from img2mesh.views.orbit import synthesize_at
    from img2mesh.views.plan import view_cameras
    from img2mesh.views.synthesize import generate_views
    from img2mesh.views.transforms import load_views, save_views

__all__ = ["View", "ViewSet", "generate_views", "load_views", "save_views", "synthesize_at", "view_cameras"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "orbit": ["synthesize_at"],
        "plan": ["view_cameras"],
        "synthesize": ["generate_views"],
        "transforms": ["load_views", "save_views"],
    },
)
