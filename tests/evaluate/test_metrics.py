"""Scores of pictures and shapes whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from img2mesh.evaluate.metrics import (
    HIGHEST_PSNR,
    chamfer,
    find_perceptual,
    mask_iou,
    point_scores,
    psnr,
    ssim,
)


def disc(shift: int = 0, colour=(200, 60, 20)) -> np.ndarray:
    y, x = np.mgrid[0:64, 0:64]
    alpha = np.where((x - 31.5 - shift) ** 2 + (y - 31.5) ** 2 < 20**2, 255, 0)
    return np.dstack([np.broadcast_to(np.array(colour), (64, 64, 3)), alpha]).astype(np.uint8)


def test_equal_pictures_score_best():
    assert psnr(disc(), disc()) == HIGHEST_PSNR
    assert ssim(disc(), disc()) == pytest.approx(1)
    assert mask_iou(disc(), disc()) == 1


def test_psnr_of_a_known_error_and_of_hidden_colours():
    a = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(a, a + np.uint8(10)) == pytest.approx(20 * np.log10(255 / 10))
    half = np.zeros((8, 8), bool)
    half[:4] = True
    b = a.copy()
    b[4:] = 0
    assert psnr(a, b, half) == HIGHEST_PSNR
    hidden = disc()
    hidden[hidden[..., 3] == 0] = 0  # colours under alpha 0 do not count: everything is laid on white
    assert psnr(disc(), hidden) == HIGHEST_PSNR


def test_mask_iou_of_halves_and_of_nothing():
    a, b = np.zeros((2, 10, 10, 4), np.uint8)
    a[:, :6, 3] = 255
    b[:, 3:9, 3] = 255
    assert mask_iou(a, b) == pytest.approx(3 / 9)
    assert mask_iou(np.zeros_like(a), np.zeros_like(a)) == 1


def fscore(a: np.ndarray, b: np.ndarray, threshold: float) -> float:
    return point_scores(a, b, (threshold,))[f"F@{threshold:g}"]


def test_chamfer_and_fscore_of_shifted_planes():
    y, x = np.mgrid[0:40, 0:40] / 40
    a = np.stack([x.ravel(), y.ravel(), np.zeros(1600)], 1)
    b = a + np.array([0, 0, 0.02])
    assert chamfer(a, a) == 0 and fscore(a, a, 1e-6) == 1
    assert chamfer(a, b) == pytest.approx(0.02)
    assert fscore(a, b, 0.019) == 0 and fscore(a, b, 0.021) == 1
    some = b[:400] + np.array([0, 0, 5])  # precision 1, recall 1/2
    assert fscore(np.concatenate([b[:0], a]), np.concatenate([a, some]), 0.01) == pytest.approx(2 * 0.8 / 1.8)


def test_nothing_is_infinitely_far():
    points = np.zeros((3, 3))
    assert chamfer(points[:0], points) == np.inf and fscore(points, points[:0], 1) == 0


def test_shifted_sphere_has_the_volume_iou_of_the_lens():
    from img2mesh.evaluate.geometry import volume_iou
    from img2mesh.synthetic.voxelize import occupancy

    ball = trimesh.creation.icosphere(4, 0.4)
    shift = 0.2
    a = occupancy(ball.vertices, ball.faces, 64)
    b = occupancy(ball.vertices + np.array([shift, 0, 0]), ball.faces, 64)
    r, d = 0.4, shift
    lens = np.pi / 12 * (4 * r + d) * (2 * r - d) ** 2
    whole = 4 / 3 * np.pi * r**3
    assert volume_iou(a, a) == 1
    assert volume_iou(a, b) == pytest.approx(lens / (2 * whole - lens), abs=0.01)
    assert a.mean() * 1.2**3 == pytest.approx(whole, rel=0.01)


def test_lpips_is_zero_for_equal_pictures_and_grows_with_distortion():
    perceptual = find_perceptual(None)
    if perceptual is None:
        pytest.skip("no LPIPS weights beside the checkout")
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(32, 32, 3))
    pictures = [disc()[::2, ::2, :3]]
    pictures += [np.clip(pictures[0] + s * noise, 0, 255).astype(np.uint8) for s in (5, 20, 60)]
    features = perceptual.features(pictures)
    distances = perceptual.distances([features[0]] * 4, features)
    assert distances[0] == 0
    assert distances == sorted(distances) and distances[1] > 1e-3
    assert perceptual.distances([features[3]], [features[0]])[0] == pytest.approx(distances[3], rel=1e-5)
