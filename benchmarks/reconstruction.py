"""Reconstruction from true views of objects whose shape is known; prints a Markdown table.

    python benchmarks/reconstruction.py DATA [--objects N] [--preset P] [--corrupt] [--json FILE]

DATA is a folder of .glb files (+Y up, longest side 1, one textured mesh each). Views come from the main job's own
camera plan for a photo taken at --elevation. `field` is ours; `hull` is the visual hull of the same silhouettes,
what silhouettes alone can give. Figures are in the true frame, nothing is aligned: volume IoU on a 160^3 grid,
Chamfer distance (mean of both directions) and F-score at 0.01 in units of the longest side.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from img2mesh.cameras import orbit_camera
from img2mesh.errors import Img2MeshError
from img2mesh.evaluate.geometry import occupancy, sample_surface, surface_distances, volume_iou
from img2mesh.evaluate.truth import load_truth, true_views
from img2mesh.field import fit_field
from img2mesh.settings import Settings
from img2mesh.views.hull import lattice, visual_hull
from img2mesh.views.plan import view_cameras
from img2mesh.views.view import ViewSet

CORRUPTIONS = ("jitter", "warp", "mirror", "masks", "empty", "pose")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--objects", type=int, default=0, help="only this many, spread over the folder")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--elevation", type=float, default=20.0, help="of the photo, degrees")
    parser.add_argument("--corrupt", action="store_true", help="also with spoilt views, see spoil()")
    parser.add_argument("--json", type=Path, help="write every figure here")
    given = parser.parse_args()
    settings = Settings.load(given.preset)
    files = sorted(given.data.glob("*.glb"))
    if not files:
        raise Img2MeshError(f"No .glb files in {given.data}.")
    if given.objects:
        files = files[:: max(1, len(files) // given.objects)][: given.objects]
    cameras = [orbit_camera(given.elevation, 0), *view_cameras(settings, given.elevation)]
    kinds = ("clean", *CORRUPTIONS) if given.corrupt else ("clean",)
    rows = []
    for path in files:
        truth = load_truth(path)
        mesh = truth.welded
        solid = occupancy(np.asarray(mesh.vertices), np.asarray(mesh.faces))
        points = sample_surface(np.asarray(mesh.vertices), np.asarray(mesh.faces))
        clean = true_views(truth, cameras, settings.photo_weight)
        for kind in kinds:
            views = spoil(clean, kind)
            for method, surface, seconds in reconstructions(views, settings):
                row = {"object": truth.name, "views": kind, "method": method, "seconds": round(seconds, 2)}
                rows.append({**row, **figures(surface, solid, points)})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(table(rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n{len(files)} objects, preset {given.preset}, {len(cameras)} views, peak memory {peak:.1f} GB.")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))
    return 0


def reconstructions(views: ViewSet, settings: Settings):
    """(method, (vertices, faces) or None, seconds) for each method."""
    start = time.perf_counter()
    masks, cameras = [view.mask for view in views.views], [view.camera for view in views.views]
    hull = visual_hull(masks, cameras, resolution=settings.mesh_resolution, tolerance=0.0)
    surface = extract(hull.sdf, hull.bounds[0], hull.spacing)
    yield "hull", surface, time.perf_counter() - start
    start = time.perf_counter()
    field = fit_field(views, settings)
    spacing = float((field.bounds[1] - field.bounds[0]).max()) / settings.mesh_resolution
    points, shape = lattice(field.bounds, spacing)
    yield (
        "field",
        extract(field.sdf(points).reshape(shape), field.bounds[0], spacing),
        time.perf_counter() - start,
    )


def extract(sdf: np.ndarray, low: np.ndarray, spacing: float):
    """(vertices, faces) of the zero level, closed at the box, or None where there is no surface."""
    from skimage.measure import marching_cubes

    padded = np.pad(sdf, 1, constant_values=spacing)
    if padded.min() >= 0:
        return None
    vertices, faces, _, _ = marching_cubes(padded, 0.0)
    return (vertices - 1) * spacing + low, faces


def figures(surface, solid: np.ndarray, points: np.ndarray) -> dict[str, float]:
    """IoU, Chamfer distance, F-score; an empty result scores 0, 1, 0."""
    if surface is None:
        return {"iou": 0.0, "chamfer": 1.0, "f": 0.0}
    chamfer, score = surface_distances(sample_surface(*surface), points)
    found = {"iou": volume_iou(occupancy(*surface), solid), "chamfer": chamfer, "f": score}
    return {name: round(float(value), 4) for name, value in found.items()}


def spoil(views: ViewSet, kind: str, seed: int = 0) -> ViewSet:
    """Views that disagree; the first, which plays the photo, stays as it is.

    jitter: gain and offset of each channel, +-15 % and +-0.05. warp: smooth random displacement of 2 % of the
    picture. mirror: one view flipped. masks: every silhouette eroded or dilated by 4 px. empty: one view shows
    nothing. pose: cameras turned about the object by 3 degrees (standard deviation) each way.
    """
    import cv2

    rng = np.random.default_rng(seed)
    out = list(views.views)
    victim = len(out) // 3
    for i in range(1, len(out)):
        view, rgba = out[i], out[i].rgba.copy()
        camera = view.camera
        size = rgba.shape[0]
        if kind == "jitter":
            gain, offset = rng.uniform(0.85, 1.15, 3), rng.uniform(-0.05, 0.05, 3)
            rgba[..., :3] = np.clip(rgba[..., :3] * gain + 255 * offset, 0, 255)
        elif kind == "warp":
            flow = cv2.resize(rng.uniform(-1, 1, (5, 5, 2)).astype(np.float32), (size, size), None, 0, 0, 2)
            flow *= 0.02 * size
            v, u = np.mgrid[0:size, 0:size].astype(np.float32)
            rgba = cv2.remap(rgba, u + flow[..., 0], v + flow[..., 1], cv2.INTER_LINEAR)
        elif kind == "mirror" and i == victim:
            rgba = rgba[:, ::-1].copy()
        elif kind == "masks":
            change = cv2.erode if rng.random() < 0.5 else cv2.dilate
            rgba[..., 3] = change(rgba[..., 3], cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
        elif kind == "empty" and i == victim:
            rgba[:] = 0
        elif kind == "pose":
            e, a = camera.elevation_deg + rng.normal(0, 3), camera.azimuth_deg + rng.normal(0, 3)
            camera = orbit_camera(e, a, camera.distance, size=size)
        out[i] = dataclasses.replace(view, rgba=rgba, camera=camera)
    return ViewSet(tuple(out), views.facts)


def table(rows: list[dict]) -> str:
    """Means by kind of views and method, as Markdown."""
    lines = ["| views | method | IoU | Chamfer | F@0.01 | seconds | empty |", "|---|---|---|---|---|---|---|"]
    for kind in dict.fromkeys(row["views"] for row in rows):
        for method in dict.fromkeys(row["method"] for row in rows):
            chosen = [row for row in rows if row["views"] == kind and row["method"] == method]
            mean = {k: np.mean([row[k] for row in chosen]) for k in ("iou", "chamfer", "f", "seconds")}
            empty = sum(row["iou"] == 0 for row in chosen)
            lines.append(
                f"| {kind} | {method} | {mean['iou']:.3f} | {mean['chamfer']:.4f} | {mean['f']:.3f} "
                f"| {mean['seconds']:.1f} | {empty} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Img2MeshError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
