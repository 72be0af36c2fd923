"""Calibration: a known temperature and bias are found again, and curves say what was wrong."""

import numpy as np
import pytest
import torch
from PIL import Image

from img2mesh.models.occupancy import OccupancyNetwork
from img2mesh.train.calibrate import (
    Cells,
    calibrate,
    calibration_error,
    draw_reliability,
    fit_calibration,
    reliability,
)
from img2mesh.train.dataset import load_renders
from img2mesh.train.frustum_batches import FrustumSampler


def overconfident(temperature=2.0, bias=-0.7):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, 200_000)
    chance = 1 / (1 + np.exp(-(logits / temperature + bias)))
    return Cells(logits, (rng.random(len(logits)) < chance).astype(float))


def test_temperature_and_bias_are_found_again():
    assert fit_calibration(overconfident()) == pytest.approx((2.0, -0.7), abs=0.05)


def test_curves_tell_true_chances_from_wrong_ones(tmp_path):
    cells = overconfident()
    before, after = (
        reliability(1 / (1 + np.exp(-z)), cells.inside) for z in (cells.logits, cells.logits / 2 - 0.7)
    )
    assert calibration_error(before) > 0.05 > 0.01 > calibration_error(after)
    assert before[:, 2].sum() == pytest.approx(1)
    draw_reliability(tmp_path / "curve.png", before, after)
    with Image.open(tmp_path / "curve.png") as image:
        assert image.size == (480, 480)


def test_a_network_carries_its_calibration(renders, tmp_path):
    torch.manual_seed(0)
    net = OccupancyNetwork((8, 16), 8, False).eval()
    before, after = calibrate(net, FrustumSampler(load_renders(renders), 4, 0, tmp_path), batches=1)
    assert calibration_error(after) < calibration_error(before)
    net.save_pretrained(tmp_path / "net")
    again = OccupancyNetwork.from_pretrained(tmp_path / "net")
    assert again.config.temperature == net.config.temperature != 1.0
    assert again.config.bias == net.config.bias != 0.0
