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
from pathlib import Path

import numpy as np
import torch
from several_photos import add_choice, all_sides, chosen

from img2mesh import Photo, Settings, image_to_mesh
from img2mesh.core.camera import orbit_camera
from img2mesh.core.srgb import to_linear, to_srgb
from img2mesh.evaluate.geometry import volume_iou
from img2mesh.evaluate.ground_truth import Truth, render_truth
from img2mesh.evaluate.metrics import psnr
from img2mesh.evaluate.objects import read_object
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
    add_choice(parser)
    parser.add_argument("--sides", nargs="+", choices=[s for s in SIDES if s != "bottom"])
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sides = options.sides or ["front", "back", "left", "right"]
    torch.set_num_threads(1)
    model, settings = load_model("mini", offline=True), Settings.load(options.preset, offline=True)
    rows = {}
    for path in chosen(options):
        truth = read_object(path)
        shots, _ = all_sides(truth, path.stem)
        photos = [Photo.of_side(side, shots[side].cutout.rgba) for side in sides]
        started = time.process_time()
        made = image_to_mesh(photos, settings, model=model)
        spent = time.process_time() - started
        shown = made.report["photos_psnr_db"]
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
    cameras = [orbit_camera(elevation, azimuth) for elevation, azimuth in BETWEEN]
    own = np.concatenate([render_mesh(placed, camera, background=None) for camera in cameras])
    true = np.concatenate([render_truth(truth, camera, supersample=2) for camera in cameras])
    seen = (own[..., 3] > 250) & (true[..., 3] > 250)
    bright, wanted = (to_linear(picture[seen][:, :3] / 255) for picture in (own, true))
    factor = (bright * wanted).sum(0) / np.maximum((bright**2).sum(0), 1e-9)
    balanced = to_srgb(np.clip(to_linear(own[..., :3] / 255) * factor, 0, 1))
    own = np.dstack([np.round(balanced * 255).astype(np.uint8), own[..., 3]])
    return {"IoU": round(iou, 4), "PSNR between": round(psnr(own, true), 2)}


if __name__ == "__main__":
    main()
