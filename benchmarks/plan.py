"""How much of an object any reconstruction could know from a plan of cameras: a Markdown table of plans.

    python benchmarks/plan.py DATA [--objects N] [--elevation E] [--plans 18:0,40,-60 12:0,35 ...]

DATA is a folder of .glb files (+Y up, one textured mesh each). For each plan (number of views, then its rings as in the
setting `elevations`), space is carved by the true depth at every camera: what is left is the best that perfect stereo
could find. Printed is its volume IoU with the object on an 80^3 grid: the mean, the least, and whose that is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from img2mesh.core.camera import Camera, orbit_camera
from img2mesh.errors import Img2MeshError, run_script
from img2mesh.evaluate.geometry import volume_iou
from img2mesh.evaluate.ground_truth import Truth, cast
from img2mesh.evaluate.objects import load_objects, read_object
from img2mesh.settings import Settings
from img2mesh.synthetic.voxelize import occupancy
from img2mesh.views.plan import view_cameras

GRID, HALF = 80, 0.6
PLANS = ("18:0,35,-30", "18:0,40,-40", "18:0,40,-50", "18:0,40,-60", "12:0,35", "12:0,40,-50", "12:0,40,-60")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--objects", type=int, help="only this many, spread over the folder")
    parser.add_argument("--elevation", type=float, default=20.0, help="of the photo, degrees")
    parser.add_argument("--plans", nargs="+", default=list(PLANS))
    given = parser.parse_args()
    plans = {text: cameras_of(text, given.elevation) for text in given.plans}
    found: dict[str, dict[str, float]] = {text: {} for text in plans}
    for path in load_objects(given.data, given.objects):
        truth = read_object(path)
        solid = occupancy(truth.vertices, truth.faces, GRID, HALF)
        known: dict[tuple[float, float], np.ndarray] = {}
        for text, cameras in plans.items():
            left = np.ones(GRID**3, bool)
            for camera in cameras:
                key = (round(camera.elevation_deg, 3), round(camera.azimuth_deg, 3))
                if key not in known:
                    known[key] = seen_free(truth, camera)
                left &= ~known[key]
            found[text][truth.name] = volume_iou(left.reshape(solid.shape), solid)
        print(truth.name, file=sys.stderr, flush=True)
    print("| views | rings | mean IoU | least | of |\n|---:|---|---:|---:|---|")
    for text, scores in found.items():
        worst = min(scores, key=scores.get)
        views, rings = text.split(":")
        print(f"| {views} | {rings} | {np.mean(list(scores.values())):.3f} | {scores[worst]:.3f} | {worst} |")
    return 0


def cameras_of(text: str, elevation: float) -> list[Camera]:
    """The photo's camera and those of a plan such as `18:0,40,-60`."""
    try:
        views, rings = text.split(":")
        settings = Settings(views=int(views), elevations=tuple(float(ring) for ring in rings.split(",")))
    except ValueError:
        raise Img2MeshError(f"A plan is written as 18:0,40,-60, not {text!r}.") from None
    return [orbit_camera(elevation, 0.0), *view_cameras(settings, elevation)]


def seen_free(truth: Truth, camera: Camera) -> np.ndarray:
    """(GRID^3,) bool: which cell centres have nothing between them and the camera."""
    centres = (np.arange(GRID) + 0.5) / GRID * 2 * HALF - HALF
    points = np.stack(np.meshgrid(centres, centres, centres, indexing="ij"), axis=-1).reshape(-1, 3)
    way = points - camera.position
    length = np.linalg.norm(way, axis=1)
    origins = np.broadcast_to(camera.position, points.shape).copy()
    face, _, distance = cast(truth.scene, origins, way / length[:, None])
    return (face < 0) | (distance > length)


if __name__ == "__main__":
    run_script(main)
