"""Are seams visible from afar? Meshes drawn by WebGL in a browser and by our own renderer, at mip levels 0 to about 4.

    python benchmarks/mip_levels.py MESH.glb ... [--chromium PATH] [-o FOLDER]

Each mesh is drawn from four sides at 512 to 32 pixels. The browser (headless chromium by playwright, which `[dev]`
brings) makes mip levels of the texture (`generateMipmap`) and looks them up trilinearly, as game engines do. The truth
is the same side at 1024 pixels without mip levels, averaged. A seam that bleeds makes pixels where charts meet worse
than others; printed are mean absolute errors (of 255) of both kinds, after the truth was blurred like the picture
(by the Gaussian that makes it most like it), for mip levels blur prints wherever they are.
"""

from __future__ import annotations

import argparse
import base64
from pathlib import Path

import numpy as np
from PIL import Image

from img2mesh.core.camera import Camera, orbit_camera
from img2mesh.core.images import save_png
from img2mesh.core.rasterise import rasterise_view
from img2mesh.errors import run_script
from img2mesh.mesh import TexturedMesh, read_mesh
from img2mesh.mesh.pictures import png_bytes
from img2mesh.preview import render_mesh

SIZES, LARGE, AZIMUTHS = (512, 256, 128, 64, 32), 1024, (0, 90, 180, 270)
BLURS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3)  # pixels
NEAR, FAR = 0.05, 10.0
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
DRAW = """
async ([positions, uv, indices, png, size]) => {
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
  const canvas = Object.assign(document.createElement('canvas'), {width: size, height: size});
  const gl = canvas.getContext('webgl2', {antialias: false, premultipliedAlpha: false});
  const program = gl.createProgram();
  for (const [kind, code] of [
    [gl.VERTEX_SHADER, 'in vec4 place; in vec2 uv; out vec2 at; void main() { gl_Position = place; at = uv; }'],
    [gl.FRAGMENT_SHADER, `precision highp float; in vec2 at; uniform sampler2D colours; out vec4 shown;
      void main() { shown = vec4(texture(colours, at).rgb, 1.0); }`]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, '#version 300 es\\n' + code);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  for (const [name, data, width] of [['place', positions, 4], ['uv', uv, 2]]) {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(bytes(data)), gl.STATIC_DRAW);
    const slot = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(slot);
    gl.vertexAttribPointer(slot, width, gl.FLOAT, false, 0, 0);
  }
  const faces = new Uint32Array(bytes(indices));
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, faces, gl.STATIC_DRAW);
  const picture = await createImageBitmap(
    new Blob([bytes(png)], {type: 'image/png'}), {premultiplyAlpha: 'none', colorSpaceConversion: 'none'});
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  gl.generateMipmap(gl.TEXTURE_2D);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  gl.enable(gl.DEPTH_TEST);
  gl.viewport(0, 0, size, size);
  gl.drawElements(gl.TRIANGLES, faces.length, gl.UNSIGNED_INT, 0);
  const pixels = new Uint8Array(size * size * 4);
  gl.readPixels(0, 0, size, size, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  let text = '';
  for (let k = 0; k < pixels.length; k += 32768) text += String.fromCharCode(...pixels.subarray(k, k + 32768));
  return btoa(text);
}
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("meshes", type=Path, nargs="+")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("-o", "--output", type=Path, help="folder for what the browser drew")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    print("| mesh | pixels | browser: at seams | elsewhere | ours: at seams | elsewhere |")
    print("|---|---:|---:|---:|---:|---:|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=FLAGS)
        page = browser.new_page()
        for path in given.meshes:
            mesh = read_mesh(path)
            png = base64.b64encode(png_bytes(mesh.texture)).decode()
            charts, drawn = _charts(mesh), []
            for size in SIZES:
                errors: list[list[np.ndarray]] = [[], [], [], []]
                for azimuth in AZIMUTHS:
                    small, large = (orbit_camera(15, azimuth, 1.6, 45, side) for side in (size, LARGE))
                    theirs = _by_browser(page, mesh, small, png)
                    drawn.append(theirs)
                    seam = _seams(mesh, charts, large, size)
                    truth, inside = _averaged(render_mesh(mesh, large, background=None), size)
                    for k, picture in enumerate((theirs, render_mesh(mesh, small, background=None))):
                        known = inside & (picture[..., 3] == 255)
                        error = _error(picture, truth, known)
                        errors[2 * k].append(error[seam[known]])
                        errors[2 * k + 1].append(error[~seam[known]])
                cells = " | ".join(f"{np.concatenate(part).mean():.1f}" for part in errors)
                print(f"| {path.stem} | {size} | {cells} |", flush=True)
            if given.output is not None:
                _save(drawn, given.output / f"{path.stem}-mip-levels.png")
        browser.close()
    return 0


def _by_browser(page, mesh: TexturedMesh, camera: Camera, png: str) -> np.ndarray:
    """(S, S, 4) uint8."""
    pixels, depth = camera.project(np.asarray(mesh.vertices, float))
    x, y = pixels[:, 0] / camera.width * 2 - 1, 1 - pixels[:, 1] / camera.height * 2
    z = (FAR + NEAR - 2 * FAR * NEAR / depth) / (FAR - NEAR)
    positions = np.stack([x, y, z, np.ones_like(x)], axis=1) * depth[:, None]
    uv = np.stack([mesh.uv[:, 0], 1 - mesh.uv[:, 1]], axis=1)
    data = [
        _text(positions.astype(np.float32)),
        _text(uv.astype(np.float32)),
        _text(mesh.faces.astype(np.uint32)),
    ]
    answer = base64.b64decode(page.evaluate(DRAW, [*data, png, camera.width]))
    return np.frombuffer(answer, np.uint8).reshape(camera.height, camera.width, 4)[::-1]


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _charts(mesh: TexturedMesh) -> np.ndarray:
    """(F,) number of each face's chart: faces that share vertices, which seams split."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(mesh.vertices)
    pairs = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]]])
    joined = coo_matrix((np.ones(len(pairs)), pairs.T), (count, count))
    return connected_components(joined, directed=False)[1][mesh.faces[:, 0]]


