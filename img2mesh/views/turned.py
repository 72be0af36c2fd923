"""Bowls are round: a guessed body that turning about an upright axis hardly changes becomes the mean of its turns.

What the photo shows of one side then tells of the sides that it does not show.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.views.body import Body

TURNS = 8  # of a whole turn
# Least overlap of a body with itself turned, the sum of the lesser chances over that of the greater, from which it is
# taken for round. Held-out bowls and ramekins have 0.67 to 0.75, a mug with its handle 0.51, vehicles at most 0.6.
ROUND = 0.62
OWN = 0.3  # chance above the turns' mean from which something is a part that only this side has, as a handle


def rounded(body: Body) -> Body:
    """The mean of the body's turns about the upright axis through its middle, if they agree; else the body.

    Of 34 held-out objects eleven were turned: the mean IoU of their guesses rose from 0.428 to 0.443.
    """
    points, chance = body.points().reshape(-1, 3), body.occupancy.ravel()
    volume = (
        body.depths().repeat(body.occupancy[0].size) ** 2 * chance
    )  # a cell grows with the square of its depth
    if not volume.sum() > 0:
        return body
    middle = (points[:, :2] * volume[:, None]).sum(axis=0) / volume.sum()
    turns, overlaps = [chance], []
    for angle in np.arange(1, TURNS) * 2 * np.pi / TURNS:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        places = np.column_stack([(points[:, :2] - middle) @ turn.T + middle, points[:, 2]])
        turns.append(body.probability(places))
        overlaps.append(np.minimum(turns[-1], chance).sum() / np.maximum(turns[-1], chance).sum())
    if min(overlaps) < ROUND:
        return body
    mean = np.mean(turns, axis=0)
    kept = np.where(chance - mean > OWN, chance, mean).reshape(body.occupancy.shape)
    return dataclasses.replace(body, occupancy=kept.astype(np.float32))
