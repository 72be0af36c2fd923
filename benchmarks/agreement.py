"""Whether views that are made to agree (`--consistency`) agree, and what meshes gain from it.

    python benchmarks/agreement.py HELDOUT [--half dev|test] [--objects N] [--names A,B] [--sampler pretended|mini]
        [--steps 20] [--consistency 0 0.7] [--start 0.3] [--times 1 2] [--no-mesh]
    python benchmarks/agreement.py DRAWN --calibrate

The pretended sampler (`pretended_sampler.py`) draws true views with smooth errors of its own per view and seed.
Amplitudes and correlation lengths are those of SyncDreamer's chicken against
true renders of it (`--calibrate`); `--times` multiplies the amplitudes. Printed are, per consistency: PSNR between
views that are re-projected into each other through the true shape, PSNR of the views against the true ones, volume IoU
of the mesh, and processor seconds of drawing the views.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from pretended_sampler import SIDE, pretended

from img2mesh.core.camera import orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.core.rasterise import rasterise_view, sample_bilinear
from img2mesh.core.view import Source, ViewSet
from img2mesh.errors import run_script
from img2mesh.evaluate.ground_truth import Truth, render_truth
from img2mesh.evaluate.objects import halves, load_objects, read_object
from img2mesh.evaluate.protocol import DISTANCE, ELEVATION, volume
from img2mesh.mesh import build_mesh
from img2mesh.models import load_model
from img2mesh.models.preprocess import to_network
from img2mesh.segment.cutout import Cutout
from img2mesh.settings import Settings
from img2mesh.shape.reconstruct import shape_from_photo
from img2mesh.shape.view_refinement import refine_views
from img2mesh.views import load_views
from img2mesh.views.agreement import blurred, displaced, smooth_shift, smooth_tint
from img2mesh.views.synthesize import generate_views

WITHIN_DEG = 60.0  # between cameras whose views are re-projected into each other


def reprojected(views: ViewSet, truth: Truth) -> float:
    """Mean square difference, in [0, 1], of drawn views and the others' pixels of the same places."""
    drawn = [view for view in views.views if view.source is Source.DRAWN]
    seen = [rasterise_view(truth.vertices, truth.faces, view.camera.resized(SIDE, SIDE)) for view in drawn]
    small = [view.resized(SIDE) for view in drawn]
    errors = []
    for i, (fragments, view) in enumerate(zip(seen, small, strict=True)):
        points = fragments.interpolate(truth.vertices, truth.faces)
        mine = view.rgb_on_white[fragments.hit]
        for j, other in enumerate(small):
            towards = view.camera.position @ other.camera.position / DISTANCE**2
            if i == j or towards < np.cos(np.radians(WITHIN_DEG)):
                continue
            pixels, depth = other.camera.project(points)
            at = np.clip(pixels.astype(int), 0, SIDE - 1)
            visible = np.abs(depth - seen[j].depth[at[:, 1], at[:, 0]]) < 0.02
            if visible.any():
                theirs = sample_bilinear(other.rgb_on_white, pixels[visible])
                errors.append(np.square(mine[visible] - theirs).mean(1))
    return float(np.concatenate(errors).mean())


def measure(truth: Truth, sampler: str, times: float, settings: Settings, mesh: bool) -> tuple[float, ...]:
    """Two mean square errors, IoU of the mesh, seconds of drawing."""
    model = (
        pretended(truth, times)
        if sampler == "pretended"
        else load_model("mini", offline=True).at_distance(DISTANCE)
    )
    photo = render_truth(truth, orbit_camera(ELEVATION, 0.0, DISTANCE))
    settings, start = settings.for_model(model), time.process_time()
    views = generate_views(Cutout(photo, "alpha"), model, settings, Progress())
    seconds = time.process_time() - start
    drawn = [view for view in views.views if view.source is Source.DRAWN]
    true = [np.square(v.rgb_on_white - _on_white(render_truth(truth, v.camera))).mean() for v in drawn]
    iou = float("nan")
    if mesh:
        made = build_mesh(shape_from_photo(refine_views(views), settings), settings)
        ours, theirs = volume((made.vertices, made.faces)), volume((truth.vertices, truth.faces))
        iou = (ours & theirs).sum() / (ours | theirs).sum()
    return reprojected(views, truth), float(np.mean(true)), float(iou), seconds


def _on_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:] / 255
    return rgba[..., :3] / 255 * alpha + 1 - alpha


