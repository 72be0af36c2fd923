"""Shapes from several photos of held-out objects, rendered as people photograph them.

python benchmarks/several_photos.py HELDOUT [--half dev|test|all] [--objects N] [--sets front four ...] [--json OUT]
    [--true cameras|solid] [--hull]

Azimuths are off by up to 10 degrees, elevations lie between 0 and 35 and are not known, nor are distances and crops;
exposures differ by up to 0.3 EV, white balances by 7 %. Volume IoU with the true solid on 64 points a side, after the
similarity that makes it largest; of the shape before the field, so that a set takes seconds. `swapped` are four sides
whose last photo is another object's. To find where errors come from, `--true cameras` places the photos exactly,
`--true solid` gives the true shape's cells in place of the network's chances as well, and `--hull` takes the
silhouettes' hull as the shape.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from img2mesh.core.camera import DISTANCE, FOV_DEG, Camera, look_at
from img2mesh.core.progress import Progress
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.view import Source, View
from img2mesh.core.visual_hull import hull_of_views, visual_hull
from img2mesh.evaluate.ground_truth import Truth, render_truth
from img2mesh.evaluate.objects import halves, load_objects, read_object
from img2mesh.evaluate.protocol import volume
from img2mesh.models import load_model
from img2mesh.models.occupancy import HALF, Guess
from img2mesh.photos.evidence import CELLS, LATTICE, Witness, box
from img2mesh.photos.photo import SIDES, Photo
from img2mesh.photos.place import place_photos
from img2mesh.photos.reconstruct import fused_chance, level_of, shaped
from img2mesh.photos.turntable import turntable_views
from img2mesh.segment.cutout import Cutout, recentre, window_of
from img2mesh.shape.occupancy import occupancy_grid
from img2mesh.shape.symmetry import symmetrised
from img2mesh.synthetic.voxelize import occupancy
from img2mesh.views.synthesize import seen_body

SETS = {
    "front": ("front",),
    "front + back": ("front", "back"),
    "four": ("front", "back", "left", "right"),
    "four + top": ("front", "back", "left", "right", "top"),
    "swapped": ("front", "back", "left", "right"),
    "turntable": (),
}
TURN = 24


@dataclass(frozen=True, eq=False)
class Shot:
    """A photo, cut out, and where it was taken from in the object's own world."""

    cutout: Cutout
    camera: Camera  # of the cutout, 256 pixels wide
    distance: float


def photograph(truth: Truth, elevation: float, azimuth: float, rng: np.random.Generator) -> Shot:
    """One photo: distance, aim, exposure and white balance are drawn."""
    distance, aim = rng.uniform(1.5, 2.6), rng.uniform(-0.06, 0.06, 3)
    camera = standing(elevation, azimuth, distance, aim)
    rgba = render_truth(truth, camera, supersample=2)
    gain = 2 ** rng.uniform(-0.3, 0.3) * np.array([rng.uniform(0.93, 1.07), 1, rng.uniform(0.93, 1.07)])
    value = rgba[..., :3] / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4) * gain
    shown = np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * np.clip(linear, 0, None) ** (1 / 2.4) - 0.055
    )
    picture = np.dstack([np.clip(shown * 255 + 0.5, 0, 255).astype(np.uint8), rgba[..., 3]])
    left, upper, side = window_of(picture[..., 3], 0.7)
    finer = 256 / side
    focal, cx, cy = camera.fl_x * finer, (camera.cx - left) * finer, (camera.cy - upper) * finer
    cutout = Cutout(recentre(picture, 0.7), "alpha", window=(left, upper, side))
    return Shot(cutout, Camera(camera.c2w, focal, focal, cx, cy, 256, 256), distance)


def all_sides(truth: Truth, name: str) -> tuple[dict[str, Shot], np.random.Generator]:
    """Photos of an object from all sides but below; and the generator of its name, for what is drawn after them."""
    rng, shots = np.random.default_rng(zlib.crc32(name.encode()) + 7), {}
    for side, azimuth in SIDES.items():
        off = rng.uniform(-10, 10) if side != "front" else 0.0
        elevation = rng.uniform(65, 88) if side == "top" else rng.uniform(0, 35)
        if side != "bottom":
            shots[side] = photograph(truth, elevation, azimuth + off, rng)
    return shots, rng