def _seams(mesh: TexturedMesh, charts: np.ndarray, large: Camera, size: int) -> np.ndarray:
    """(S, S) bool: pixels that more than one chart covers."""
    fragments = rasterise_view(mesh.vertices, mesh.faces, large)
    step = large.width // size
    at = np.where(fragments.hit, charts[np.maximum(fragments.face, 0)], -1).reshape(size, step, size, step)
    return at.max((1, 3)) != at.min((1, 3))


def _averaged(picture: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(S, S, 3) float64 means of the shown pixels, and (S, S) bool: all of them are."""
    step = picture.shape[0] // size
    alpha = picture[..., 3:] / 255
    total = (picture[..., :3] * alpha).reshape(size, step, size, step, 3).sum((1, 3))
    weight = alpha.reshape(size, step, size, step, 1).sum((1, 3))
    return total / np.maximum(weight, 1e-6), weight[..., 0] > 0.999 * step * step


def _error(picture: np.ndarray, truth: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n,) mean absolute difference of the known pixels from the truth blurred as the picture is."""
    from scipy.ndimage import gaussian_filter

    shown, tries = known.astype(float)[..., None], []
    for blur in BLURS:
        weight = np.maximum(gaussian_filter(shown, (blur, blur, 0)), 1e-6)
        soft = gaussian_filter(truth * shown, (blur, blur, 0)) / weight
        tries.append(np.abs(picture[..., :3] - soft)[known].mean(axis=1))
    return min(tries, key=lambda error: error.mean())


def _save(drawn: list[np.ndarray], path: Path) -> None:
    rows = []
    for start in range(0, len(drawn), len(AZIMUTHS)):
        row = [
            Image.fromarray(p).resize((SIZES[0] // 2,) * 2, 0) for p in drawn[start : start + len(AZIMUTHS)]
        ]
        rows.append(np.hstack([np.asarray(picture) for picture in row]))
    save_png(np.vstack(rows), path)


if __name__ == "__main__":
    run_script(main)
