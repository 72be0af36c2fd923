import numpy as np
import pytest

from img2mesh.core.camera import DISTANCE, FOV_DEG, orbit_camera
from img2mesh.views.elevation import estimate_elevation
from tests.field.shapes import box_hit, picture

OFFSETS = [
    (0, 0),
    (0, 70),
    (0, 140),
    (0, 215),
    (0, 290),
    (30, 30),
    (30, 150),
    (30, 270),
    (-30, 100),
    (-30, 250),
]


def pictures(elevation, hit=box_hit):
    return np.stack([picture(orbit_camera(elevation + up, a, size=64), hit, 2) for up, a in OFFSETS])


@pytest.mark.parametrize("elevation", [5.0, 30.0])
def test_box_seen_from(elevation):
    up, azimuth = np.array(OFFSETS, dtype=float).T
    found, confidence = estimate_elevation(pictures(elevation), -up, azimuth, DISTANCE, FOV_DEG)
    assert found == pytest.approx(elevation, abs=6)
    assert confidence > 0.5


def test_a_single_picture_tells_nothing():
    found, confidence = estimate_elevation(pictures(10.0)[:1], np.zeros(1), np.zeros(1), DISTANCE, FOV_DEG)
    assert confidence == 0 and 10 <= found <= 30
