"""Which cells of a guess make the solid: those above the threshold with the best expected IoU.

Nowozin (2014), "Optimal decisions from probabilistic models: the intersection-over-union case".
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.frustum import Body

NEAR_LIKELIEST = (
    0.87  # share of a ray's best chance from which its cells count where none reaches the threshold
)
FAINTEST = 0.02  # chance below which a ray misses


def guessed_solid(body: Body) -> Body:
    """The body with its chances divided by the threshold: inside is above 1.

    The photo shows something on every ray that the network gives any chance, so where no cell of a ray reaches the
    threshold the likeliest ones count: near outlines a network knows that something is there, but not how far away.
    """
    likeliest = np.maximum(body.occupancy.max(axis=0, keepdims=True), FAINTEST)
    level = np.minimum(best_level(body.occupancy)[0], NEAR_LIKELIEST * likeliest)
    return dataclasses.replace(body, occupancy=(body.occupancy / level).astype(np.float32))


def best_level(occupancy: np.ndarray) -> tuple[float, float]:
    """The threshold whose solid {chance > threshold} has the best expected IoU with the true one, and that IoU.

    Both in [0, 1]. To first order, if the chances are right: expected volume of the intersection over that of the
    union.
    """
    chance = np.sort(occupancy, axis=None)[::-1].astype(np.float64)
    common = np.cumsum(chance)
    if not len(chance) or common[-1] <= 0:
        return 0.5, 0.0
    expected = common / (np.arange(1, len(chance) + 1) + common[-1] - common)
    last = int(np.argmax(expected))  # cells up to this one are inside
    after = chance[last + 1] if last + 1 < len(chance) else 0.0
    return float((chance[last] + after) / 2), float(expected[last])
