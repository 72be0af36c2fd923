"""How good the cutouts are: `python benchmarks/cutout.py ../shared/data/heldout --cache FOLDER [--photographs FOLDER]`.

400 made photos with known masks: held-out scans over backgrounds that no training saw (`train.cutout_scenes`, other
seeds, and the panoramas of `--photographs`). Pictures of objects at even places of the folder's list are to choose on
("dev"), the others are reported ("test"). For every way of finding the object: mean IoU, its 5th percentile, the share
below 0.8, the share below 0.8 without a doubt said, the share above 0.9 that is doubted, and seconds a photo.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from img2mesh.core.camera import FOV_DEG, orbit_camera
from img2mesh.core.files import atomic_file
from img2mesh.errors import Img2MeshError, run_script
from img2mesh.evaluate.ground_truth import render_truth
from img2mesh.evaluate.objects import halves, load_objects, read_object
from img2mesh.segment.own_network import overlap
from img2mesh.train.cutout_backdrops import Backdrops, read_pictures
from img2mesh.train.cutout_scenes import Scenes

COUNT, SIDE, RENDER, VIEWS, SEED = 400, 480, 448, 4, 20240
BAD, GOOD = 0.8, 0.9


def renders(folder: Path, cache: Path) -> dict[str, np.ndarray]:
    """(VIEWS, RENDER, RENDER, 4) uint8 of every held-out object, by name; kept in `cache`."""
    found = {}
    for path in load_objects(folder):
        kept = cache / f"{path.stem}.npz"
        if not kept.is_file():
            rng = np.random.default_rng(zlib.crc32(path.stem.encode()))
            truth = read_object(path)
            views = [
                render_truth(
                    truth, orbit_camera(rng.uniform(-5, 45), rng.uniform(0, 360), 1.5, FOV_DEG, RENDER), 2
                )
                for _ in range(VIEWS)
            ]
            with atomic_file(kept) as part:
                np.savez_compressed(part, views=np.stack(views))
        found[path.stem] = np.load(kept)["views"]
    return found


def pictures(folder: Path, cache: Path, photographs: str, count: int) -> list[dict]:
    """`half`, `rgb` (H, W, 3) and `alpha` (H, W) of every made photo; kept in `cache`."""
    kept = cache / f"pictures-{count}.npz"
    if not kept.is_file():
        rows: dict[str, np.ndarray] = {}
        wanted = [(index, ("dev", "test")[index % 2]) for index in range(count)]
        for (index, _), (rgb, alpha) in zip(wanted, made(folder, cache, photographs, wanted), strict=True):
            rows[f"rgb{index}"], rows[f"alpha{index}"] = rgb, alpha
        with atomic_file(kept) as part:
            np.savez_compressed(part, **rows)
    held = np.load(kept)
    return [
        {"half": ("dev", "test")[k % 2], "rgb": held[f"rgb{k}"], "alpha": held[f"alpha{k}"]}
        for k in range(count)
    ]


def made(
    folder: Path, cache: Path, photographs: str, wanted: Iterable[tuple[int, str]]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Made photos (H, W, 3) and their alphas (H, W), each of a number and of objects of `dev` or `test`."""
    import cv2

    half, things = halves(folder), renders(folder, cache)
    backdrops = Backdrops(SIDE, SEED, read_pictures(photographs), [], patterns=60)
    for index, which in wanted:
        names = [name for name in things if half[name] == which]

        def draw(rng: np.random.Generator, names: list[str] = names) -> np.ndarray:
            return things[names[rng.integers(len(names))]][rng.integers(VIEWS)]

        rng = np.random.default_rng([SEED, index])
        rgb, alpha = Scenes(draw, backdrops).scene(rng)
        size = SIDE, round(SIDE * rng.uniform(0.7, 1))
        size = size[::-1] if rng.random() < 0.4 else size
        yield (
            cv2.resize(rgb, size, interpolation=cv2.INTER_AREA),
            cv2.resize(alpha, size, interpolation=cv2.INTER_AREA),
        )


