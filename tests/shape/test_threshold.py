"""The threshold is that of the best expected IoU."""

import dataclasses

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.frustum import Body
from img2mesh.shape.threshold import best_level, guessed_solid
from tests.fakes import CELLS, HALF, hollow_and_filled

CAMERA = orbit_camera(20.0, 0.0)


def body_of(chance):
    return Body(np.asarray(chance, np.float32), CAMERA, HALF)


def test_the_expected_iou_is_that_of_what_is_drawn_from_the_chances():
    rng = np.random.default_rng(0)
    chance = rng.beta(0.3, 0.8, (16, 16, 16)).astype(np.float32)
    level, expected = best_level(chance)
    truths = rng.random((40, 16, 16, 16)) < chance

    def iou(threshold):
        found = chance > threshold
        return np.mean([(found & true).sum() / (found | true).sum() for true in truths])

    assert iou(level) == pytest.approx(expected, abs=0.01)
    assert all(iou(other) < iou(level) + 0.005 for other in np.linspace(0.05, 0.95, 19))
    assert level == pytest.approx(expected / (1 + expected), abs=0.02), "as theory has it"


def test_sure_cells_need_no_doubt():
    chance = np.zeros((8, 8, 8))
    chance[2:6, 2:6, 2:6] = 0.9
    level, expected = best_level(chance)
    assert 0 < level < 0.9 and expected == pytest.approx(0.9)
    assert np.array_equal(guessed_solid(body_of(chance)).occupancy > 1, chance > 0)


def test_faint_guesses_keep_their_likeliest_cells():
    shell, filled = hollow_and_filled(CAMERA)
    for body in (shell, dataclasses.replace(shell, occupancy=shell.occupancy / 10)):
        inside, middle = guessed_solid(body).occupancy > 1, CELLS // 2
        assert not inside[middle, middle, middle] and inside[:middle, middle, middle].any()
        assert inside[middle:, middle, middle].any()
    assert (guessed_solid(filled).occupancy > 1)[middle, middle, middle]


def test_of_nothing_nothing_is_inside():
    nothing = body_of(np.zeros((4, 4, 4)))
    assert best_level(nothing.occupancy)[1] == 0 and not (guessed_solid(nothing).occupancy > 1).any()


def test_every_ray_with_a_chance_meets_something():
    """Near its outline a thing is there, but nobody knows how far away: without this a frame would stand around it."""
    chance = np.zeros((8, 8, 8))
    chance[2:6, 2:6, 2:6] = 0.9
    chance[:, 1, 4], chance[4, 1, 4] = 0.1, 0.13
    inside = guessed_solid(body_of(chance)).occupancy > 1
    assert inside[4, 1, 4] and inside[:, 1, 4].sum() == 1, "the likeliest cell of a faint ray"
    assert not inside[:, 0, 4].any(), "and none of an empty one"
