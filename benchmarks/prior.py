"""How good the occupancy network's guess is, alone: `python benchmarks/prior.py ../shared/data/heldout`.

Held-out scans are rendered as in `img2mesh evaluate --mesh` (elevation 30, distance 1.5) from azimuths 0, 90 and 225;
what the network says from the picture is compared with the true solid on the protocol's 64^3 points. Objects at even
places of the folder's list are to choose on ("dev"), the others to report ("test").
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from img2mesh.core.camera import FOV_DEG, IMAGE_SIZE, orbit_camera
from img2mesh.core.frustum import Body
from img2mesh.errors import run_script
from img2mesh.evaluate.geometry import volume_iou
from img2mesh.evaluate.ground_truth import render_truth
from img2mesh.evaluate.objects import load_objects, read_object
from img2mesh.evaluate.protocol import DISTANCE, ELEVATION, RESOLUTION, volume

AZIMUTHS = (0.0, 90.0, 225.0)
LEVELS = np.linspace(0.1, 0.7, 25)


def samples(folder: Path, cache: Path | None) -> list[dict]:
    """Name, azimuth, picture (S, S, 4) and true solid of every object and side; kept in `cache`."""
    found = []
    for path in load_objects(folder):
        kept = cache / f"{path.stem}.npz" if cache else None
        if kept and kept.is_file():
            held = np.load(kept)
            pictures, solid = held["pictures"], held["solid"]
        else:
            truth = read_object(path)
            pictures = np.stack([render_truth(truth, camera_at(a)) for a in AZIMUTHS])
            solid = volume((truth.vertices, truth.faces))
            if kept:
                cache.mkdir(parents=True, exist_ok=True)
                np.savez_compressed(kept, pictures=pictures, solid=solid)
        for azimuth, picture in zip(AZIMUTHS, pictures, strict=True):
            found.append({"name": path.stem, "azimuth": azimuth, "picture": picture, "solid": solid})
    return found


def camera_at(azimuth: float):
    """The protocol's camera, turned."""
    return orbit_camera(ELEVATION, azimuth, DISTANCE, FOV_DEG, IMAGE_SIZE)


def load_guesser(args):
    """A function from a picture (S, S, 4) to a `Guess`."""
    if args.state:
        from img2mesh.models.occupancy import predict
        from img2mesh.train.checkpoints import averaged, load_state
        from img2mesh.train.config import load_config
        from img2mesh.train.occupancy import NAME, begun

        net = begun(load_config(args.config)).eval()
        state = load_state(args.state)
        net.load_state_dict(averaged(state["ema"], NAME))
        print(f"state after {state['step']} steps")
        return lambda picture: predict(net, picture, DISTANCE)
    from img2mesh.models import load_model

    model = load_model(args.model)
    model.distance = DISTANCE
    return model.guess


def main() -> int:
    from img2mesh.shape.threshold import best_level

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="weights/mini")
    parser.add_argument("--state", type=Path, help="a training's state instead of a model; needs --config")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--half", choices=("dev", "test", "all"), default="dev")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    guesser = load_guesser(args)
    axis = np.linspace(-1, 1, RESOLUTION)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    near = np.flatnonzero(np.abs(points).max(1) < 0.9)
    rows, names = [], []
    for sample in samples(args.folder, args.cache):
        if sample["name"] not in names:
            names.append(sample["name"])
        half = ("dev", "test")[names.index(sample["name"]) % 2]
        if args.half not in ("all", half):
            continue
        guess = guesser(sample["picture"])
        body = Body(guess.occupancy, camera_at(sample["azimuth"]), guess.half)
        chance = np.zeros(len(points), np.float32)
        chance[near] = body.probability(points[near])
        level, expected = best_level(body.occupancy)
        true = sample["solid"].reshape(-1)
        rows.append(
            {
                "name": sample["name"],
                "half": half,
                "azimuth": sample["azimuth"],
                "iou": volume_iou(chance > level, true),
                "level": level,
                "expected": expected,
                "by_level": [volume_iou(chance > t, true) for t in LEVELS],
                "elevation_error": abs(guess.elevation_deg - ELEVATION),
            }
        )
        print(
            f"{sample['name'][:40]:40s} {sample['azimuth']:5.0f} {rows[-1]['iou']:.3f} {level:.2f} {expected:.2f}"
        )
    for half in ("dev", "test"):
        mine = [row for row in rows if row["half"] == half]
        if mine:
            by_level = np.mean([row["by_level"] for row in mine], axis=0)
            best = int(np.argmax(by_level))
            sides = [np.mean([r["iou"] for r in mine if r["azimuth"] == a]) for a in AZIMUTHS]
            print(
                f"{half}: IoU {np.mean([r['iou'] for r in mine]):.4f} by best expected IoU "
                f"(sides {' '.join(f'{s:.3f}' for s in sides)}), {by_level[best]:.4f} at the common level "
                f"{LEVELS[best]:.3f}; elevation off by {np.mean([r['elevation_error'] for r in mine]):.1f} degrees"
            )
    if args.json:
        args.json.write_text(json.dumps(rows))
    return 0


if __name__ == "__main__":
    run_script(main)
