"""Rings of cameras whose elevation was given wrongly are found, and true ones are left."""

import dataclasses

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.view import View, ViewSet
from img2mesh.multiview.bundle import reconcile
from img2mesh.multiview.rings import ring_errors
from tests.field.shapes import box_hit, picture

RINGS = (30, 10, -10)


@pytest.fixture(scope="module")
def views():
    cameras = [orbit_camera(e, a, size=96) for e in RINGS for a in range(0, 360, 60)]
    return ViewSet(tuple(View(picture(camera, box_hit, 2), camera) for camera in cameras))


def said_to_be(views, heights):
    """The same pictures with rings at other elevations."""
    named = dict(zip(RINGS, heights, strict=True))
    moved = []
    for view in views.views:
        camera = orbit_camera(named[round(view.camera.elevation_deg)], view.camera.azimuth_deg, size=96)
        moved.append(dataclasses.replace(view, camera=camera))
    return ViewSet(tuple(moved))


def test_wrong_rings_are_levelled(views):
    found, agreement = reconcile(said_to_be(views, (30, 0, -30)))
    heights = np.array([view.camera.elevation_deg for view in found.views]).reshape(3, -1).mean(axis=1)
    assert np.abs(heights - RINGS).max() < 2.5
    assert agreement.rings.keys() >= {0.0, -30.0} and agreement.after < 0.3 * agreement.before


def test_true_rings_stay(views):
    assert np.abs(ring_errors(views)).max() < 0.3
    assert not any(abs(by) > 0.3 for by in reconcile(views)[1].rings.values())
