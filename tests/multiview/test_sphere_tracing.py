"""Rays meet a ball's lattice where they meet the ball."""

from dataclasses import replace

import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.visual_hull import projected
from img2mesh.multiview.sphere_tracing import along, crossings, entries

RADIUS = 0.3


@pytest.fixture(scope="module")
def ball():
    axis = np.linspace(-0.4, 0.4, 65)
    sdf = np.sqrt((np.stack(np.meshgrid(axis, axis, axis)) ** 2).sum(0)) - RADIUS
    return SdfGrid(sdf.astype(np.float32), np.array([[-0.4] * 3, [0.4] * 3]))


def rays():
    camera = orbit_camera(25.0, 40.0, size=64)
    origins, directions = camera.rays()
    return origins.reshape(-1, 3), directions.reshape(-1, 3)


@pytest.mark.parametrize("flatter", [1.0, 0.3])
def test_rays_enter_where_the_ball_is(ball, flatter):
    origins, directions = rays()
    found = entries(replace(ball, sdf=ball.sdf * flatter), origins, directions)
    across = np.einsum("ij,ij->i", origins, directions)
    gap = RADIUS**2 - np.einsum("ij,ij->i", origins, origins) + across**2
    sure = np.abs(gap) > 0.01
    assert np.array_equal(np.isfinite(found)[sure], (gap > 0)[sure])
    hit = gap > 0.01
    assert np.abs(found[hit] - (-across[hit] - np.sqrt(gap[hit]))).max() < 0.003
    points = along(origins, directions, found)[hit]
    assert np.abs(np.linalg.norm(points, axis=1) - RADIUS).max() < 0.002


def test_a_wall_of_one_cell_is_not_stepped_over(ball):
    axis = np.linspace(-0.4, 0.4, 65)
    wall = np.broadcast_to(np.abs(axis)[:, None, None] - 0.009, (65, 65, 65)).astype(np.float32)
    origins = np.stack([np.ones(100), *np.random.default_rng(0).uniform(-0.35, 0.35, (2, 100))], axis=1)
    found = entries(replace(ball, sdf=wall), origins, np.tile([-1.0, 0.0, 0.0], (100, 1)))
    assert np.abs(found - 0.991).max() < 0.002


def test_a_box_is_crossed_from_wall_to_wall(ball):
    along_x = np.array([[-1.0, 0.0, 0.0]])
    assert np.allclose(
        crossings(ball, np.array([1.0, 0.1, 0.4]), along_x), [[0.6], [1.4]]
    )  # within a wall's plane
    near, far = crossings(ball, np.array([1.0, 0.5, 0.0]), along_x)
    assert near > far


def test_single_precision_projects_alike():
    camera, points = orbit_camera(-35.0, 70.0), np.random.default_rng(1).uniform(-0.5, 0.5, (500, 3))
    pixels, depth = projected(points, camera)
    exact = camera.project(points)
    assert np.abs(pixels - exact[0]).max() < 1e-3 and np.abs(depth - exact[1]).max() < 1e-5
