"""Pixels into the networks and out of them."""

from __future__ import annotations

import numpy as np
import torch

from img2mesh.models.preprocess import CLIP_MEAN, CLIP_STD, clip_pixels, from_network, to_network


def test_alpha_survives_the_round_trip(picture):
    back = from_network(to_network(picture)[None])[0].astype(int)
    alpha = picture[..., 3].astype(int)
    assert np.abs(back[..., 3] - alpha).max() <= 6
    assert (back[alpha == 0, 3] == 0).all() and (back[alpha == 255, 3] == 255).all()
    inside = alpha == 255
    assert np.abs(back[inside, :3] - picture[inside, :3].astype(int)).max() <= 1
    edge = (alpha > 60) & (alpha < 255)
    assert edge.sum() > 20
    assert np.abs(back[edge, :3] - picture[edge, :3].astype(int)).mean() < 6


def test_three_channels_are_opaque_and_truncate_as_the_demo_does():
    x = torch.full((1, 3, 2, 2), 0.5)  # 0.75 * 255 = 191.25
    x[0, 1] = 0.999  # 254.87
    assert from_network(x, truncate=True)[0, 0, 0].tolist() == [191, 254, 191, 255]
    assert from_network(x)[0, 0, 0].tolist() == [191, 255, 191, 255]
    assert from_network(torch.full((1, 3, 1, 1), 9.0)).tolist() == [[[[255, 255, 255, 255]]]]


def test_clip_pixels_align_corners_without_antialias():
    """A ramp stays the same ramp from corner to corner; a one-pixel grid aliases instead of blurring."""
    ramp = torch.linspace(-1, 1, 256).expand(1, 3, 256, 256)
    seen = clip_pixels(ramp, 224)
    mean, std = torch.tensor(CLIP_MEAN).view(3, 1, 1), torch.tensor(CLIP_STD).view(3, 1, 1)
    expected = (torch.linspace(0, 1, 224).expand(3, 224, 224) - mean) / std
    assert (seen[0] - expected)[..., 2:-2].abs().max() < 1e-3
    stripes = torch.ones(1, 3, 256, 256)
    stripes[..., ::2] = -1
    assert clip_pixels(stripes, 32)[0, 0].std() > 1
