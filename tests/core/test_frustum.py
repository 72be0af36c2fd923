"""The guessed body in the world: where its cells are, and what it says there."""

import numpy as np

from img2mesh.core.camera import orbit_camera
from tests.fakes import ellipsoid_body

CAMERA = orbit_camera(25.0, 0.0)


def test_points_of_cells_are_where_the_cells_are_looked_up():
    body = ellipsoid_body(CAMERA)
    found = body.probability(body.points().reshape(-1, 3)).reshape(body.occupancy.shape)
    np.testing.assert_allclose(found[1:-1, 1:-1, 1:-1], body.occupancy[1:-1, 1:-1, 1:-1], atol=1e-4)
