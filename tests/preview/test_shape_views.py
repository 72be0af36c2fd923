"""Views rendered from a mesh, and the points that go with them."""

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import Source
from img2mesh.preview.shape_views import rendered_views, surface_points
from tests.preview.test_raster import COLOURS, cube


@pytest.mark.parametrize("size", [64, 300])
def test_views_have_the_cameras_sizes_and_exact_masks(size):
    cameras = [orbit_camera(0, azimuth, size=size) for azimuth in (0, 90)]
    told = []
    front, left = rendered_views(cube(0.3), cameras, told.append)
    assert told == [1, 1]
    for view, side, camera in ((front, "front", cameras[0]), (left, "left", cameras[1])):
        assert view.source is Source.RENDERED and view.camera is camera
        assert view.rgba.shape == (size, size, 4)
        assert np.abs(view.rgba[size // 2, size // 2, :3].astype(int) - COLOURS[side][1]).max() <= 1
        width = 0.6 * camera.fl_x / (1.6 - 0.3)
        assert view.mask.sum() == pytest.approx(width**2, rel=0.02)


def test_points_lie_on_the_surface_in_its_colours():
    points = surface_points(cube(0.3), 3000)
    assert points.shape == (3000, 6) and points.dtype == np.float32
    np.testing.assert_allclose(np.abs(points[:, :3]).max(axis=1), 0.3, atol=1e-6)
    for direction, colour in COLOURS.values():
        side = points[:, :3] @ np.array(direction) > 0.2999
        assert 350 < side.sum() < 650, "as many on each side"
        assert np.abs(255 * points[side, 3:] - colour).max() <= 1
    np.testing.assert_array_equal(points, surface_points(cube(0.3), 3000))
