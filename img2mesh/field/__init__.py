"""The field: a NeuS-style signed distance on a multi-resolution hash grid, fitted to the views.

`fit_field(views, settings, progress, device)` returns a `Field` with `sdf`, `colour`, `gradient`, `bounds` and
`facts`. It starts from the tolerant visual hull (img2mesh/views/hull.py), optimises colours and silhouettes by
volume rendering, and trusts the photo most. Names load on first use, so importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from img2mesh.field.field import Field
    from img2mesh.field.fit import fit_field
    from img2mesh.field.hashgrid import HashGrid

__all__ = ["Field", "HashGrid", "fit_field"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    homes = {"Field": "field", "fit_field": "fit", "HashGrid": "hashgrid"}
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"img2mesh.field.{homes[name]}"), name)
