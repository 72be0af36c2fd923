"""Masks from a white background."""

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.views.chroma_key import alpha_from_colour, cut_from_colour
from tests.fakes import ellipsoid


def _on_white(noise: float = 0.0):
    true = ellipsoid(orbit_camera(20.0, 40.0))
    rgb = np.where(true[..., 3:] > 0, true[..., :3], 255).astype(float)
    rgb += np.random.default_rng(0).normal(0, noise, rgb.shape)
    return true, np.clip(np.round(rgb), 0, 255).astype(np.uint8)


def test_an_object_on_noisy_white_gets_its_own_mask():
    true, rgb = _on_white(noise=1.5)
    alpha = alpha_from_colour(rgb)
    inside = true[..., 3] > 0
    union = ((alpha > 0.5) | inside).sum()
    assert ((alpha > 0.5) & inside).sum() / union > 0.99
    assert alpha[~inside].mean() < 0.01


def test_edge_pixels_lose_their_white_share():
    rgb = np.full((16, 16, 3), 255, np.uint8)
    rgb[4:12, 4:12] = (200, 20, 20)
    rgb[3, 4:12] = 245  # a faint mixture
    rgba = cut_from_colour(rgb)
    assert rgba[8, 8].tolist() == [200, 20, 20, 255]
    assert 0 < rgba[3, 6, 3] < 255
    back = rgba[3, 6, :3] * (rgba[3, 6, 3] / 255) + 255 - rgba[3, 6, 3]
    np.testing.assert_allclose(back, 245, atol=2)


def test_specks_go_and_white_stays_empty():
    rgb = np.full((64, 64, 3), 255, np.uint8)
    rgb[10, 10] = 0
    assert alpha_from_colour(rgb).max() == 0.0
    rgb[20:50, 20:50] = 90
    rgb[30, 30] = 255  # a highlight
    alpha = alpha_from_colour(rgb)
    assert alpha[10, 10] == 0 and alpha[30, 30] == 1


def test_grey_background_keeps_grey_shadows_and_true_holes():
    y, x = np.mgrid[0:160, 0:160]
    radius = np.hypot(x - 80, y - 80)
    rgb = np.full((160, 160, 3), 127, np.float32)
    rgb += np.random.default_rng(0).normal(0, 1.0, rgb.shape)
    rgb[radius < 60] = (200, 60, 40)
    shade = radius < 22  # as grey as the background, but not as even
    rgb[shade] = 127 + 12 * np.sin(x[shade] / 3.0)[:, None]
    hole = np.hypot(x - 80, y - 120) < 10
    rgb[hole] = 127
    rgba = cut_from_colour(np.clip(np.round(rgb), 0, 255).astype(np.uint8), (127, 127, 127))
    alpha = rgba[..., 3]
    assert alpha[radius < 20].mean() > 250, "a grey part is the object's"
    assert alpha[radius > 62].max() == 0 and alpha[np.hypot(x - 80, y - 120) < 8].max() == 0
    assert np.abs(rgba[40, 80, :3].astype(int) - (200, 60, 40)).max() <= 2


def test_edges_on_grey_lose_the_grey():
    edge = np.full((64, 64, 3), 127, np.uint8)
    edge[:, 32:] = (255, 255, 255)
    edge[:, 31] = (191, 191, 191)  # half white, half grey
    rgba = cut_from_colour(edge, (127, 127, 127))
    assert rgba[10, 40].tolist() == [255, 255, 255, 255] and rgba[10, 20, 3] == 0
    assert rgba[10, 31, 3] >= 120 and rgba[10, 31, :3].min() >= 185
