"""Cameras anywhere: projecting and casting rays undo each other, poses and matrices come back."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from img2mesh.core.camera import camera_from_w2c, orbit_camera, relative_pose, turned, w2c_from_camera

CAMERAS = st.builds(
    orbit_camera,
    st.floats(-89, 89),
    st.floats(-720, 720),
    st.floats(0.9, 6),
    st.floats(10, 100),
    st.integers(2, 700),
)
POINTS = st.lists(st.tuples(*[st.floats(-0.5, 0.5)] * 3), min_size=1, max_size=5).map(np.array)


@given(CAMERAS, POINTS)
def test_rays_through_projected_points_meet_them(camera, points):
    pixels, depth = camera.project(points)
    assert (depth > 0).all(), "the unit ball's half lies in front of every camera"
    origins, directions = camera.rays(pixels)
    along = ((points - origins) * directions).sum(-1, keepdims=True)
    assert np.allclose(origins + along * directions, points, atol=1e-6)
    axial = -directions @ camera.c2w[:3, 2]
    assert np.allclose(along[:, 0] * axial, depth, atol=1e-6)


@given(CAMERAS, POINTS, st.integers(1, 900), st.integers(1, 900))
def test_other_pixels_show_the_same(camera, points, width, height):
    before, after = camera.project(points)[0], camera.resized(width, height).project(points)[0]
    assert np.allclose(before / [camera.width, camera.height], after / [width, height], atol=1e-6)


@given(CAMERAS)
def test_matrices_come_back(camera):
    fov = math.degrees(2 * math.atan(camera.width / 2 / camera.fl_x))
    again = camera_from_w2c(w2c_from_camera(camera), fov, camera.width)
    assert np.allclose(again.c2w, camera.c2w, atol=1e-9) and math.isclose(
        again.fl_x, camera.fl_x, rel_tol=1e-6
    )


@given(CAMERAS, st.floats(-40, 40), st.floats(-170, 170))
def test_turning_and_turning_back(camera, up, round_):
    up = float(np.clip(camera.elevation_deg + up, -89, 89)) - camera.elevation_deg
    there = turned(camera, up, round_)
    assert math.isclose(there.elevation_deg, camera.elevation_deg + up, abs_tol=1e-5)
    assert math.isclose(there.distance, camera.distance, rel_tol=1e-9)
    assert np.allclose(turned(there, -up, -round_).c2w, camera.c2w, atol=1e-6)


@given(CAMERAS, CAMERAS)
def test_the_relative_pose_tells_the_other_camera(one, two):
    polar, sine, cosine, farther = (float(value) for value in relative_pose(one, two))
    elevation = one.elevation_deg - math.degrees(polar)
    azimuth = one.azimuth_deg + math.degrees(math.atan2(sine, cosine))
    found = orbit_camera(elevation, azimuth, one.distance + farther)
    assert np.allclose(found.position, two.position, atol=1e-4)
