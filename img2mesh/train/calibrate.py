"""Make the occupancy network's chances true: what is called 0.3 is inside three times in ten.

One temperature and one bias, fitted to validation objects (Platt 1999; Guo et al. 2017, "On calibration of modern
neural networks", section 4.2). Every picture weighs the same, whatever it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from img2mesh.core.files import atomic_file
from img2mesh.models.occupancy import OccupancyNetwork, covered, mirrored_mean
from img2mesh.train.distributed import Workers
from img2mesh.train.frustum_batches import FrustumSampler

KEPT = 2000  # cells of each picture, drawn at random from those behind what it shows
BINS = 20


@dataclass(frozen=True, eq=False)
class Cells:
    """What the network says of N cells, (N,) float64 logits, and the truth, (N,) shares inside in [0, 1]."""

    logits: np.ndarray
    inside: np.ndarray


@torch.no_grad()
def validation_cells(net: OccupancyNetwork, sampler: FrustumSampler, batches: int) -> Cells:
    """Cells behind what the pictures of some batches show; the network is on the CPU."""
    rng, logits, inside = np.random.default_rng(0), [], []
    for step in range(batches):
        for part in sampler.batch(step, Workers("cpu")).split(8):
            said = mirrored_mean(net, part.pictures, part.angles[:, 2])[0]
            there = (covered(part.pictures) > 0).expand_as(said)
            for one, true, shown in zip(said, part.inside, there, strict=True):
                found = torch.nonzero(shown.reshape(-1))[:, 0].numpy()
                if len(found):
                    chosen = rng.choice(found, KEPT)
                    logits.append(one.reshape(-1).numpy()[chosen])
                    inside.append(true.reshape(-1).numpy()[chosen])
    return Cells(np.concatenate(logits).astype(np.float64), np.concatenate(inside).astype(np.float64))


def fit_calibration(cells: Cells) -> tuple[float, float]:
    """(temperature, bias) of sigmoid(logit / temperature + bias) with the least cross entropy."""
    from scipy.optimize import minimize

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        scale, bias = values
        z = cells.logits * scale + bias
        off = 1 / (1 + np.exp(-z)) - cells.inside
        entropy = np.logaddexp(0, z) - cells.inside * z
        return float(entropy.mean()), np.array([(off * cells.logits).mean(), off.mean()])

    scale, bias = minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(0.05, 20), (-10, 10)]).x
    return float(1 / scale), float(bias)


def reliability(chance: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(k, 3) mean chance, share truly inside, share of all cells, for each of `BINS` equal bins that holds any."""
    number = np.minimum((chance * BINS).astype(int), BINS - 1)
    count = np.bincount(number, minlength=BINS)
    sums = [np.bincount(number, values, minlength=BINS) for values in (chance, inside)]
    used = count > 0
    return np.stack([*(s[used] / count[used] for s in sums), count[used] / count.sum()], axis=1)


def calibration_error(rows: np.ndarray) -> float:
    """Expected calibration error of `reliability`'s rows: mean difference of chance and truth, weighted by cells."""
    return float((np.abs(rows[:, 0] - rows[:, 1]) * rows[:, 2]).sum())


def draw_reliability(path: str | Path, before: np.ndarray, after: np.ndarray) -> None:
    """A picture (PNG) of two `reliability` curves: chance to the right, truth upwards; the diagonal is perfect."""
    from PIL import Image, ImageDraw

    side, edge = 480, 48
    sheet = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(sheet)

    def place(x: float, y: float) -> tuple[float, float]:
        return edge + x * (side - 2 * edge), side - edge - y * (side - 2 * edge)

    draw.rectangle([place(0, 1), place(1, 0)], outline="#888888")
    for tick in np.linspace(0, 1, 6):
        draw.text((place(tick, 0)[0] - 8, side - edge + 6), f"{tick:.1f}", fill="#444444")
        draw.text((edge - 26, place(0, tick)[1] - 6), f"{tick:.1f}", fill="#444444")
    draw.line([place(0, 0), place(1, 1)], fill="#bbbbbb")
    for rows, colour in ((before, "#cc8844"), (after, "#2255bb")):
        draw.line([place(x, y) for x, y, _ in rows], fill=colour, width=2)
        for x, y, _ in rows:
            u, v = place(x, y)
            draw.ellipse([u - 3, v - 3, u + 3, v + 3], fill=colour)
    draw.text((edge + 8, edge + 8), "as learned", fill="#cc8844")
    draw.text((edge + 8, edge + 24), "calibrated", fill="#2255bb")
    draw.text((side // 2 - 80, side - 18), "chance that a cell is inside", fill="black")
    draw.text((6, 10), "share of such cells inside", fill="black")
    with atomic_file(path) as temporary:
        sheet.save(temporary, "PNG")


def calibrate(
    net: OccupancyNetwork, sampler: FrustumSampler, batches: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Give a network its `temperature` and `bias`; returns `reliability` before and after, of the same cells."""
    cells = validation_cells(net, sampler, batches)
    temperature, bias = fit_calibration(cells)
    net.remember(temperature=round(temperature, 4), bias=round(bias, 4))
    curves = [
        reliability(1 / (1 + np.exp(-z)), cells.inside)
        for z in (cells.logits, cells.logits / temperature + bias)
    ]
    return curves[0], curves[1]
