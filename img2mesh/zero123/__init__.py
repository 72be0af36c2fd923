"""Zero-1-to-3: loading checkpoints of every published kind, and drawing an object from new cameras.

`load_model` gives a `Zero123`, whose `sample` turns one RGBA picture and relative poses into pictures. One
sampler serves the full-size checkpoints and the mini that is shipped in `weights/mini`. Importing this
package is cheap; torch, diffusers and transformers are imported with the first name taken from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from img2mesh.zero123.loader import load_model
    from img2mesh.zero123.sampler import Zero123

__all__ = ["Zero123", "load_model"]

_HOMES = {"load_model": "loader", "Zero123": "sampler"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
