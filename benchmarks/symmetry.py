"""What planes of symmetry are worth: `python benchmarks/symmetry.py ../shared/data/heldout`.

On the samples of `benchmarks/prior.py`: the true solid's overlap (IoU) with its own mirror image about the plane that
is chosen, beside that of the best of all planes; and the guess's IoU with the solid as it is and made symmetric.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from prior import camera_at, samples

from img2mesh.core.frustum import Body
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.errors import run_script
from img2mesh.evaluate.geometry import volume_iou
from img2mesh.evaluate.protocol import DISTANCE, RESOLUTION
from img2mesh.shape.symmetry import mirror_of, symmetrised
from img2mesh.shape.threshold import best_level

AXIS = np.linspace(-1, 1, RESOLUTION)


def own_overlap(solid: np.ndarray, mirror: Mirror) -> float:
    """IoU of a solid (R, R, R), from -1 to 1, with its mirror image."""
    from scipy.ndimage import map_coordinates

    inside = AXIS[np.argwhere(solid)]
    places = (mirror.reflected(inside) + 1) / 2 * (RESOLUTION - 1)
    shared = map_coordinates(solid.astype(np.float32), places.T, order=1).sum()
    return float(shared / (2 * len(inside) - shared))


def guess_iou(body: Body, solid: np.ndarray) -> float:
    """IoU of a body, cut at its best level, with a solid (R, R, R)."""
    points = np.stack(np.meshgrid(AXIS, AXIS, AXIS, indexing="ij"), axis=-1).reshape(-1, 3)
    return volume_iou(body.probability(points) > best_level(body.occupancy)[0], solid.reshape(-1))


def main() -> int:
    from img2mesh.models import load_model

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    model = load_model(given.model).at_distance(DISTANCE)
    rows: dict[str, list[list[float]]] = {"dev": [], "test": []}
    names: list[str] = []
    for sample in samples(given.folder, given.cache):
        if sample["name"] not in names:
            names.append(sample["name"])
        guess, camera = model.guess(sample["picture"]), camera_at(sample["azimuth"])
        body = Body(guess.occupancy, camera, guess.half, symmetry=guess.symmetry)
        mirror, solid = mirror_of(body), sample["solid"]
        turns = camera.azimuth_deg + np.arange(len(guess.symmetry)) * 180 / len(guess.symmetry)
        best = max(own_overlap(solid, Mirror(float(np.radians(turn)), 0.0)) for turn in turns)
        found = [guess_iou(body, solid), guess_iou(symmetrised(body), solid)]
        rows[("dev", "test")[(len(names) - 1) % 2]].append([own_overlap(solid, mirror), best, *found])
    print("| half | overlap about the plane | about the best one | IoU as guessed | made symmetric |")
    print("|---|---:|---:|---:|---:|")
    for half, found in rows.items():
        print(f"| {half} |", *(f"{value:.4f} |" for value in np.mean(found, axis=0)))
    return 0


if __name__ == "__main__":
    run_script(main)