def standing(elevation: float, azimuth: float, distance: float, aim: np.ndarray) -> Camera:
    e, a = np.radians([elevation, azimuth])
    place = distance * np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    focal = 400 * 1.09 * distance / 1.9
    return Camera(look_at(place, aim), focal, focal, 200, 200, 400, 400)


def aligned_iou(grid: SdfGrid, solid: np.ndarray, steps: int = 40) -> float:
    """The largest IoU of {sdf < 0} with a (64, 64, 64) solid on [-1, 1]^3, over similarities, by gradient ascent."""
    axis = torch.linspace(-1, 1, 64)[12:52]
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    true = torch.from_numpy(solid[12:52, 12:52, 12:52].reshape(-1).astype(np.float32))
    low, extent = (torch.from_numpy(x).float() for x in (grid.bounds[0], grid.bounds[1] - grid.bounds[0]))
    values = torch.from_numpy(np.ascontiguousarray(grid.sdf)).float()[None, None]
    inside = torch.from_numpy(np.argwhere(grid.sdf < 0) * grid.spacing).float() + low
    if not len(inside):
        return 0.0
    own = points[true > 0.5]
    start = (len(inside) * grid.spacing**3 / (len(own) * (2 / 63) ** 3)) ** (1 / 3)
    best = 0.0
    for scale in (start, 1.0):
        q = torch.zeros(7)
        q[0], q[4:] = float(np.log(scale)), inside.mean(0) - scale * own.mean(0)
        q.requires_grad_()
        optimiser = torch.optim.Adam([q])
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = 0.03 * (1 - step / steps) + 0.002
            zero = torch.zeros(())
            turn = torch.stack([zero, -q[3], q[2], q[3], zero, -q[1], -q[2], q[1], zero]).view(3, 3)
            place = points @ torch.linalg.matrix_exp(turn).T * q[0].exp() + q[4:]
            at = ((place - low) / extent * 2 - 1)[:, [2, 1, 0]].view(1, 1, 1, -1, 3)
            value = torch.nn.functional.grid_sample(
                values, at, align_corners=True, padding_mode="border"
            ).view(-1)
            found = value < 0
            best = max(best, float((found & (true > 0.5)).sum() / (found | (true > 0.5)).sum()))
            soft = torch.sigmoid(-value / 0.012)
            loss = -torch.minimum(soft, true).sum() / torch.maximum(soft, true).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return best


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The arguments that `chosen` reads."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=("dev", "test", "all"), default="all")
    parser.add_argument("--objects", type=int, help="of the half, the first")


