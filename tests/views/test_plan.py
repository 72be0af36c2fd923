"""Where the cameras of the main job stand."""

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.settings import Settings
from img2mesh.views.plan import HIGHEST_DEG, angle_weights, view_cameras, view_offsets, within_poles


def test_one_ring_leaves_azimuth_zero_to_the_photo():
    offsets = view_offsets(Settings(views=7, elevations=(0.0,)))
    np.testing.assert_allclose(offsets[:, 0], 0)
    np.testing.assert_allclose(offsets[:, 1], np.arange(1, 8) * 45.0)


def test_views_are_dealt_out_to_rings_evenly_and_none_is_lost():
    for n in (4, 5, 16, 17):
        offsets = view_offsets(Settings(views=n, elevations=(30.0, 0.0, -20.0)))
        assert len(offsets) == n
        counts = [int((offsets[:, 0] == ring).sum()) for ring in (0.0, -20.0, 30.0)]
        assert sum(counts) == n and max(counts) - min(counts) <= 1
        assert len({tuple(row) for row in offsets}) == n
        assert offsets[0, 0] == 0, "the ring of the photo comes first"


def test_cameras_stand_where_the_offsets_say():
    settings = Settings(views=8, elevations=(0.0, 40.0))
    cameras = view_cameras(settings, 20.0)
    for camera, (offset, azimuth) in zip(cameras, view_offsets(settings), strict=True):
        assert camera.elevation_deg == pytest.approx(20 + offset, abs=1e-6)
        assert camera.azimuth_deg % 360 == pytest.approx(azimuth % 360, abs=1e-6)
        assert camera.distance == pytest.approx(1.6)


def test_no_camera_passes_over_the_pole():
    cameras = view_cameras(Settings(views=8, elevations=(0.0, 60.0)), 70.0)
    assert max(camera.elevation_deg for camera in cameras) == pytest.approx(HIGHEST_DEG)


def test_weights_fall_with_the_angle_from_the_photo():
    cameras = [orbit_camera(20.0, azimuth) for azimuth in (0, 30, 90, 180)]
    weights = angle_weights(cameras, orbit_camera(20.0, 0.0))
    assert weights[0] == pytest.approx(1.0)
    assert (np.diff(weights) < 0).all() and weights[-1] >= 0.3


def test_no_view_is_asked_for_below_what_the_sampler_has_seen():
    offsets = np.array([[0.0, 90.0], [40.0, 0.0], [-60.0, 180.0]])
    assert within_poles(offsets, 20.0, -20.0)[:, 0].tolist() == [0.0, 40.0, -40.0]
    assert within_poles(offsets, -30.0, -20.0)[:, 0].tolist() == [0.0, 40.0, 0.0], (
        "the photo's own ring stays"
    )
    assert within_poles(offsets, 20.0)[:, 0].tolist() == [0.0, 40.0, -60.0]
