"""The README's picture: a photo and its mesh from four sides. `python scripts/make_result.py PHOTO MESH OUT.png`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from img2mesh.core.camera import orbit_camera
from img2mesh.core.images import save_png
from img2mesh.mesh import read_mesh
from img2mesh.preview import render_mesh

SIZE = 300
AZIMUTHS = (0, 60, 180, 300)


def main(photo: str, mesh: str, out: str) -> None:
    """Draw the photo, square, beside four renders of the mesh."""
    with Image.open(photo) as opened:
        first = np.asarray(opened.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS))
    surface = read_mesh(mesh)
    size = float(np.ptp(surface.vertices, axis=0).max())  # --height may have scaled it
    pictures = [first]
    for azimuth in AZIMUTHS:
        camera = orbit_camera(20, azimuth, 1.6 * size, size=SIZE)
        pictures.append(render_mesh(surface, camera, background=(255, 255, 255))[..., :3])
    save_png(np.concatenate(pictures, axis=1), Path(out))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
