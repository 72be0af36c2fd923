"""Overlaps with mirror images: of solids in the world, and as a camera sees them."""

import numpy as np
import pytest
import torch

from img2mesh.models.occupancy import PLANES
from img2mesh.train.dataset import load_renders
from img2mesh.train.distributed import Workers
from img2mesh.train.frustum_batches import FrustumSampler
from img2mesh.train.symmetry_labels import mirror_overlaps, seen_overlaps

STEP = np.pi / PLANES


def wedge(count=40):
    """A solid of which only the plane y = 0 is one of symmetry; off the middle."""
    axis = (torch.arange(count) + 0.5) / count - 0.5
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    return ((y - 0.05).abs() < 0.1 + 0.3 * x).logical_and(x > -0.2).logical_and(z.abs() < 0.2).float()


def test_a_solid_overlaps_with_itself_where_it_is_symmetric():
    angles = np.arange(PLANES) * STEP
    overlaps = mirror_overlaps(wedge(), angles)
    assert overlaps.argmax() == PLANES // 2 and overlaps[PLANES // 2] > 0.95, "the normal is y"
    assert overlaps[0] < 0.7
    half = wedge() * (torch.arange(40) < 22)[:, None]  # up to the plane
    assert mirror_overlaps(half, angles).max() < 0.9
    assert not mirror_overlaps(torch.zeros(8, 8, 8), angles).any()


@pytest.mark.parametrize("mirrored", [False, True])
def test_planes_are_counted_from_the_camera(mirrored):
    overlaps = mirror_overlaps(wedge(), np.arange(PLANES) * STEP)[None]
    azimuth = np.array([4 * STEP])
    seen = seen_overlaps(overlaps, azimuth, np.array([mirrored]))[0]
    # In a mirrored picture the same object stands the other way round.
    assert seen.argmax() == ((4 - PLANES // 2) % PLANES if mirrored else (PLANES // 2 - 4) % PLANES)
    between = seen_overlaps(overlaps, azimuth + STEP / 2, np.array([mirrored]))[0]
    assert between.max() < seen.max() and between.min() >= overlaps.min()


def test_mirrored_pictures_and_mirrored_guesses_agree(mirrored_guesses):
    """What `predict` does to the mirror image's answer undoes what mirroring does to the labels."""
    overlaps = np.random.default_rng(0).random((1, PLANES)).astype(np.float32)
    plain, other = (seen_overlaps(overlaps, np.zeros(1), np.array([m]))[0] for m in (False, True))
    assert np.allclose(plain, np.roll(other, -1)[::-1])
    one, two = mirrored_guesses
    assert one.symmetry.shape == (PLANES,) and 0 < one.symmetry.min() and one.symmetry.max() < 1
    assert np.allclose(one.symmetry, np.roll(two.symmetry, -1)[::-1], atol=1e-5)


def test_batches_say_how_symmetric_their_objects_are(renders, tmp_path):
    overlaps = FrustumSampler(load_renders(renders), 8, 0, tmp_path).batch(0, Workers("cpu")).overlaps
    assert overlaps.shape == (8, PLANES) and overlaps.dtype == torch.float32
    assert overlaps.min() > 0.75, "balls are symmetric about everything"
