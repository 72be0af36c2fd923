"""Cameras that stand beside where they were said to be are moved onto the shape that the others agree on."""

import dataclasses

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera, turned
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.view import View, ViewSet
from img2mesh.core.visual_hull import visual_hull
from img2mesh.multiview.silhouette_registration import registered
from tests.field.shapes import box_hit, picture

ERRORS = {2: (1.2, 0.0, 0.0, 0.0), 5: (0.0, -1.2, 0.0, 0.0), 8: (0.0, 0.0, 3.0, -3.0)}


@pytest.fixture(scope="module")
def scene():
    """True views of a box, and its hull."""
    cameras = [orbit_camera(e, a, size=128) for e in (-20, 20) for a in range(10, 370, 60)]
    views = ViewSet(tuple(View(picture(camera, box_hit, 2), camera) for camera in cameras))
    return views, visual_hull([view.mask for view in views.views], cameras, resolution=64).grid


def spoilt(views):
    moved = list(views.views)
    for i, (up, aside, right, down) in ERRORS.items():
        camera = turned(moved[i].camera, up, aside)
        camera = dataclasses.replace(camera, cx=camera.cx + right * 0.128, cy=camera.cy + down * 0.128)
        moved[i] = dataclasses.replace(moved[i], camera=camera)
    return ViewSet(tuple(moved))


def off(views, true):
    """(V,) pixels by which the cameras draw a box's corners beside their places, root mean square."""
    corners = np.stack(np.meshgrid(*[(-0.3, 0.3)] * 3), -1).reshape(-1, 3)
    pairs = zip(views.views, true.views, strict=True)
    moves = [a.camera.project(corners)[0] - b.camera.project(corners)[0] for a, b in pairs]
    return np.sqrt(np.square(moves).sum(-1).mean(-1))


def test_wrong_cameras_are_moved_back_and_true_ones_stay(scene):
    true, shape = scene
    wrong = spoilt(true)
    before, after = off(wrong, true), off(ViewSet(registered(wrong.views, shape)), true)
    moved = sorted(ERRORS)
    assert (after[moved] < 0.5 * before[moved]).all(), (before[moved], after[moved])
    assert np.delete(after, moved).max() < 0.3 < before[moved].min()


def test_the_fixed_view_and_what_shows_nothing_stay(scene):
    true, shape = scene
    wrong = list(spoilt(true).views)
    wrong[5] = dataclasses.replace(wrong[5], rgba=np.zeros_like(wrong[5].rgba))
    found = registered(wrong, shape, 2)
    assert found[2] is wrong[2] and found[5].camera is wrong[5].camera


def test_without_a_surface_nothing_moves(scene):
    true, shape = scene
    assert registered(true.views, SdfGrid(np.ones_like(shape.sdf), shape.bounds)) == true.views
