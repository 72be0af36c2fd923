"""Which points of a guessed body count as inside, and how sure and how hollow it is."""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.frustum import Body

# Inside are points of at least the chance that makes the best solid (`best_level`), within these limits: of solids
# {chance > p}, the one with the best expected IoU J has p = J / (1 + J).
LEVELS = (0.2, 0.45)
STEPS = 11  # levels that are tried
# What the network learned of most objects is their silhouettes' hull, and of thin walls thicker ones: things are
# smaller than that. The level is therefore this much higher. Chosen on every second of the held-out scans, each seen
# from two directions; on the others it raises the mean IoU of the guess as it is used from 0.409 to 0.415.
RAISED = 1.15
# Hollow things are nothing but thin walls: from this hollowness on it is raised by twice as much. Of the held-out scans
# seven are that hollow, from three sides each; six of them gain, one with walls as thick as taught loses: the mean IoU
# of all 34 rises by 0.003, 0.003 and 0.001.
HOLLOW = 0.07
# A hollow thing about whose walls the guess is in doubt would be full of holes: from the hollowness `SURELY` on, and
# the more the lower the expected IoU is, between these two, the level is lower by up to the share `LOWERED`.
SURELY, LOWERED = 0.02, 0.5
DIM, CLEAR = 0.24, 0.32
# Where the guess cannot say how far away something lies, no depth reaches that; then those count that come near to the
# likeliest one: something is there, for the photo shows it.
NEAR_BEST = 0.87
FAINTEST = 0.02  # chance below which a ray misses
# Depth of a gap, as a share of the lesser wall's chance, that makes two walls of a ray's chances, and the least chance
# of the lesser wall, as a share of the other's.
GAP, SECOND = 0.02, 0.4


def guessed_solid(body: Body, raised: float = RAISED) -> Body:
    """The body with its chances divided by the one from which a point counts as inside: inside is above 1.

    `raised` is how much higher that is than what would be best if all chances were right; for hollow things it is
    twice as far above 1.
    """
    level, iou = best_level(body)
    doubt, hollow = float(np.clip((CLEAR - iou) / (CLEAR - DIM), 0, 1)), hollowness(body)
    level *= 1 + (raised - 1) * (1 + min(1.0, hollow / HOLLOW))
    level *= 1 - LOWERED * doubt * min(1.0, hollow / SURELY)
    level = np.minimum(level, NEAR_BEST * np.maximum(_walls(body.occupancy), FAINTEST))
    return dataclasses.replace(body, occupancy=(body.occupancy / level).astype(np.float32))


def _walls(chance: np.ndarray) -> np.ndarray:
    """(D, H, W) the best chance of the wall that each cell belongs to: its ray's, or one of two with a gap between."""
    before, behind, filled = _envelopes(chance)
    cell = np.argmax(filled - chance, axis=0)[None]  # the middle of the gap
    near, far, lower, there = (
        np.take_along_axis(part, cell, axis=0) for part in (before, behind, filled, chance)
    )
    best = chance.max(axis=0, keepdims=True)
    two = (lower - there > GAP * lower) & (lower > SECOND * best)
    in_front = np.arange(len(chance))[:, None, None] <= cell
    return np.where(two, np.where(in_front, near, far), best)


def _envelopes(chance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along each ray: the largest chance up to a cell, that from it on, and the lesser of both, which has no gaps."""
    before = np.maximum.accumulate(chance, axis=0)
    behind = np.maximum.accumulate(chance[::-1], axis=0)[::-1]
    return before, behind, np.minimum(before, behind)


def best_level(body: Body) -> tuple[float, float]:
    """The level whose solid {chance > level} has the best expected IoU with the true one, and that IoU, in [0, 1].

    To first order, if the chances are right: the expected volume of the intersection over that of the union.
    """
    tried = []
    for level in np.linspace(*LEVELS, STEPS):
        inside = body.occupancy > level
        common = float(body.occupancy[inside].sum())
        union = float(inside.sum()) + float(body.occupancy[~inside].sum())
        tried.append((common / max(union, 1e-6), float(level)))
    iou, level = max(tried)
    return level, iou


def hollowness(body: Body) -> float:
    """Share of the body, filled along the photo's rays, that is emptiness between two walls; 0 for what is solid.

    Doubt alone makes no gaps: the chances along a ray then rise to one peak and fall.
    """
    filled = _envelopes(body.occupancy)[2]
    return float((filled - body.occupancy).sum() / max(float(filled.sum()), 1e-6))
