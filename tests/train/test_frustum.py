"""Where the cells behind a picture's pixels lie, and how large what is there is for the camera."""

import numpy as np
import pytest
import torch

from img2mesh.core.camera import orbit_camera
from img2mesh.models.occupancy import CELLS, HALF
from img2mesh.train.augment_shape import Strains
from img2mesh.train.frustum import camera_axes, frustum, reach, spans


def test_the_cells_lie_behind_their_pixels():
    camera = orbit_camera(25.0, 40.0, 1.7)
    angles = torch.tensor([[np.radians(25.0), np.radians(40.0), 1.7]])
    points = frustum(angles, torch.tensor([False]))[0].numpy()
    pixels, depth = camera.project(points.reshape(-1, 3).astype(np.float64))
    cell = (np.arange(CELLS) + 0.5) / CELLS
    d, v, u = np.meshgrid(1.7 + HALF * (2 * cell - 1), 256 * cell, 256 * cell, indexing="ij")
    assert np.allclose(pixels, np.stack([u, v], -1).reshape(-1, 2), atol=0.02)
    assert np.allclose(depth, d.reshape(-1), atol=1e-4)


def test_cells_of_a_strained_object_lie_where_their_pixels_came_from():
    camera = orbit_camera(20.0, 70.0, 1.8)
    angles = torch.tensor([[np.radians(20.0), np.radians(70.0), 1.8]], dtype=torch.float32)
    strain = Strains(
        torch.tensor([[[0.9, 0.1], [-0.2, 1.2]]]), torch.tensor([[0.05, -0.03]]), torch.tensor([1.1])
    )
    points = frustum(angles, torch.tensor([False]), strains=strain)[0].numpy().astype(np.float64)
    pixels, depth = camera.project(points[3, 7, 21][None])
    new = np.array([(21.5 / CELLS) * 2 - 1, (7.5 / CELLS) * 2 - 1])
    old = np.array([[0.9, 0.1], [-0.2, 1.2]]) @ new + [0.05, -0.03]
    assert np.allclose(pixels[0] / 128 - 1, old, atol=1e-4)
    assert depth[0] == pytest.approx(1.8 + 1.1 * 0.72 * (3.5 / CELLS * 2 - 1), abs=1e-4)


def test_the_axes_are_the_cameras():
    angles = torch.tensor([[0.4, 1.1, 1.7], [-0.2, 3.0, 2.0]])
    for (elevation, azimuth, distance), axes in zip(angles.tolist(), camera_axes(angles), strict=True):
        camera = orbit_camera(np.degrees(elevation), np.degrees(azimuth), distance)
        assert np.allclose(axes.numpy(), camera.c2w[:3, :3], atol=1e-6)


def test_spans_are_an_upright_boxs_sides_seen_from_the_front():
    solid = torch.zeros(1, 40, 40, 40)
    solid[:, 10:14, 5:25, 0:40] = 1  # 0.1 x 0.5 x 1
    assert np.allclose(spans(solid, torch.tensor([[0.0, 0.0, 1.6]])), [[0.5, 1.0, 0.1]], atol=1e-6)
    turned = spans(solid, torch.tensor([[0.0, np.pi / 2, 1.6]], dtype=torch.float32))
    assert np.allclose(turned, [[0.1, 1.0, 0.5]], atol=1e-6)


def test_reach_is_how_far_the_picture_is_filled():
    x = -torch.ones(1, 4, 64, 64)
    x[0, 3, 20:30, 40:60] = 1
    assert np.allclose(reach(x), [[(59.5 - 32) / 32, (32 - 20.5) / 32]])
