"""What three.js shows of our .glb files, beside what it should: `python benchmarks/three_js.py FILE... --three FOLDER`.

Chromium draws each file with three.js's own loader (`three_js.html`): base colour, normals, and in the light. Told
for each: agreement of the outline with our own renderer's, PSNR of the base colour in dB, and the median angle between
three.js's normals and those that the mesh's normals, tangents and normal map make. `-o` keeps the pictures.

Needs chromium, and the package `three` of npm: `npm install --prefix FOLDER three`.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import io
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from img2mesh.core.camera import Camera, orbit_camera
from img2mesh.core.rasterise import rasterise_view
from img2mesh.errors import Img2MeshError, run_script
from img2mesh.mesh import read_mesh
from img2mesh.mesh.axes import to_gltf
from img2mesh.mesh.textured_mesh import TexturedMesh
from img2mesh.preview.raster import mapped_normals, render_mesh

SIZE, FOV, DISTANCE = 512, 30.0, 2.6
VIEWS = ((20.0, 30.0), (15.0, 200.0))  # elevation and azimuth, degrees
CHROMIUM = (
    "--headless --no-sandbox --hide-scrollbars --use-gl=angle --use-angle=swiftshader "
    "--enable-unsafe-swiftshader --virtual-time-budget=60000"
).split()


@contextmanager
def server(root: Path) -> Iterator[str]:
    """A folder as a web site of this machine; its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(root))
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{site.server_address[1]}"
    finally:
        site.shutdown()


def with_normal_map(path: Path) -> TexturedMesh:
    """A mesh file with the normal map that `read_mesh` leaves out."""
    from PIL import Image

    mesh = read_mesh(path)
    data = path.read_bytes()
    length = int.from_bytes(data[12:16], "little")
    tree, block = json.loads(data[20 : 20 + length]), data[28 + length :]
    texture = tree["materials"][0].get("normalTexture")
    if texture is None:
        return mesh
    entry = tree["textures"][texture["index"]]
    source = entry.get("extensions", {}).get("EXT_texture_webp", entry).get("source")
    view = tree["bufferViews"][tree["images"][source]["bufferView"]]
    start = view.get("byteOffset", 0)
    with Image.open(io.BytesIO(block[start : start + view["byteLength"]])) as image:
        return replace(mesh, normal_map=np.asarray(image.convert("RGB")))


def screenshot(address: str, name: str, camera: Camera, centre: np.ndarray, target: Path) -> np.ndarray:
    """(SIZE, 3 SIZE, 3) uint8.

    Raises:
        Img2MeshError: chromium made no picture.
    """
    from PIL import Image

    def told(point: np.ndarray) -> str:
        return ",".join(f"{value:.9g}" for value in to_gltf(point[None])[0])

    asked = urlencode(
        {
            "file": name,
            "size": SIZE,
            "fov": FOV,
            "camera": told(camera.position + centre),
            "target": told(centre),
        }
    )
    window = f"--window-size={3 * SIZE},{SIZE + 200}"
    command = ["chromium", *CHROMIUM, window, f"--screenshot={target}", f"{address}/three_js.html?{asked}"]
    told_by = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if not target.is_file():
        raise Img2MeshError(f"chromium made no picture of {name}: {told_by.stderr[-300:]}")
    with Image.open(target) as image:
        return np.asarray(image.convert("RGB"))[:SIZE]


def compare(mesh: TexturedMesh, camera: Camera, seen: np.ndarray) -> tuple[float, float, float]:
    """Overlap of outlines, PSNR of the base colour in dB, median angle of the normals in degrees; inside of both."""
    own = render_mesh(mesh, camera, None, 2)
    fragments = rasterise_view(mesh.vertices, mesh.faces, camera)
    hit = fragments.hit
    normals = np.zeros((SIZE, SIZE, 3))
    normals[hit] = mapped_normals(mesh, fragments) @ camera.c2w[:3, :3]
    base, theirs = seen[:, :SIZE].astype(float), seen[:, SIZE : 2 * SIZE] / 127.5 - 1
    length = np.linalg.norm(theirs, axis=-1)
    shown = np.abs(length - 1) < 0.1  # white is no normal
    inside = hit & shown & (own[..., 3] == 255)
    inside[1:-1, 1:-1] &= hit[:-2, 1:-1] & hit[2:, 1:-1] & hit[1:-1, :-2] & hit[1:-1, 2:]
    error = np.mean((own[inside][:, :3] - base[inside]) ** 2)
    cosine = (normals[inside] * theirs[inside]).sum(-1) / (
        np.linalg.norm(normals[inside], axis=-1) * length[inside]
    )
    return (
        float((hit & shown).sum() / (hit | shown).sum()),
        float(10 * np.log10(255**2 / max(error, 1e-9))),
        float(np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1))))),
    )


def main() -> None:
    """Draw, compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--three", type=Path, required=True, help="folder of the npm package three")
    parser.add_argument("-o", "--output", type=Path, help="folder for the pictures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "three").symlink_to(given.three.resolve())
        shutil.copy(Path(__file__).with_name("three_js.html"), root)
        pictures = given.output or root / "pictures"
        pictures.mkdir(parents=True, exist_ok=True)
        print(
            "| file | azimuth | outlines' IoU | base colour, dB | normals, degrees |\n|---|---:|---:|---:|---:|"
        )
        with server(root) as address:
            for path in given.files:
                shutil.copy(path, root / "mesh.glb")
                mesh = with_normal_map(path)
                centre = mesh.bounds.mean(axis=0)
                mesh = replace(mesh, vertices=mesh.vertices - centre)
                reach = DISTANCE * float(np.ptp(mesh.vertices, axis=0).max())
                for elevation, azimuth in VIEWS:
                    camera = orbit_camera(elevation, azimuth, reach, FOV, SIZE)
                    picture = pictures / f"{path.stem}-{azimuth:.0f}.png"
                    seen = screenshot(address, "mesh.glb", camera, centre, picture)
                    found = compare(mesh, camera, seen)
                    print(
                        f"| {path.name} | {azimuth:.0f} | {found[0]:.3f} | {found[1]:.1f} | {found[2]:.2f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    run_script(main)