def ways(names: list[str]) -> dict[str, Callable[[np.ndarray], tuple[np.ndarray, bool]]]:
    """By name, a function from a picture to its alpha (H, W) uint8 and whether a doubt was said."""
    from img2mesh.core.progress import Progress
    from img2mesh.segment.checks import DOUBTFUL_BELOW
    from img2mesh.segment.find import find_object
    from img2mesh.segment.models import find_model
    from img2mesh.segment.photo import Photo
    from img2mesh.settings import Settings

    def way(segmenter: str) -> Callable[[np.ndarray], tuple[np.ndarray, bool]]:
        settings = Settings(segmenter=segmenter, offline=True)

        def find(rgb: np.ndarray) -> tuple[np.ndarray, bool]:
            try:
                found = find_object(Photo(rgb, None), settings, Progress())
            except Img2MeshError:  # said, with exit code 2
                return np.zeros(rgb.shape[:2], np.uint8), True
            return found.alpha, found.confidence < DOUBTFUL_BELOW

        return find

    there = ["plain", "cutout", "auto"] + [n for n in ("u2netp", "u2net") if find_model(n) is not None]
    return {name: way(name) for name in there if not names or name in names}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("heldout", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="folder for renders, pictures and scores")
    parser.add_argument("--photographs", default="", help="folder of panoramas that no training saw")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--ways", default="", help="only these, with commas")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    photos = pictures(args.heldout, args.cache, args.photographs, args.count)
    print(
        "| found by | half | mean IoU | 5th pct | < 0.8 | < 0.8 unsaid | > 0.9 doubted | s |\n"
        + "|---" * 8
        + "|"
    )
    masks: dict[str, list[np.ndarray]] = {}
    scores: dict[str, list[dict]] = {}
    for name, find in ways([n for n in args.ways.split(",") if n]).items():
        find(photos[0]["rgb"])  # loads what it needs
        rows, masks[name] = [], []
        for picture in photos:
            started = time.perf_counter()
            alpha, doubtful = find(picture["rgb"])
            seconds = time.perf_counter() - started
            masks[name].append(alpha >= 128)
            iou = overlap(alpha >= 128, picture["alpha"] >= 128)
            rows.append({"half": picture["half"], "iou": float(iou), "doubtful": doubtful, "s": seconds})
        (args.cache / f"{name}.json").write_text(json.dumps(rows))
        for half in ("dev", "test"):
            print(line(name, half, [row for row in rows if row["half"] == half]), flush=True)
        scores[name] = rows
    if "plain" in scores and "auto" in scores:
        print("\n" + where_colours_agree(scores, masks))


def where_colours_agree(scores: dict[str, list[dict]], masks: dict[str, list[np.ndarray]]) -> str:
    """Mean IoU of both ways on the dev pictures whose colours leave no doubt and give the same object."""
    from img2mesh.segment.trust import DIFFERENT

    agreed = [
        k
        for k, row in enumerate(scores["plain"])
        if row["half"] == "dev"
        and not row["doubtful"]
        and overlap(masks["plain"][k], masks["auto"][k]) >= DIFFERENT
    ]
    means = {name: np.mean([scores[name][k]["iou"] for k in agreed] or [0.0]) for name in ("plain", "auto")}
    better = sum(scores["plain"][k]["iou"] > scores["auto"][k]["iou"] for k in agreed)
    return (
        f"where the colours are sure and agree ({len(agreed)} dev pictures): plain {means['plain']:.3f}, auto "
        f"{means['auto']:.3f}; plain is the better one on {better}"
    )


def line(name: str, half: str, rows: list[dict]) -> str:
    """A line of the table."""
    ious = np.array([row["iou"] for row in rows])
    doubted = np.array([row["doubtful"] for row in rows])
    bad, good = ious < BAD, ious > GOOD
    figures = [
        f"{ious.mean():.3f}",
        f"{np.quantile(ious, 0.05):.3f}",
        f"{100 * bad.mean():.1f} %",
        f"{100 * (bad & ~doubted).mean():.1f} %",
        f"{100 * doubted[good].mean() if good.any() else 0:.0f} %",
        f"{np.median([row['s'] for row in rows]):.2f}",
    ]
    return f"| {name} | {half} | " + " | ".join(figures) + " |"


if __name__ == "__main__":
    run_script(main)
