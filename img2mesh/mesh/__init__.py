"""From a fitted field to a file: closed surface, simplification, atlas, texture, and glb, obj, ply and stl.

`build_mesh` makes a `TexturedMesh`, `mesh_report` describes it, `write_mesh` and `read_mesh` are its files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from img2mesh.mesh.build import build_mesh
    from img2mesh.mesh.read import read_mesh
    from img2mesh.mesh.stats import mesh_report
    from img2mesh.mesh.textured_mesh import TexturedMesh
    from img2mesh.mesh.write import check_mesh_path, write_mesh

__all__ = ["TexturedMesh", "build_mesh", "check_mesh_path", "mesh_report", "read_mesh", "write_mesh"]
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "build": ["build_mesh"],
        "read": ["read_mesh"],
        "stats": ["mesh_report"],
        "textured_mesh": ["TexturedMesh"],
        "write": ["check_mesh_path", "write_mesh"],
    },
)
