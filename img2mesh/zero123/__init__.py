"""Zero-1-to-3 and Zero123++: loading checkpoints of every published kind, drawing an object from new cameras.

`load_model` gives a sampler (`interface.Sampler`), whose `draw` turns one RGBA picture into pictures from known
cameras. `Zero123` serves the full-size checkpoints and the mini that is shipped in `weights/mini`, and draws any
pose; `Zero123Plus` draws six fixed views. Importing this package is cheap; torch, diffusers and transformers are
imported with the first name taken from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from img2mesh.zero123.interface import Drawn, Sampler
    from img2mesh.zero123.loader import load_model
    from img2mesh.zero123.plus import Zero123Plus
    from img2mesh.zero123.sampler import Zero123

__all__ = ["Drawn", "Sampler", "Zero123", "Zero123Plus", "load_model"]

_HOMES = {
    "load_model": "loader",
    "Zero123": "sampler",
    "Zero123Plus": "plus",
    "Drawn": "interface",
    "Sampler": "interface",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
