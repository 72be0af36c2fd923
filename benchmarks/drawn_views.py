"""Sets of views as samplers draw them, reconstructed: how well the mesh repeats its views.

    python benchmarks/drawn_views.py ../shared/drawn [--preset standard] [--names chicken,dino] [-o FOLDER]

For each folder with a transforms.json: IoU of the mesh's silhouettes with the views' masks, from the cameras as they
were given and as the reconstruction found them to be, from there also PSNR over the union and the mean colour
difference (R, G, B of 255) where both show the object, over all of it and more than RIM pixels inside the view's
outline (the outermost pixels of pictures that were cut out hold the ground they were drawn on, mostly white); IoU with
the true solid, where sync_chicken_gt/truth.obj is it; processor seconds and peak memory.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np

from img2mesh import Settings, reconstruct
from img2mesh.core.device import peak_memory_mb
from img2mesh.core.images import contact_sheet, save_png
from img2mesh.core.visual_hull import mask_distance
from img2mesh.evaluate.geometry import volume_iou
from img2mesh.evaluate.metrics import mask_iou
from img2mesh.mesh import write_mesh
from img2mesh.preview import render_mesh
from img2mesh.synthetic.voxelize import occupancy
from img2mesh.views import load_views

RIM = 3.0


def scores(result, views) -> tuple[dict[str, float], list[np.ndarray]]:
    """Figures of a mesh against its views, and its pictures."""
    overlaps, errors, casts, inner, pictures = [], [], [], [], []
    for view in views.views:
        drawn = render_mesh(result.mesh, view.camera, background=None)
        pictures.append(drawn)
        overlaps.append(mask_iou(drawn, view.rgba))
        ours, theirs = (p[..., :3].astype(float) for p in (drawn, view.rgba))
        shown = [p[..., 3:].astype(float) / 255 for p in (drawn, view.rgba)]
        union = (shown[0] > 0.5) | (shown[1] > 0.5)
        on_white = [c * s + 255 * (1 - s) for c, s in zip((ours, theirs), shown, strict=True)]
        errors.append(np.square(on_white[0] - on_white[1])[union[..., 0]].mean())
        both = ((shown[0] > 0.9) & (shown[1] > 0.9))[..., 0]
        casts.append((ours - theirs)[both].mean(0))
        inner.append((ours - theirs)[both & (mask_distance(view.mask) < -RIM)].mean(0))
    psnr = [10 * np.log10(255**2 / max(error, 1e-6)) for error in errors]
    shifts = zip("RGBrgb", np.concatenate([np.mean(casts, axis=0), np.mean(inner, axis=0)]), strict=True)
    figures = {"mask IoU": float(np.mean(overlaps)), "PSNR": float(np.mean(psnr))}
    return {**figures, **{f"d{c}": float(v) for c, v in shifts}}, pictures


def truth_iou(mesh, folder: Path, views) -> float | None:
    """Of the chicken of both its sets, whose scan comes in millimetres' tenths, turned by a quarter."""
    path = folder.parent / "sync_chicken_gt" / "truth.obj"
    if "chicken" not in folder.name or not path.exists():
        return None
    lines = [line.split() for line in path.read_text().splitlines()]
    points = np.array([line[1:4] for line in lines if line[:1] == ["v"]], float)
    corners = [[int(c.split("/")[0]) - 1 for c in line[1:]] for line in lines if line[:1] == ["f"]]
    low, high = points.min(0), points.max(0)
    points = (points - (low + high) / 2) / (high - low).max() @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
    unit = np.array(views.facts["world_to_unit"])
    points = points @ unit[:3, :3].T + unit[:3, 3]
    faces = np.array([[c[0], c[k], c[k + 1]] for c in corners for k in range(1, len(c) - 1)])
    return volume_iou(occupancy(mesh.vertices, mesh.faces), occupancy(points, faces))


def main() -> None:
    """Print a row per set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--names", help="only sets with one of these in their name, comma-separated")
    parser.add_argument("-o", "--output", type=Path, help="folder for meshes and side-by-side pictures")
    given = parser.parse_args()
    print(
        "| set | mask IoU, given cameras | found | PSNR | dR dG dB | inside | true IoU | CPU s | MB |\n"
        "|---|---:|---:|---:|---|---|---:|---:|---:|",
        flush=True,
    )
    for path in sorted(given.data.glob("*/transforms.json")):
        name = path.parent.name
        if given.names and not any(part in name for part in given.names.split(",")):
            continue
        start = time.process_time()
        try:
            result = reconstruct(path.parent, Settings.load(given.preset, seed=0))
        except Exception as error:  # a set that cannot be reconstructed is a row too
            print(f"| {name} | {error} |", flush=True)
            continue
        spent = time.process_time() - start
        views = load_views(path.parent)
        as_given = scores(result, views)[0]["mask IoU"]
        placed = [
            dataclasses.replace(view, camera=used.camera)
            for view, used in zip(views.views, result.views.views, strict=True)
        ]
        views = dataclasses.replace(views, views=tuple(placed))
        found, pictures = scores(result, views)
        true = truth_iou(result.mesh, path.parent, views)
        cells = [
            f"{as_given:.3f}",
            f"{found['mask IoU']:.3f}",
            f"{found['PSNR']:.2f}",
            *(" ".join(f"{found[f'd{c}']:+.1f}" for c in three) for three in ("RGB", "rgb")),
            "" if true is None else f"{true:.3f}",
        ]
        print(f"| {name} | {' | '.join(cells)} | {spent:.0f} | {peak_memory_mb():.0f} |", flush=True)
        for warning in result.report["warnings"]:
            print(f"    {warning}", flush=True)
        if given.output is not None:
            write_mesh(result.mesh, given.output / f"{name}.glb")
            step = max(1, len(pictures) // 6)
            rows = [v.rgba for v in views.views[::step]] + pictures[::step]
            save_png(contact_sheet(rows, columns=len(pictures[::step])), given.output / f"{name}.png")


if __name__ == "__main__":
    main()
