"""Measures the program on objects whose shape is known: novel views, meshes from one image, the fitter alone.

`novel_views` compares synthesized pictures with true renders, `one_image_meshes` whole runs with true meshes in
SyncDreamer's protocol, `oracle_meshes` the reconstruction from true renders; all with baselines beside them.
Importing this package is cheap.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Table", "load_objects", "novel_views", "one_image_meshes", "oracle_meshes"]

_HOMES = {
    "Table": "table",
    "load_objects": "objects",
    "novel_views": "novel_views",
    "one_image_meshes": "one_image",
    "oracle_meshes": "oracle",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
