"""Outlines that are moved: inside and background stay, colours stay the object's."""

import numpy as np
import torch

from img2mesh.train.mask_edges import jitter_outlines


def test_only_edges_move_and_stay_of_the_objects_colour():
    x = torch.ones(40, 4, 64, 64)
    x[:, 3] = -1
    x[:, :, 16:48, 16:48] = torch.tensor([0.6, -0.6, -0.8, 1.0])[:, None, None]
    moved = jitter_outlines(np.random.default_rng(0), x)
    changed = (moved != x).flatten(1).any(1)
    assert 4 < changed.sum() < 24
    assert torch.equal(moved[:, :, 20:44, 20:44], x[:, :, 20:44, 20:44])
    assert torch.equal(moved[:, :, :10], x[:, :, :10])
    alpha = (moved[:, 3:] + 1) / 2
    colour = ((moved[:, :3] + 1) / 2 - (1 - alpha)) / alpha.clamp_min(1e-3)
    off = (colour - torch.tensor([0.8, 0.2, 0.1])[:, None, None]).abs() * (alpha > 0.05)
    assert off.max() < 1e-3
    area = alpha.sum((1, 2, 3))[changed]
    assert area.min() < 1000 < 1040 < area.max(), "some shrink, some grow"
