"""What finishing costs and what a normal map is worth: `python benchmarks/finishing.py MESH...`.

The meshes are dense ones as the pipeline hands them to `finish_mesh`: `mesh.glb` of `img2mesh PHOTO --faces 12000
--keep FOLDER`. Printed for each: processor seconds of finishing it for print, and of baking 3000 faces with a normal
map; PSNR in dB of renders of these 3000 faces against the dense mesh, six views: with its texture under soft light, and
as clay, with the normal map and without.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.errors import run_script
from img2mesh.finish import finish_mesh
from img2mesh.finish.rebake import Source, rebake
from img2mesh.mesh import read_mesh
from img2mesh.mesh.textured_mesh import TexturedMesh
from img2mesh.preview.raster import render_mesh
from img2mesh.settings import Settings

FACES, TEXTURE, VIEWS, SIDE = 3000, 1024, 6, 384


def psnr(one: TexturedMesh, two: TexturedMesh, shade: str) -> float:
    """Of renders on white, over all views."""
    errors = []
    for azimuth in range(0, 360, 360 // VIEWS):
        camera = orbit_camera(20, azimuth, size=SIDE)
        first, second = (_on_white(render_mesh(mesh, camera, shade=shade)) for mesh in (one, two))
        errors.append(((first - second) ** 2).mean())
    return float(-10 * np.log10(np.mean(errors)))


def _on_white(picture: np.ndarray) -> np.ndarray:
    values = picture.astype(np.float32) / 255
    return values[..., :3] * values[..., 3:] + 1 - values[..., 3:] if values.shape[2] == 4 else values


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("meshes", type=Path, nargs="+")
    printing = Settings.load("draft", purpose="print", offline=True)
    print("| mesh | print, s | bake, s | soft | clay | clay, no map |\n|---|---:|---:|---:|---:|---:|")
    for path in parser.parse_args().meshes:
        dense = read_mesh(path)
        start = time.process_time()
        finish_mesh(dense, printing)
        after = time.process_time()
        made = rebake(Source(dense), FACES, TEXTURE, True)
        seconds = after - start, time.process_time() - after
        found = [psnr(dense, mesh, shade) for mesh, shade in ((made, "soft"), (made, "clay"))]
        found.append(psnr(dense, replace(made, normal_map=None), "clay"))
        figures = " | ".join(f"{value:.1f}" for value in (*seconds, *found))
        print(f"| {path.parent.name}/{path.name} | {figures} |", flush=True)


if __name__ == "__main__":
    run_script(main)
