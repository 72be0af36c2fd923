"""What the cutout network's confidence is made of, fitted: `python benchmarks/cutout_trust.py HELDOUT --cache FOLDER`.

The constants of `segment.trust` for our network's masks: a logistic regression for an IoU of 0.9 with the truth, on the
dev half of `benchmarks/cutout.py` and `--more` made photos of the same objects. Printed beside them: for several levels
of the confidence, how many bad masks (IoU below 0.8) are above, and what share of the good ones (above 0.9) below it,
each picture judged by a fit to the other nine tenths.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from cutout import BAD, COUNT, GOOD, made

from img2mesh.errors import Img2MeshError, run_script
from img2mesh.segment import own_network, trust
from img2mesh.segment.checks import faint_share, keep_object
from img2mesh.segment.matting import soft_edge
from img2mesh.segment.openings import open_mask

FOLDS, SHRINK = 10, 1.0  # cross-validation; penalty on the squares of standardised weights
LEVELS = (0.6, 0.65, 0.7, 0.75, 0.8)


def evidence(rgb: np.ndarray, alpha: np.ndarray, weights: Path) -> dict[str, float]:
    """What the network's mask of a picture tells of itself, and its `iou` with the truth."""
    own = own_network.own_mask(rgb, weights)
    try:
        found, _ = keep_object(soft_edge(rgb, open_mask(rgb, own.mask)))
    except Img2MeshError:  # nothing was found: said, with exit code 2
        found = np.zeros(rgb.shape[:2], np.uint8)
    return {
        "undecided": own.undecided,
        "nearer": float(own.nearer),
        "faint": faint_share(rgb, found),
        "iou": float(own_network.overlap(found >= 128, alpha >= 128)),
    }


def collect(args: argparse.Namespace) -> Iterator[dict[str, float]]:
    """The evidence of every picture; kept in the cache, where a later run goes on."""
    weights = own_network.find_weights()
    assert weights is not None, "weights/cutout belongs to the program"
    kept = args.cache / "trust.jsonl"
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    wanted = [(index, "dev") for index in [*range(0, COUNT, 2), *range(COUNT, COUNT + args.more)]]
    yield from rows[: len(wanted)]
    with kept.open("a") as stream:
        for rgb, alpha in made(args.heldout, args.cache, args.photographs, wanted[len(rows) :]):
            row = evidence(rgb, alpha, weights)
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            yield row


def inputs(rows: list[dict[str, float]]) -> np.ndarray:
    """(N, 2): logarithm of undecided, faint, as `trust.Evidence.confidence` has them."""
    undecided = [np.log(max(row["undecided"], trust.LEAST_UNDECIDED)) for row in rows]
    return np.column_stack([undecided, [min(row["faint"], trust.MOST_FAINT) for row in rows]])


def fit(x: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Constant and weights of a logistic regression of (N,) bool on (N, C)."""
    from scipy.optimize import minimize

    middle, spread = x.mean(0), x.std(0)
    z = (x - middle) / spread

    def loss(b: np.ndarray) -> float:
        signed = np.where(right, 1, -1) * (z @ b[1:] + b[0])
        return float(np.logaddexp(0, -signed).sum() + SHRINK / 2 * (b[1:] ** 2).sum())

    b = minimize(loss, np.zeros(x.shape[1] + 1)).x
    weights = b[1:] / spread
    return np.concatenate([[b[0] - weights @ middle], weights])


def confidence(b: np.ndarray, x: np.ndarray, nearer: np.ndarray) -> np.ndarray:
    """(N,) in 0..1."""
    return nearer / (1 + np.exp(-(x @ b[1:] + b[0])))


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("heldout", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="folder of benchmarks/cutout.py")
    parser.add_argument("--photographs", default="", help="folder of panoramas that no training saw")
    parser.add_argument("--more", type=int, default=200)
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    rows = list(collect(args))
    x, iou = inputs(rows), np.array([row["iou"] for row in rows])
    nearer = np.array([row["nearer"] for row in rows])
    fold, sure = np.arange(len(rows)) % FOLDS, np.zeros(len(rows))
    for k in range(FOLDS):
        b = fit(x[fold != k], iou[fold != k] >= GOOD)
        sure[fold == k] = confidence(b, x[fold == k], nearer[fold == k])
    print(f"{len(rows)} pictures, {(iou < BAD).sum()} bad; the surest of them: {sure[iou < BAD].max():.2f}")
    print("constant and weights:", ", ".join(f"{value:.2f}" for value in fit(x, iou >= GOOD)))
    print("| level | bad, unsaid | good, doubted |\n|---|---:|---:|")
    for level in LEVELS:
        unsaid, doubted = ((iou < BAD) & (sure >= level)).sum(), (sure < level)[iou > GOOD].mean()
        print(f"| {level} | {unsaid} | {100 * doubted:.0f} % |")


if __name__ == "__main__":
    run_script(main)
