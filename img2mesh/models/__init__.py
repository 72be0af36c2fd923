"""Networks: Zero-1-to-3 and Zero123++ samplers from checkpoints of every published kind, and the occupancy network.

`load_model` gives a sampler (`sampler.Sampler`), whose `draw` turns one RGBA picture into pictures from known cameras.
`Zero123` serves the full-size checkpoints and the mini that is shipped in `weights/mini`, and draws any pose;
`Zero123Plus` draws six fixed views. Importing this package is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from img2mesh.models.load import load_model
    from img2mesh.models.sampler import Drawn, Sampler
    from img2mesh.models.zero123 import Zero123
    from img2mesh.models.zero123plus import Zero123Plus

__all__ = ["Drawn", "Sampler", "Zero123", "Zero123Plus", "load_model"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "load": ["load_model"],
        "sampler": ["Drawn", "Sampler"],
        "zero123": ["Zero123"],
        "zero123plus": ["Zero123Plus"],
    },
)
