"""Fixtures of the sampler's tests."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.tiny import make_tiny
from tests.models.tiny_plus import make_tiny_plus


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small lose more to waiting threads than they gain, on busy machines above all."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_mini(tmp_path_factory):
    """Folder of a tiny model like the mini."""
    return make_tiny(tmp_path_factory.mktemp("tiny") / "mini", mini=True)


@pytest.fixture(scope="session")
def tiny_full(tmp_path_factory):
    """Folder of a tiny model like the full-size checkpoints."""
    return make_tiny(tmp_path_factory.mktemp("tiny") / "full", mini=False)


@pytest.fixture(scope="session")
def tiny_plus(tmp_path_factory):
    """Folder of a tiny Zero123++ model."""
    return make_tiny_plus(tmp_path_factory.mktemp("tiny") / "plus")


@pytest.fixture
def picture():
    """(64, 64, 4) uint8: a disc with a soft edge and a gradient, on nothing."""
    y, x = np.mgrid[0:64, 0:64] / 63
    alpha = np.clip((0.35 - np.hypot(x - 0.5, y - 0.5)) * 20, 0, 1)
    return (np.stack([x, y, 1 - x, alpha], axis=-1) * 255).round().astype(np.uint8)


@pytest.fixture
def ring():
    """(5, 4) float32 poses: a ring at the input's elevation and one view from above."""
    angles = np.deg2rad([0, 60, 150, 240, 300])
    poses = np.stack([0 * angles, np.sin(angles), np.cos(angles), 0 * angles], axis=1)
    poses[4, 0] = -0.5
    return poses.astype(np.float32)
