"""The guessed body in the world: where its cells are, and what it says there."""

import numpy as np

from img2mesh.core.camera import orbit_camera
from tests.fakes import ellipsoid_body

CAMERA = orbit_camera(25.0, 0.0)


def test_points_of_cells_are_where_the_cells_are_looked_up():
    body = ellipsoid_body(CAMERA)
    found = body.probability(body.points().reshape(-1, 3)).reshape(body.occupancy.shape)
    np.testing.assert_allclose(found[1:-1, 1:-1, 1:-1], body.occupancy[1:-1, 1:-1, 1:-1], atol=1e-4)


def test_along_rays_it_says_what_it_says_at_their_points():
    body, camera = ellipsoid_body(CAMERA), orbit_camera(-10.0, 130.0, size=24)
    origins, directions = (part.reshape(-1, 3) for part in camera.rays())
    ranges = np.linspace(-0.5, 3.0, 40) * np.ones((len(origins), 1))  # from behind the camera on
    points = origins[:, None] + directions[:, None] * ranges[..., None]
    wanted = body.probability(points.reshape(-1, 3)).reshape(ranges.shape)
    found = body.along(origins, directions, ranges)
    assert found.max() > 0.9 and (found == 0).any()
    np.testing.assert_allclose(found, wanted, atol=1e-3)
