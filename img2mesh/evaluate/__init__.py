"""Measures the program on objects whose shape is known: novel views, meshes from one image, the fitter alone.

`novel_views` compares synthesized pictures with true renders, `one_image_meshes` whole runs with true meshes in
SyncDreamer's protocol, `oracle_meshes` the reconstruction from true renders; all with baselines beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from img2mesh.evaluate.novel_views import novel_views
    from img2mesh.evaluate.objects import load_objects
    from img2mesh.evaluate.one_image import one_image_meshes
    from img2mesh.evaluate.oracle import oracle_meshes
    from img2mesh.evaluate.table import Table

__all__ = ["Table", "load_objects", "novel_views", "one_image_meshes", "oracle_meshes"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "novel_views": ["novel_views"],
        "objects": ["load_objects"],
        "one_image": ["one_image_meshes"],
        "oracle": ["oracle_meshes"],
        "table": ["Table"],
    },
)
