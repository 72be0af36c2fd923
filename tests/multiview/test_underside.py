"""What no camera sees from below is closed at the object's base, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.sdf_grid import lattice
from img2mesh.core.view import View, ViewSet
from img2mesh.core.visual_hull import hull_of_views
from img2mesh.multiview.underside import close_underside
from tests.field.shapes import HALF_BOX, box_hit, picture, sphere_hit


def seen_from(hit, elevation):
    cameras = [orbit_camera(elevation, azimuth, size=96) for azimuth in range(0, 360, 24)]
    return hull_of_views(ViewSet(tuple(View(picture(c, hit), c) for c in cameras)), 72), cameras


def overlap(hull, inside):
    points, shape = lattice(hull.bounds, hull.spacing)
    true, found = inside(points).reshape(shape), hull.sdf < 0
    return (true & found).sum() / (true | found).sum()


@pytest.mark.parametrize("elevation", [20, 30, 40])
def test_a_box_from_above_stands_on_its_base(elevation):
    hull, cameras = seen_from(box_hit, elevation)
    closed, cut = close_underside(hull, cameras)

    def inside(points):
        return (np.abs(points) < HALF_BOX).all(axis=1)

    assert cut is not None and overlap(closed, inside) > overlap(hull, inside) + 0.05
    points, _ = lattice(closed.bounds, closed.spacing)
    assert points[(closed.sdf < 0).ravel(), 2].min() == pytest.approx(-HALF_BOX[2], abs=0.06)


def test_a_ball_loses_little():
    hull, cameras = seen_from(sphere_hit, 30)
    closed, _ = close_underside(hull, cameras)

    def inside(points):
        return np.linalg.norm(points, axis=1) < 0.4

    assert overlap(closed, inside) > overlap(hull, inside) - 0.005 and overlap(closed, inside) > 0.9


def test_level_cameras_see_the_base():
    hull, cameras = seen_from(box_hit, 5)
    assert close_underside(hull, cameras) == (hull, None)
