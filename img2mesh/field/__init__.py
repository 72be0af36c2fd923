"""The neural field: a NeuS signed distance and colours on a multi-resolution hash grid, fitted by volume rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from img2mesh.field.fit import fit_field
    from img2mesh.field.hash_grid import HashGrid
    from img2mesh.field.sdf_network import Field

__all__ = ["Field", "HashGrid", "fit_field"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "fit": ["fit_field"],
        "hash_grid": ["HashGrid"],
        "sdf_network": ["Field"],
    },
)
