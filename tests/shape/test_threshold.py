"""What counts as inside of a guessed body: hollow things stay hollow, and their fainter wall is kept."""

import dataclasses

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.core.frustum import Body
from img2mesh.shape.threshold import NEAR_BEST, best_level, guessed_solid, hollowness
from tests.fakes import CELLS, HALF, hollow_and_filled

CAMERA = orbit_camera(20.0, 0.0)


def test_a_hollow_body_keeps_its_emptiness_and_both_walls():
    shell, filled = hollow_and_filled(CAMERA)
    inside, middle = guessed_solid(shell).occupancy > 1, CELLS // 2
    assert not inside[middle, middle, middle] and inside[:middle, middle, middle].any()
    assert inside[middle:, middle, middle].any()
    assert (guessed_solid(filled).occupancy > 1)[middle, middle, middle]


def test_walls_of_hollow_things_are_held_to_a_higher_level():
    """Twice as far above the best one; solid things keep theirs, and outlines (raised 1) both."""
    shell, filled = (
        dataclasses.replace(body, occupancy=3 * body.occupancy) for body in hollow_and_filled(CAMERA)
    )  # of these there is no doubt
    best = {body: best_level(body)[0] for body in (shell, filled)}
    for body, raised, factor in (
        (shell, 1.2, 1.4),
        (filled, 1.2, 1.2),
        (shell, 1.0, 1.0),
        (filled, 1.0, 1.0),
    ):
        divided = guessed_solid(body, raised).occupancy
        sure = body.occupancy == body.occupancy.max()
        level = np.unique((body.occupancy[sure] / divided[sure]).round(4))
        assert np.allclose(level, min(best[body] * factor, NEAR_BEST * body.occupancy.max()), atol=2e-3)


def test_only_emptiness_between_walls_is_hollow():
    shell, filled = hollow_and_filled(CAMERA)
    assert hollowness(filled) < 0.01 < 0.15 < hollowness(shell)


def test_the_fainter_of_two_walls_is_not_lost():
    chance = np.full((CELLS,) * 3, 0.02, np.float32)
    chance[6:9], chance[20:23] = 0.3, 0.15  # both below every level
    inside = guessed_solid(Body(chance, CAMERA, HALF)).occupancy > 1
    assert inside[7].all() and inside[21].all() and not inside[10:19].any()
    chance[20:23] = 0.05
    assert not (guessed_solid(Body(chance, CAMERA, HALF)).occupancy > 1)[21].any(), "too faint for a wall"
