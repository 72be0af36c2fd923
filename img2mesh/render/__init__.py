"""Datasets for training: 3D models of many formats, each rendered from random cameras around it.

`find_models` lists them, `read_model` brings one into world axes, an engine (`embree`, built in, or `blender`) draws
it, `render_dataset` does so for all, resumably. Importing this package is cheap.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Model", "RenderOptions", "find_models", "load_engine", "read_model", "render_dataset"]

_HOMES = {
    "Model": "model",
    "RenderOptions": "dataset",
    "find_models": "find",
    "load_engine": "engine",
    "read_model": "read",
    "render_dataset": "dataset",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
