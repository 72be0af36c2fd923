"""Relative poses against the camera module and the facts; dropping against its frequencies."""

import math

import numpy as np
import pytest
import torch

from img2mesh.core.camera import orbit_camera, relative_pose
from img2mesh.train.autoencoder import build_autoencoder
from img2mesh.train.config import AutoencoderRecipe
from img2mesh.train.dataset import load_renders
from img2mesh.train.latent_cache import ViewCache, is_mirrored
from img2mesh.train.pairs import PairSampler, drop_conditions, pose_between


@pytest.fixture(scope="module")
def cache(renders, tmp_path_factory):
    torch.manual_seed(0)
    vae = build_autoencoder(AutoencoderRecipe(widths=(8, 8, 8, 8)))
    return ViewCache(tmp_path_factory.mktemp("cache"), load_renders(renders), vae, 32)


def test_pose_is_target_minus_condition():
    rng = np.random.default_rng(1)
    for _ in range(50):
        a, b = rng.uniform([-20, -180, 1.5], [75, 180, 2.2], (2, 3))
        expected = relative_pose(orbit_camera(*a), orbit_camera(*b))
        rad = np.array([math.pi / 180, math.pi / 180, 1])
        np.testing.assert_allclose(pose_between(a * rad, b * rad), expected, atol=1e-5)


def test_batches_depend_on_the_step_alone(cache):
    first = PairSampler(cache, 2, 3, seed=5)
    batches = [first.batch(step) for step in range(3)]
    again = PairSampler(cache, 2, 3, seed=5).batch(2)
    assert batches[2].targets.shape == (6, 4, 32, 32) and batches[2].thumbs.shape == (2, 3, 32, 32)
    for name in ("thumbs", "conditions", "targets", "poses"):
        assert torch.equal(getattr(batches[2], name), getattr(again, name))
    assert not torch.equal(batches[1].poses, batches[2].poses)


def test_cached_latents_equal_fresh_ones(cache):
    items, views, variants = np.array([1, 1, 2]), np.array([0, 4, 2]), np.array([0, 1, 3])
    once, thumbs = cache.get(items, views, variants)
    twice, _ = cache.get(items[::-1].copy(), views[::-1].copy(), variants[::-1].copy())
    assert torch.equal(once, twice.flip(0)) and once.abs().sum() > 0
    assert thumbs.min() >= -1 and thumbs.max() <= 1


def test_mirrored_variants_show_the_mirrored_picture(cache):
    plain = cache._picture(0, 1, 0)
    np.testing.assert_array_equal(cache._picture(0, 1, 1), plain[:, ::-1])
    assert [is_mirrored(v) for v in range(4)] == [False, True, False, True]


def test_mirroring_flips_the_azimuth_alone(cache):
    """A mirrored pair's sine has the other sign; polar, cosine and radius stay."""
    plain = PairSampler(cache, 8, 2, seed=0, augment=False).batch(0).poses
    assert plain[:, 1].abs().max() > 0.1
    sampler = PairSampler(cache, 64, 2, seed=0)
    mirrored_sines = sampler.batch(0).poses[:, 1]
    allowed = {
        round(float(s), 4)
        for o in cache.data.objects
        for s in np.sin(np.subtract.outer(o.angles[:, 1], o.angles[:, 1])).ravel()
    }
    assert {round(abs(float(s)), 4) for s in mirrored_sines} <= {abs(s) for s in allowed}


def test_conditions_are_dropped_as_often_as_the_paper_says():
    no_tokens, no_latent = drop_conditions(200_000, 0.05, torch.Generator().manual_seed(0))
    only_tokens = (no_tokens & ~no_latent).float().mean()
    both = (no_tokens & no_latent).float().mean()
    only_latent = (~no_tokens & no_latent).float().mean()
    for share in (only_tokens, both, only_latent):
        assert float(share) == pytest.approx(0.05, abs=0.003)
