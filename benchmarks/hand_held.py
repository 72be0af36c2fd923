"""How well hand-held photos are placed: `python benchmarks/hand_held.py ../shared/data/heldout --objects 4`.

Held-out scans stand on a patterned table; 24 cameras walk round them by hand: azimuths off by 4 degrees, elevations 15
to 45, distances 2 to 2.6, looking past the middle, rolled by up to 5 degrees, with noise. The photos are cut out and
placed as in `img2mesh FOLDER --poses colmap`; printed are the errors of the cameras' directions, the front's azimuth
aside, and the IoU of the mesh with the true one after a similarity.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from img2mesh.core.camera import Camera, look_at, orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.errors import run_script
from img2mesh.evaluate.ground_truth import Truth, render_truth
from img2mesh.evaluate.objects import load_objects, read_object
from img2mesh.evaluate.protocol import shape_scores, visible_points, volume
from img2mesh.settings import Settings

WIDTH, HEIGHT, FOCAL, TABLE = 960, 720, 1000.0, 2.5


def walk(count: int, rng: np.random.Generator) -> list[Camera]:
    """Cameras around the origin as a hand holds them."""
    found = []
    for k in range(count):
        azimuth, elevation = 360 / count * k + rng.uniform(-4, 4), rng.uniform(15, 45)
        pose = look_at(
            orbit_camera(elevation, azimuth, rng.uniform(2.0, 2.6)).position, rng.uniform(-0.08, 0.08, 3)
        )
        roll = np.radians(rng.uniform(-5, 5))
        turn = np.eye(4)
        turn[:2, :2] = [[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]]
        found.append(Camera(pose @ turn, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT))
    return found


def table_pattern(rng: np.random.Generator, side: int = 1024) -> np.ndarray:
    """(side, side, 3) float32 in 0..255 with detail of every size."""
    layers = [
        cv2.resize(rng.random((k, k, 3)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        for k in (4, 8, 16, 32, 64, 128, 256)
    ]
    return 255 * np.clip((np.mean(layers, axis=0) - 0.5) * 1.6 + 0.55, 0, 1)


def photographed(truth: Truth, camera: Camera, pattern: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8."""
    rgba = render_truth(truth, camera).astype(np.float32)
    v, u = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    origin, way = camera.rays(np.stack([u, v], axis=-1))
    down = np.where(np.abs(way[..., 2]) < 1e-6, -1e-6, way[..., 2])
    reach = (truth.vertices[:, 2].min() - origin[..., 2]) / down
    place = origin + way * reach[..., None]
    x, y = ((place[..., k] / (2 * TABLE) + 0.5).astype(np.float32) * len(pattern) for k in range(2))
    behind = cv2.remap(pattern, x, y, cv2.INTER_LINEAR)
    seen = (reach > 0) & (np.abs(place[..., :2]).max(-1) < TABLE)
    behind = np.where(seen[..., None], behind, (200.0, 205.0, 210.0))
    alpha = rgba[..., 3:] / 255
    picture = rgba[..., :3] * alpha + behind * (1 - alpha) + rng.normal(0, 2, behind.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def main() -> int:
    from img2mesh.mesh import build_mesh
    from img2mesh.multiview.reconstruct import shape_from_views
    from img2mesh.photos.structure_from_motion import scanned_views
    from img2mesh.segment import segment_photo

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--objects", type=int, default=4, help="of the half to report on, evenly spread")
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--preset", default="draft")
    given = parser.parse_args()
    files = load_objects(given.folder)[1::2]
    settings = Settings.load(given.preset, offline=True)
    print("| object | placed | azimuths off | elevations off | IoU | cut out, s | placed, s | meshed, s |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for path in files[:: max(1, len(files) // given.objects)][: given.objects]:
        truth, rng = read_object(path), np.random.default_rng(0)
        cameras, pattern = walk(given.photos, rng), table_pattern(rng)
        photos = [photographed(truth, camera, pattern, rng) for camera in cameras]
        times = [time.perf_counter()]
        cutouts = [segment_photo(photo, settings, Progress()) for photo in photos]
        times.append(time.perf_counter())
        views = scanned_views(photos, cutouts, Progress())
        times.append(time.perf_counter())
        mesh = build_mesh(shape_from_views(views, settings, Progress(), "cpu"), settings)
        times.append(time.perf_counter())
        placed = views.facts["poses"]["placed"]
        off = "- | -"
        if placed == len(cameras):
            azimuths = np.array(
                [[v.camera.azimuth_deg, c.azimuth_deg] for v, c in zip(views.views, cameras, strict=True)]
            )
            turned = (azimuths[:, 0] - azimuths[:, 1] + 180) % 360 - 180
            elevations = [
                v.camera.elevation_deg - c.elevation_deg for v, c in zip(views.views, cameras, strict=True)
            ]
            off = f"{np.abs(turned - np.median(turned)).mean():.2f}° | {np.abs(elevations).mean():.2f}°"
            mesh_points = turned_about_z(mesh.vertices, -float(np.median(turned)))
            shape = (truth.vertices, truth.faces)
            score = shape_scores((mesh_points, mesh.faces), visible_points(shape), volume(shape))
        print(
            f"| {path.stem} | {placed} of {len(photos)} | {off} | {score['aligned IoU']:.3f} |",
            *(f"{b - a:.0f} |" for a, b in pairwise(times)),
            flush=True,
        )
    return 0


def turned_about_z(points: np.ndarray, degrees: float) -> np.ndarray:
    """(N, 3) points, turned."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return points @ turn.T


if __name__ == "__main__":
    run_script(main)
