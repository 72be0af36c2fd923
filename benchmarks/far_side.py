"""What the side looks like that the photo does not show, against the truth: a Markdown table.

    img2mesh evaluate DATA --mesh --preset draft --metrics none -o SCORES
    python benchmarks/far_side.py DATA SCORES/mesh [OTHER/mesh ...] [--half test]

DATA is the folder of held-out objects; the others hold meshes of them, NAME-0.glb, made from the protocol's first view.
Each mesh is rendered from azimuths 90 to 270. Printed are means: PSNR where mesh and truth both are (the colours, not
the outline), LPIPS there, and the ghost score (`img2mesh.evaluate.ghost`), with the photo on its own rays and
mirrored at planes of every 15 degrees. Only objects count that all folders hold.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.core.view import Source, View
from img2mesh.errors import Img2MeshError, run_script
from img2mesh.evaluate.ghost import ghost_score, photo_copies
from img2mesh.evaluate.ground_truth import render_truth
from img2mesh.evaluate.metrics import find_perceptual, psnr
from img2mesh.evaluate.objects import load_objects, read_object
from img2mesh.evaluate.protocol import DISTANCE, protocol_cameras
from img2mesh.mesh import TexturedMesh, read_mesh
from img2mesh.preview import render_mesh

AZIMUTHS, ELEVATION, SIZE = (90, 135, 180, 225, 270), 15.0, 256
PLANES = [Mirror(float(np.radians(azimuth)), 0.0) for azimuth in range(0, 180, 15)]
OPAQUE = 200  # alpha from which a pixel counts


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("meshes", type=Path, nargs="+")
    parser.add_argument("--half", choices=("dev", "test", "all"), default="test")
    parser.add_argument("--metrics", help="folder of the LPIPS weights, or none")
    given = parser.parse_args()
    files = load_objects(given.data)
    files = {"dev": files[0::2], "test": files[1::2], "all": files}[given.half]
    shared = [path for path in files if all(_mesh_file(folder, path).is_file() for folder in given.meshes)]
    if not shared:
        raise Img2MeshError("The folders of meshes hold no NAME-0.glb of the same object.")
    perceptual = find_perceptual(given.metrics)
    scores = np.array([far_side(path, given.meshes, perceptual) for path in shared])  # (objects, folders, 3)
    print(f"| meshes, {len(shared)} objects | PSNR, dB | LPIPS | ghost score |\n|---|---:|---:|---:|")
    for folder, (value, distance, ghost) in zip(given.meshes, scores.mean(axis=0), strict=True):
        print(f"| {folder} | {value:.2f} | {distance:.4f} | {ghost:.4f} |")
    return 0


def _mesh_file(folder: Path, path: Path) -> Path:
    return folder / f"{path.stem}-0.glb"


def far_side(path: Path, folders: list[Path], perceptual) -> list[tuple[float, float, float]]:
    """(PSNR, LPIPS, ghost score) of each folder's mesh of an object, means over the azimuths."""
    truth, camera = read_object(path), protocol_cameras()[0]
    photo = View(render_truth(truth, camera), camera, Source.PHOTO)
    cameras = [orbit_camera(ELEVATION, azimuth, DISTANCE, size=SIZE) for azimuth in AZIMUTHS]
    wanted = [render_truth(truth, each, supersample=2) for each in cameras]
    result = []
    for folder in folders:
        mesh = read_mesh(_mesh_file(folder, path))
        found = [
            picture_scores(mesh, photo, each, true, perceptual)
            for each, true in zip(cameras, wanted, strict=True)
        ]
        result.append(tuple(np.nanmean(found, axis=0)))
        print(path.stem, folder, *(f"{x:.4f}" for x in result[-1]), file=sys.stderr, flush=True)
    return result


def picture_scores(
    mesh: TexturedMesh, photo: View, camera, true: np.ndarray, perceptual
) -> tuple[float, float, float]:
    """Of one camera; NaN where mesh and truth share no pixels, or without LPIPS weights."""
    picture = render_mesh(mesh, camera, None)
    both = (picture[..., 3] > OPAQUE) & (true[..., 3] > OPAQUE)
    ghost = ghost_score(picture, photo_copies(photo, PLANES, mesh.vertices, mesh.faces, camera))
    if not both.any():
        return np.nan, np.nan, ghost
    pair = [np.where(both[..., None], each[..., :3], 255).astype(np.uint8) for each in (picture, true)]
    distance = np.nan
    if perceptual is not None:
        one, two = perceptual.features(pair)
        distance = perceptual.distances([one], [two])[0]
    return psnr(*pair, both), distance, ghost


if __name__ == "__main__":
    sys.exit(run_script(main))
