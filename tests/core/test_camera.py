"""Axes, signs and poses against docs/conventions.md and the published convention."""

import math

import numpy as np
import pytest

from img2mesh.core.camera import (
    FOV_DEG,
    camera_from_w2c,
    look_at,
    orbit_camera,
    relative_pose,
    ring_azimuths,
    w2c_from_camera,
)


def test_focal_length_of_the_papers_lens():
    assert FOV_DEG == pytest.approx(2 * math.degrees(math.atan(16 / 35)), abs=1e-4)
    assert orbit_camera(0, 0).fl_x == pytest.approx(280, abs=1e-3)
    assert orbit_camera(0, 0, size=512).fl_x == pytest.approx(560, abs=1e-3)


@pytest.mark.parametrize("elevation", [-60, 0, 20, 89])
@pytest.mark.parametrize("azimuth", [-170, 0, 45, 90, 180])
def test_a_camera_knows_where_it_stands(elevation, azimuth):
    camera = orbit_camera(elevation, azimuth, 1.7)
    assert camera.elevation_deg == pytest.approx(elevation)
    assert math.cos(math.radians(camera.azimuth_deg - azimuth)) == pytest.approx(1)
    assert camera.distance == pytest.approx(1.7)
    rotation = camera.c2w[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    pixel, depth = camera.project(np.zeros(3))
    np.testing.assert_allclose(pixel, [128, 128])
    assert depth == pytest.approx(1.7)


def test_up_is_up_and_right_is_right():
    camera = orbit_camera(0, 0)
    above, _ = camera.project(np.array([0, 0, 0.1]))
    left_of_object, _ = camera.project(np.array([0, 0.1, 0]))
    assert above[1] < 128 and above[0] == pytest.approx(128)
    assert left_of_object[0] > 128 and left_of_object[1] == pytest.approx(128)
    # a larger azimuth moves the camera to its own right
    assert (orbit_camera(0, 10).position - camera.position) @ camera.c2w[:3, 0] > 0


def test_syncdreamers_first_camera():
    """Elevation 30, distance 1.5: at (1.299, 0, 0.75) (facts sheet, section 8)."""
    np.testing.assert_allclose(orbit_camera(30, 0, 1.5).position, [1.299, 0, 0.75], atol=1e-3)


@pytest.mark.parametrize(
    "target, pose",
    [
        ((0, -90), [0, -1, 0, 0]),  # left
        ((0, 90), [0, 1, 0, 0]),  # right
        ((0, 180), [0, 0, -1, 0]),  # behind
        ((89.999, 0), [-math.pi / 2, 0, 1, 0]),  # above: the polar angle shrinks
        ((-89.999, 0), [math.pi / 2, 0, 1, 0]),  # below
    ],
)
def test_relative_poses_of_the_demos_buttons(target, pose):
    np.testing.assert_allclose(relative_pose(orbit_camera(0, 0), orbit_camera(*target)), pose, atol=1e-4)


def test_relative_pose_is_target_minus_condition():
    pose = relative_pose(orbit_camera(30, 40, 1.5), orbit_camera(10, 100, 2.0))
    expected = [math.radians(20), math.sin(math.radians(60)), math.cos(math.radians(60)), 0.5]
    np.testing.assert_allclose(pose, expected, atol=1e-6)
    assert pose.dtype == np.float32


def test_the_papers_camera_files_round_trip():
    for camera in (orbit_camera(20, 130, 1.9), orbit_camera(-15, -70, 1.5)):
        w2c = w2c_from_camera(camera)
        assert w2c.shape == (3, 4)
        np.testing.assert_allclose(-w2c[:, :3].T @ w2c[:, 3], camera.position, atol=1e-12)
        np.testing.assert_allclose(camera_from_w2c(w2c).c2w, camera.c2w, atol=1e-12)


def test_rays_go_through_what_projects_there():
    camera = orbit_camera(25, 60)
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.3, 0.3, (50, 3))
    pixels, _ = camera.project(points)
    origins, directions = camera.rays(pixels)
    towards = points - origins
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    np.testing.assert_allclose(directions, towards, atol=1e-9)
    assert camera.rays()[1].shape == (256, 256, 3)


def test_resizing_keeps_the_picture():
    camera, point = orbit_camera(10, 20), np.array([0.1, -0.2, 0.3])
    small, large = camera.project(point)[0], camera.resized(512, 1024).project(point)[0]
    np.testing.assert_allclose(large, small * [2, 4])


def test_straight_above_is_defined():
    matrix = look_at([0, 0, 2])
    assert np.isfinite(matrix).all() and np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(matrix[:3, 1], [-1, 0, 0], atol=1e-12)


def test_rings_begin_at_the_photo():
    np.testing.assert_allclose(ring_azimuths(4), [0, 90, 180, 270])
