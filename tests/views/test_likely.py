"""What counts as inside of a guessed body: hollow things stay hollow, and their fainter wall is kept."""

import numpy as np

from img2mesh.cameras import orbit_camera
from img2mesh.views.body import Body
from img2mesh.views.likely import guessed_solid, hollowness
from tests.fakes import CELLS, HALF, hollow_and_filled

CAMERA = orbit_camera(20.0, 0.0)


def test_a_hollow_body_keeps_its_emptiness_and_both_walls():
    shell, filled = hollow_and_filled(CAMERA)
    inside, middle = guessed_solid(shell).occupancy > 1, CELLS // 2
    assert not inside[middle, middle, middle] and inside[:middle, middle, middle].any()
    assert inside[middle:, middle, middle].any()
    assert (guessed_solid(filled).occupancy > 1)[middle, middle, middle]


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