def chosen(options: argparse.Namespace) -> list[Path]:
    """Files of the held-out objects that are asked for."""
    half = halves(options.folder)
    paths = [path for path in load_objects(options.folder) if options.half in ("all", half[path.stem])]
    return paths[: options.objects]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_choice(parser)
    parser.add_argument("--sets", nargs="+", choices=tuple(SETS), default=list(SETS))
    parser.add_argument("--true", choices=("cameras", "solid"))
    parser.add_argument("--hull", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, paths = load_model("mini", offline=True), chosen(options)
    found: dict[str, dict[str, float]] = {}
    seconds: dict[str, list[float]] = {}
    left_out: dict[str, list[str]] = {}
    previous = read_object(paths[-1])
    for path in paths:
        truth = read_object(path)
        shots, rng = all_sides(truth, path.stem)
        solid = volume((truth.vertices, truth.faces))
        strange = photograph(previous, 20.0, 300.0, rng)
        for name in options.sets:
            started = time.process_time()
            if name == "turntable":
                grid = turned(truth, rng)
            else:
                taken = [shots[side] for side in SETS[name]]
                if name == "swapped":
                    taken[-1] = strange
                known = truth if options.true == "solid" else None
                if options.true and len(taken) > 1:
                    grid, gone = exact(taken, SETS[name], model, known, options.hull), []
                else:
                    grid, gone = fused([shot.cutout for shot in taken], SETS[name], model, options.hull)
                left_out.setdefault(name, []).extend(f"{path.stem}: {each}" for each in gone)
            seconds.setdefault(name, []).append(time.process_time() - started)
            found.setdefault(name, {})[path.stem] = round(aligned_iou(grid, solid), 4)
        previous = truth
        print(path.stem[:32].ljust(32), {name: found[name][path.stem] for name in options.sets}, flush=True)
    means = {name: round(float(np.mean(list(scores.values()))), 4) for name, scores in found.items()}
    spent = {name: round(float(np.mean(times)), 1) for name, times in seconds.items()}
    print(f"mean IoU of {len(paths)} objects: {means}; CPU seconds {spent}")
    print("left out:", left_out)
    if options.json:
        options.json.write_text(
            json.dumps({"iou": found, "mean": means, "left_out": left_out}, indent=1) + "\n"
        )


def fused(
    cutouts: list[Cutout], sides: tuple[str, ...], model, hull: bool = False
) -> tuple[SdfGrid, list[str]]:
    """The shape of photos of some sides, and the names of those that were left out."""
    guesses = [model.guess(cutout.resized()) for cutout in cutouts]
    if len(cutouts) == 1:
        body = seen_body(guesses[0], Camera(look_at(np.array([1.6, 0, 0])), 280, 280, 128, 128, 256, 256))
        grid = occupancy_grid(symmetrised(body), 128)
        assert grid is not None
        return grid, []
    photos = [Photo.of_side(side, side) for side in sides]
    placed = place_photos(photos, cutouts, guesses, 4.0, Progress())
    gone = placed.facts["photos_left_out"]
    if hull:
        return hull_of(placed.views), gone
    return shaped(fused_chance(placed.witnesses), level_of(placed.views), placed.views), gone


def exact(shots: list[Shot], sides: tuple[str, ...], model, known: Truth | None, hull: bool) -> SdfGrid:
    """The same from true cameras; `known`: from the true share of each cell, too."""
    pictures = [shot.cutout.resized(256) for shot in shots]
    guesses = [None if side == "top" else model.guess(p) for side, p in zip(sides, pictures, strict=True)]
    found = [_witness(*each) for each in zip(shots, pictures, guesses, strict=True)]
    centre, scale = box(found)
    found = [witness.rescaled(centre, scale) for witness in found]
    views = tuple(View(p, w.camera, Source.PHOTO) for p, w in zip(pictures, found, strict=True))
    if hull:
        return hull_of(views)
    if known is None:
        return shaped(fused_chance(found), level_of(views), views)
    inside = occupancy((known.vertices - centre) / scale, known.faces, 3 * CELLS, LATTICE)
    share = inside.reshape(CELLS, 3, CELLS, 3, CELLS, 3).mean((1, 3, 5))
    return shaped(share.astype(np.float32), 0.45, views)


def _witness(shot: Shot, picture: np.ndarray, guess: Guess | None) -> Witness:
    usual = (
        0.5 / np.tan(np.radians(FOV_DEG) / 2) / DISTANCE
    )  # sides per unit of the frame that the network sees
    unit = usual * shot.distance / (shot.camera.fl_x / 256)
    occupancy = None if guess is None else guess.occupancy
    return Witness.of(shot.camera, picture[..., 3] / np.float32(255), occupancy, shot.distance, HALF * unit)


def hull_of(views: tuple[View, ...]) -> SdfGrid:
    return visual_hull([view.mask for view in views], [view.camera for view in views], None, 96, 0.0).grid


def turned(truth: Truth, rng: np.random.Generator) -> SdfGrid:
    """The hull of a turntable's photos."""
    elevation, distance, way = rng.uniform(0, 35), rng.uniform(1.6, 2.6), rng.choice([-1, 1])
    cutouts = []
    for k in range(TURN):
        camera = standing(elevation, way * 360 * k / TURN, distance, np.zeros(3))
        rgba = render_truth(truth, camera, supersample=2)
        cutouts.append(Cutout(recentre(rgba, 0.7), "alpha", window=window_of(rgba[..., 3], 0.7)))
    return hull_of_views(turntable_views(cutouts, None, Progress()), 96).grid


if __name__ == "__main__":
    main()
