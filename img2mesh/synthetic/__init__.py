"""Datasets for training: 3D models of many formats, each rendered from random cameras around it.

`find_models` lists them, `read_model` brings one into world axes, an engine (`embree`, built in, or `blender`) draws
it, `render_dataset` does so for all, resumably.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from img2mesh.synthetic.dataset import RenderOptions, render_dataset
    from img2mesh.synthetic.model import Model
    from img2mesh.synthetic.model_files import find_models
    from img2mesh.synthetic.read_models import read_model
    from img2mesh.synthetic.render import load_engine

__all__ = ["Model", "RenderOptions", "find_models", "load_engine", "read_model", "render_dataset"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "dataset": ["RenderOptions", "render_dataset"],
        "model": ["Model"],
        "model_files": ["find_models"],
        "read_models": ["read_model"],
        "render": ["load_engine"],
    },
)
