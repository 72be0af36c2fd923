"""Whole meshes from several photos of held-out objects, photographed as in `several_photos.py`.

python benchmarks/several_meshes.py HELDOUT [--half dev|test|all] [--objects N] [--sides front back left right]
    [--preset draft|standard] [--json OUT]

A row per object: volume IoU, and PSNR of renders on white (as in `evaluate --views`) from eight sides between the
photos, both after a similarity found by ICP; the lowest and the mean PSNR at which the photos themselves are shown,
inside their masks; processor seconds, and what was warned of. The exposure of the front photo is unknown: before the
PSNR between the photos each channel gets the one factor that fits best.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
import zlib
from pathlib import Path

import numpy as np
import torch
from several_photos import photograph

from img2mesh import Photo, Settings, image_to_mesh
from img2mesh.core.camera import orbit_camera
from img2mesh.core.srgb import to_linear, to_srgb
from img2mesh.evaluate.geometry import volume_iou
from img2mesh.evaluate.ground_truth import Truth, render_truth
from img2mesh.evaluate.objects import halves, load_objects, read_object
from img2mesh.evaluate.protocol import similarity, visible_points, volume
from img2mesh.mesh.textured_mesh import TexturedMesh
from img2mesh.models import load_model
from img2mesh.photos.photo import SIDES
from img2mesh.preview import render_mesh

BETWEEN = [(elevation, azimuth) for elevation in (15, 30) for azimuth in (45, 135, 225, 315)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=("dev", "test", "all"), default="all")
    parser.add_argument("--objects", type=int, help="of the half, the first")
    parser.add_argument("--sides", nargs="+", choices=[s for s in SIDES if s != "bottom"])
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sides = options.sides or ["front", "back", "left", "right"]
    torch.set_num_threads(1)
    model, half = load_model("mini", offline=True), halves(options.folder)
    settings = Settings.load(options.preset, offline=True)
    paths = [p for p in load_objects(options.folder) if options.half in ("all", half[p.stem])]
    rows = {}
    for path in paths[: options.objects]:
        truth, rng, shots = read_object(path), np.random.default_rng(zlib.crc32(path.stem.encode()) + 7), {}
        for side, azimuth in SIDES.items():  # as there, so that the photos are the same
            off = rng.uniform(-10, 10) if side != "front" else 0.0
            elevation = rng.uniform(65, 88) if side == "top" else rng.uniform(0, 35)
            if side != "bottom":
                shots[side] = photograph(truth, elevation, azimuth + off, rng)
        photos = [Photo.of_side(side, shots[side].cutout.rgba) for side in sides]
        started = time.process_time()
        made = image_to_mesh(photos, settings, model=model)
        spent = time.process_time() - started
        shown = made.report.get("photos_psnr_db") or [made.report["front_psnr_db"]]
        rows[path.stem] = {
            **between(made.mesh, truth),
            "least photo": min(shown),
            "mean photo": round(float(np.mean(shown)), 2),
            "CPU s": round(spent, 1),
            "warned": made.report["warnings"],
        }
        print(path.stem[:32].ljust(32), rows[path.stem], flush=True)
    for name in ("IoU", "PSNR between", "least photo", "mean photo", "CPU s"):
        print(name, round(float(np.mean([row[name] for row in rows.values()])), 3))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def between(mesh: TexturedMesh, truth: Truth) -> dict[str, float]:
    """IoU, and PSNR of renders on white (as in `evaluate --views`), from sides that no photo was taken from."""
    whole = (truth.vertices, truth.faces)
    scale, turn, shift = similarity(visible_points((mesh.vertices, mesh.faces)), visible_points(whole))
    placed = dataclasses.replace(mesh, vertices=scale * mesh.vertices @ turn.T + shift)
    iou = volume_iou(volume((placed.vertices, placed.faces)), volume(whole))
    colours, outlines = [], []
    for elevation, azimuth in BETWEEN:
        camera = orbit_camera(elevation, azimuth)
        pair = [render_mesh(placed, camera, background=None), render_truth(truth, camera, supersample=2)]
        colours.append([picture[..., :3] / 255 for picture in pair])
        outlines.append([picture[..., 3:] / 255 for picture in pair])
    own, true = (np.stack(each) for each in zip(*colours, strict=True))
    mask, true_mask = (np.stack(each) for each in zip(*outlines, strict=True))
    seen = ((mask > 0.98) & (true_mask > 0.98))[..., 0]
    bright, wanted = to_linear(own[seen]), to_linear(true[seen])
    factor = (bright * wanted).sum(0) / np.maximum((bright**2).sum(0), 1e-9)
    own = to_srgb(np.clip(to_linear(own) * factor, 0, 1)) * mask + 1 - mask
    error = float(((own - (true * true_mask + 1 - true_mask)) ** 2).mean())
    return {"IoU": round(iou, 4), "PSNR between": round(float(-10 * np.log10(max(error, 1e-10))), 2)}


if __name__ == "__main__":
    main()
