"""The solid that explains silhouettes and colours, against an ellipsoid whose colour is its position."""

import numpy as np
import pytest
import torch

from img2mesh.core.camera import orbit_camera
from img2mesh.models.preprocess import to_network
from img2mesh.views.agreement import displaced
from img2mesh.views.coarse_solid import coarse_solid, rendered
from tests.fakes import RADII, ellipsoid

PLACES = [(20.0, 0.0), *((e, a) for e in (20.0, 60.0, -30.0) for a in (50.0, 130.0, 210.0, 290.0))]
CAMERAS = [orbit_camera(e, a, size=64) for e, a in PLACES]


@pytest.fixture(scope="module")
def truth():
    """(13, 4, 64, 64) in [-1, 1]: colour on white, alpha."""
    return torch.stack([to_network(ellipsoid(camera)) for camera in CAMERAS])


def shaken(pictures, pixels):
    """Each picture moved by so many pixels in a direction of its own."""
    turn = torch.arange(len(pictures)) * 2.4
    shift = pixels * torch.stack([turn.cos(), turn.sin()], -1)
    return displaced(pictures, shift[:, None, None, :].expand(-1, 64, 64, -1))


def test_true_views_are_explained(truth):
    say = np.ones(len(CAMERAS))
    solid = coarse_solid(truth[:, 3], CAMERAS, say)
    met = solid.points[(solid.gap < -1) & (truth[:, 3] > 0)].numpy()
    assert np.abs(np.linalg.norm(met / RADII, axis=-1) - 1).max() < 0.25
    assert np.abs(np.linalg.norm(met / RADII, axis=-1) - 1).mean() < 0.03
    found = rendered(solid, truth, CAMERAS, say)
    assert found.shape == truth.shape and found.min() >= -1 and found.max() <= 1
    assert (found - truth).square().mean().sqrt() < 0.12, "of a range of 2"


def test_outlines_moved_at_random_leave_the_solid_its_size(truth):
    say, wrong = np.ones(len(CAMERAS)), shaken(truth, 2.0)
    found = rendered(coarse_solid(wrong[:, 3], CAMERAS, say), wrong, CAMERAS, say)
    area = (found[:, 3] > 0).sum() / (truth[:, 3] > 0).sum()
    assert 0.97 < area < 1.03
    assert (found - truth).square().mean() < (wrong - truth).square().mean()


def test_a_picture_without_say_does_not_colour(truth):
    spoilt = truth.clone()
    spoilt[0, :3] = torch.where(truth[0, 3:] > 0, -1.0, truth[0, :3])  # black
    say = np.ones(len(CAMERAS))
    solid = coarse_solid(truth[:, 3], CAMERAS, say)
    say[0] = 0.0
    found = rendered(solid, spoilt, CAMERAS, say)
    assert (found[0, :3] - truth[0, :3]).abs().mean() < 0.1


def test_empty_pictures_are_no_error():
    blank = torch.full((4, 4, 64, 64), 1.0)
    blank[:, 3] = -1
    found = rendered(coarse_solid(blank[:, 3], CAMERAS[:4], np.ones(4)), blank, CAMERAS[:4], np.ones(4))
    assert torch.isfinite(found).all()