def calibrate(folder: Path) -> int:
    """Print how far SyncDreamer's views of the chicken are bent and tinted against true ones, and over what length."""
    drawn, true = (load_views(folder / name).views for name in ("sync_chicken", "sync_chicken_gt"))
    pair = [torch.cat([to_network(v.rgba)[None] for v in views]) for views in (drawn, true)]
    side = pair[0].shape[-1]
    bent = smooth_shift(pair[0], pair[1], 1.0)
    shown = (pair[1][:, 3:] > 0).float()  # beside the object nothing is known
    bent = blurred(bent.movedim(-1, 1) * shown, side / 16) / blurred(shown, side / 16).clamp(min=0.05)
    bent = bent.movedim(1, -1)
    straight = displaced(pair[0], bent)
    tinted = smooth_tint(straight, pair[1], side / 16).movedim(1, -1) / 2
    inside = shown[:, 0] > 0
    for name, field in (("bent", bent / side), ("tinted", tinted)):
        amplitude = float(field[inside].square().mean().sqrt())
        print(
            f"{name}: {amplitude:.4f} (root mean square), correlated over {correlation_length(field, inside):.2f}"
        )
    return 0


def correlation_length(fields: torch.Tensor, inside: torch.Tensor) -> float:
    """Standard deviation, in pictures, of the Gaussian that falls to a half where the fields' correlation does."""
    side, power = fields.shape[1], float(fields[inside].square().mean())
    for apart in range(1, side // 2):
        both = inside[:, :, apart:] & inside[:, :, :-apart], inside[:, apart:] & inside[:, :-apart]
        products = (fields[:, :, apart:] * fields[:, :, :-apart])[both[0]].mean() + (
            fields[:, apart:] * fields[:, :-apart]
        )[both[1]].mean()
        if float(products) / 2 < power / 2:
            break
    return apart / side / (2 * np.log(2)) ** 0.5


def main() -> int:
    """Print a row per consistency and amplitude."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--calibrate", action="store_true", help="DATA is the folder of drawn sets: measure their errors"
    )
    parser.add_argument("--half", choices=("dev", "test", "all"), default="test")
    parser.add_argument("--objects", type=int, help="of the half, the first")
    parser.add_argument("--names", help="only objects with one of these in their name, comma-separated")
    parser.add_argument("--sampler", choices=("pretended", "mini"), default="pretended")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--consistency", type=float, nargs="+", default=[0.0, 0.7])
    parser.add_argument("--start", type=float)
    parser.add_argument("--times", type=float, nargs="+", default=[1.0])
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--no-mesh", action="store_true")
    given = parser.parse_args()
    if given.calibrate:
        return calibrate(given.data)
    half = halves(given.data)
    files = [p for p in load_objects(given.data) if given.half in ("all", half[p.stem])][: given.objects]
    if given.names:
        files = [path for path in files if any(part in path.stem for part in given.names.split(","))]
    rows = [(times, c) for times in given.times for c in given.consistency]
    found: dict[tuple[float, float], list] = {row: [] for row in rows}
    for path in files:
        truth = read_object(path)
        for times, consistency in rows:
            settings = Settings.load(
                given.preset,
                views=18,
                steps=given.steps,
                elevation=f"{ELEVATION:g}",
                consistency=consistency,
                consistency_start=given.start,
            )
            found[times, consistency].append(
                measure(truth, given.sampler, times, settings, not given.no_mesh)
            )
        print(
            truth.name[:24].ljust(24),
            *(f"{_db(found[row][-1][0]):.2f}/{found[row][-1][2]:.3f}" for row in rows),
            flush=True,
        )
    print(
        f"\n| {given.sampler}, {len(files)} objects | re-projected, dB | against the truth, dB | mesh IoU | CPU s |"
    )
    print("|---|---:|---:|---:|---:|")
    for times, consistency in rows:
        values = np.array(found[times, consistency])
        between, true = (np.mean([_db(v) for v in values[:, k]]) for k in (0, 1))
        name = f"errors x {times:g}, consistency {consistency:g}"
        print(
            f"| {name} | {between:.2f} | {true:.2f} | {values[:, 2].mean():.3f} | {values[:, 3].mean():.1f} |"
        )
    return 0


def _db(error: float) -> float:
    return float(-10 * np.log10(max(error, 1e-9)))


if __name__ == "__main__":
    sys.exit(run_script(main))
