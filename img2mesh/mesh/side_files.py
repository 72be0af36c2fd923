"""The names of the files that some formats put beside a mesh."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def side_files(path: Path) -> tuple[Path, ...]:
    """The files that `write_mesh` puts beside a mesh: an .obj's material and texture.

    An .obj cannot name files with spaces. Where the name has to be changed a few letters of its hash follow, so that
    two meshes never share their texture.
    """
    if path.suffix.lower() != ".obj":
        return ()
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in path.stem)
    if name != path.stem:
        name += "-" + hashlib.sha256(os.fsencode(path.stem)).hexdigest()[:6]
    return path.with_name(f"{name}.mtl"), path.with_name(f"{name}_texture.png")
