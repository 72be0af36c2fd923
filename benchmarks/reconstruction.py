"""Reconstruction from true views of objects whose shape is known: a Markdown table, and every figure as JSON.

    python benchmarks/reconstruction.py DATA [--objects N [--others] | --names A,B] [--preset P]
        [--views clean,jitter,...] [--json FILE] [--markdown FILE]

DATA is a folder of .glb files (+Y up, one textured mesh each). Views come from the main job's own camera plan for a
photo taken at --elevation. Two methods run side by side: `field` is ours, from the views to the exported .glb;
`hull` is what one would do without us, the visual hull of the same silhouettes with the views' colours projected on
it. Figures are in the true frame, nothing is aligned: volume IoU on a 160^3 grid, Chamfer distance (mean of both
directions) and F-score at 0.01 of 30,000 points, in units of the longest side; PSNR of six novel renders inside the
union of both silhouettes (clean views only). `cpu s` is processor time, which a busy machine does not change.

With --json a run that was cut short goes on where it stopped: what the file holds for the same settings is kept.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.core.files import atomic_file
from img2mesh.core.view import ViewSet
from img2mesh.core.visual_hull import visual_hull
from img2mesh.errors import Img2MeshError, run_script
from img2mesh.evaluate.baselines import hull_surface, render_from_views
from img2mesh.evaluate.corrupt import KINDS, spoil
from img2mesh.evaluate.geometry import sample_surface
from img2mesh.evaluate.ground_truth import load_truth, render_truth, true_views
from img2mesh.evaluate.metrics import psnr
from img2mesh.evaluate.objects import named_objects, read_object
from img2mesh.evaluate.oracle import NOVEL, shape_scores
from img2mesh.mesh import build_mesh, mesh_report, write_mesh
from img2mesh.multiview.reconstruct import shape_from_views
from img2mesh.settings import Settings
from img2mesh.synthetic.voxelize import occupancy
from img2mesh.views.plan import view_cameras

COLUMNS = ("IoU", "Chamfer", "F@0.01", "PSNR", "wall s", "cpu s")


def main() -> int:
    given = arguments()
    settings = Settings.load(given.preset)
    files = chosen_files(given)
    kinds = given.views.split(",") if given.views != "all" else ["clean", *KINDS]
    facts = {"settings": settings.as_dict(), "elevation": given.elevation}
    rows = kept_rows(given.json, facts)
    cameras = [orbit_camera(given.elevation, 0), *view_cameras(settings, given.elevation)]
    for path in files:
        missing = [kind for kind in kinds if not any(same(row, path.stem, kind) for row in rows)]
        if not missing:
            continue
        truth = read_object(path)
        clean = true_views(truth, cameras, settings.photo_weight)
        solid, points = occupancy(truth.vertices, truth.faces), sample_surface(truth.vertices, truth.faces)
        for kind in missing:
            wanted = [(c, render_truth(truth, c)) for c in (orbit_camera(e, a) for e, a in NOVEL)]
            wanted = wanted if kind == "clean" else []
            for method in (ours, projected_hull):
                row = method(spoil(clean, kind), settings, wanted, points, solid)
                rows.append({"object": path.stem, "views": kind, **row})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        if given.json:
            save(given.json, json.dumps({**facts, "rows": rows}, indent=1))
    shown = [row for row in rows if row["object"] in {path.stem for path in files} and row["views"] in kinds]
    text = report(shown, len(files), given.preset, len(cameras))
    print(text)
    if given.markdown:
        save(given.markdown, text + "\n")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--objects", type=int, help="only this many, spread over the folder")
    parser.add_argument("--others", action="store_true", help="those that --objects or --names leaves out")
    parser.add_argument("--names", help="only objects with one of these in their name, comma-separated")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--elevation", type=float, default=20.0, help="of the photo, degrees")
    parser.add_argument("--views", default="clean", help=f"all, or of: clean,{','.join(KINDS)}")
    parser.add_argument("--json", type=Path, help="every figure; an earlier run's are kept")
    parser.add_argument("--markdown", type=Path, help="the table")
    return parser.parse_args()


def chosen_files(given: argparse.Namespace) -> list[Path]:
    """The objects of --objects or --names; with --others all the rest of the folder."""
    files = named_objects(given.data, given.objects, given.names)
    if not given.others:
        return files
    rest = [path for path in named_objects(given.data, None, None) if path not in files]
    if not rest:
        raise Img2MeshError("--others needs --objects or --names that leave something out.")
    return rest


def same(row: dict, name: str, kind: str) -> bool:
    return row["object"] == name and row["views"] == kind


def kept_rows(path: Path | None, facts: dict) -> list[dict[str, Any]]:
    """Rows of an earlier run with the same settings."""
    if path is None or not path.is_file():
        return []
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if {key: stored[key] for key in facts} != json.loads(json.dumps(facts)):
            raise Img2MeshError(f"{path} was made with other settings: remove it or name another file.")
        return stored["rows"]
    except (ValueError, KeyError, TypeError):
        raise Img2MeshError(f"{path} is not a file of this benchmark.") from None


def save(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def ours(views: ViewSet, settings: Settings, wanted, points, solid) -> dict[str, Any]:
    """Field, mesh and file; scored on the file."""
    wall, cpu = time.perf_counter(), time.process_time()
    mesh = build_mesh(shape_from_views(views, settings), settings)
    with tempfile.TemporaryDirectory() as folder:
        write_mesh(mesh, Path(folder) / "mesh.glb")
        times = {"wall s": time.perf_counter() - wall, "cpu s": time.process_time() - cpu}
        exported = load_truth(Path(folder) / "mesh.glb")
    found = shape_scores(exported.vertices, exported.faces, points, solid)
    if wanted:
        pictures = [render_truth(exported, camera, shaded=False) for camera, _ in wanted]
        found["PSNR"] = union_psnr(pictures, wanted)
    facts = mesh_report(mesh)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "method": "field",
        **rounded({**found, **times, "peak GB": peak}),
        "watertight": facts["watertight"],
        "components": facts["components"],
    }


def projected_hull(views: ViewSet, settings: Settings, wanted, points, solid) -> dict[str, Any]:
    """The plain visual hull, every silhouette believed, coloured by the views that see it most squarely."""
    wall, cpu = time.perf_counter(), time.process_time()
    masks, cameras = [view.mask for view in views.views], [view.camera for view in views.views]
    hull = visual_hull(masks, cameras, resolution=settings.mesh_resolution, tolerance=0.0)
    vertices, faces = hull_surface(hull)
    times = {"wall s": time.perf_counter() - wall, "cpu s": time.process_time() - cpu}
    found = shape_scores(vertices, faces, points, solid)
    if wanted and len(faces):
        found["PSNR"] = union_psnr(
            [render_from_views(vertices, faces, views.views, camera) for camera, _ in wanted], wanted
        )
    return {"method": "hull", **rounded({**found, **times})}


def union_psnr(pictures: list[np.ndarray], wanted) -> float:
    """Mean PSNR, dB, of pictures on white where one of both shows the object."""
    pairs = [(a, b) for a, (_, b) in zip(pictures, wanted, strict=True)]
    return float(np.mean([psnr(a, b, (a[..., 3] > 0) | (b[..., 3] > 0)) for a, b in pairs]))


def rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in figures.items()}


def report(rows: list[dict], objects: int, preset: str, views: int) -> str:
    """Means by kind of views and method, and what IoU each kind of spoiling costs, as Markdown."""
    lines = [
        "| views | method | objects | " + " | ".join(COLUMNS) + " | watertight | IoU lost |",
        "|---|---|" + "---:|" * (len(COLUMNS) + 3),
    ]
    for kind in dict.fromkeys(row["views"] for row in rows):
        for method in dict.fromkeys(row["method"] for row in rows):
            chosen = [row for row in rows if row["views"] == kind and row["method"] == method]
            cells = [f"{np.mean([row[c] for row in chosen]):.4g}" if c in chosen[0] else "" for c in COLUMNS]
            closed = f"{np.mean([row['watertight'] for row in chosen]):.0%}" if method == "field" else ""
            clean = {r["object"]: r["IoU"] for r in rows if r["views"] == "clean" and r["method"] == method}
            lost = [clean[row["object"]] - row["IoU"] for row in chosen if row["object"] in clean]
            lost_cell = f"{np.mean(lost):.3f}" if lost and kind != "clean" else ""
            cells = [kind, method, str(len(chosen)), *cells, closed, lost_cell]
            lines.append("| " + " | ".join(cells) + " |")
    mine = [row for row in rows if row["method"] == "field"]
    peak = max((row["peak GB"] for row in mine), default=0)
    empty = sum(row["IoU"] == 0 for row in mine)
    lines += [
        "",
        f"{objects} objects, preset {preset}, {views} views, peak memory {peak:.1f} GB, {empty} empty.",
    ]
    lines += ["", "| object | views | " + " | ".join(COLUMNS) + " | components | hull's IoU |"]
    lines.append("|---|---|" + "---:|" * (len(COLUMNS) + 2))
    hulls = {(row["object"], row["views"]): row["IoU"] for row in rows if row["method"] == "hull"}
    for row in mine:
        cells = [row["object"], row["views"], *(f"{row[c]:.4g}" if c in row else "" for c in COLUMNS)]
        cells += [str(row["components"]), f"{hulls.get((row['object'], row['views']), 0):.3f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(main)
