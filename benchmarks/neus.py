"""Ours beside a public NeuS, SyncDreamer's renderer, on the same true views: a Markdown table.

    python benchmarks/neus.py DATA --syncdreamer PATH [--objects N | --names A,B] [--seconds S] [--rays R] [--out DIR]

DATA is a folder of .glb files (+Y up, one textured mesh each); PATH a git clone of github.com/liuyuan-pal/SyncDreamer,
whose code is imported from there. Both get 16 true renders of 256² with alpha from the cameras that SyncDreamer draws
(elevation 30, distance 1.5). Ours runs at preset standard; theirs for as much processor time, and for --seconds, on
one thread. Both are scored as in benchmarks/reconstruction.py, in the true frame. --out gets pictures of all shapes.
What of theirs had to be changed to run here: benchmarks/syncdreamer.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from syncdreamer import commit_of, peak_gb, theirs

from img2mesh.core.camera import orbit_camera
from img2mesh.core.images import save_png
from img2mesh.core.view import ViewSet
from img2mesh.errors import Img2MeshError, run_script
from img2mesh.evaluate.geometry import sample_surface
from img2mesh.evaluate.ground_truth import Truth, load_truth, render_truth, true_views
from img2mesh.evaluate.objects import named_objects, read_object
from img2mesh.evaluate.oracle import NOVEL, shape_scores
from img2mesh.evaluate.protocol import protocol_cameras
from img2mesh.evaluate.table import side_by_side
from img2mesh.settings import Settings
from img2mesh.synthetic.voxelize import occupancy

COLUMNS = {"steps": "", "CPU s": ".0f", "peak GB": ".1f", "IoU": ".3f", "Chamfer": ".4f", "F@0.01": ".3f"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--syncdreamer", type=Path, required=True, help="a git clone of it")
    parser.add_argument("--objects", type=int, help="only this many, spread over the folder")
    parser.add_argument("--names", help="only objects with one of these in their name, comma-separated")
    parser.add_argument("--seconds", type=float, default=600.0, help="processor time for theirs")
    parser.add_argument("--rays", type=int, default=32, help="per step of theirs, at least 8")
    parser.add_argument("--out", type=Path, help="pictures go here")
    given = parser.parse_args()
    if given.rays < 8 or not 0 < given.seconds < float("inf"):
        raise Img2MeshError("--rays must be at least 8 and --seconds a positive number.")
    commit, rows = commit_of(given.syncdreamer), []
    for path in named_objects(given.data, given.objects, given.names):
        truth = read_object(path)
        views = true_views(truth, protocol_cameras(), Settings().photo_weight)
        points, solid = sample_surface(truth.vertices, truth.faces), occupancy(truth.vertices, truth.faces)
        found = [apart(ours, views)]
        marks = sorted({found[0]["CPU s"], max(found[0]["CPU s"], given.seconds)})
        found += apart(theirs, given.syncdreamer.resolve(), views, marks, given.rays)
        shown = [("true", pictures(truth.vertices, truth.faces))]
        for row in found:
            shape = row.pop("shape")
            shown.append((f"{row['method']}, {row['CPU s']:.0f} s", pictures(*shape)))
            rows.append({"object": truth.name, **row, **shape_scores(*shape, points, solid)})
            print(rows[-1], file=sys.stderr, flush=True)
        if given.out:
            save_png(side_by_side(shown), given.out / f"{truth.name}.png")
    print(report(rows, commit))
    return 0


def apart(function, *given):
    """The call in a process of its own, so that peak memory and changed modules are its own too."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *given).result()


def ours(views: ViewSet) -> dict:
    """Views to the exported file on one thread; `shape` is what the file holds."""
    import torch

    from img2mesh.mesh import build_mesh, write_mesh
    from img2mesh.multiview.reconstruct import shape_from_views

    torch.set_num_threads(1)
    clock = time.process_time()
    mesh = build_mesh(shape_from_views(views, Settings()), Settings())
    with tempfile.TemporaryDirectory() as folder:
        write_mesh(mesh, Path(folder) / "mesh.glb")
        row = {"method": "ours", "CPU s": time.process_time() - clock, "peak GB": peak_gb()}
        exported = load_truth(Path(folder) / "mesh.glb")
    return {**row, "shape": (exported.vertices, exported.faces)}


def pictures(vertices: np.ndarray, faces: np.ndarray) -> list[np.ndarray]:
    """The shape in grey from six cameras between the views."""
    if not len(faces):
        return []
    grey = Truth("", vertices, faces, np.full((len(vertices), 2), 0.5), np.full((2, 2, 3), 190, np.uint8))
    return [render_truth(grey, orbit_camera(elevation, azimuth)) for elevation, azimuth in NOVEL]


def report(rows: list[dict], commit: str) -> str:
    """The table, and under it what the figures rest on."""
    import torch

    lines = [f"| object | method | {' | '.join(COLUMNS)} |", "|---|---|" + "---:|" * len(COLUMNS)]
    for row in rows:
        cells = [f"{row[name]:{form}}" if name in row else "" for name, form in COLUMNS.items()]
        lines.append("| " + " | ".join([row["object"], row["method"], *cells]) + " |")
    neus = [row for row in rows if row["method"] == "NeuS"]
    lines += [
        "",
        f"SyncDreamer {commit}, torch {torch.__version__}, one thread, {neus[0]['rays']} rays a step.",
    ]
    lines += [f"NeuS's whole recipe would take {np.mean([row['recipe h'] for row in neus]):.0f} h."]
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(main)
