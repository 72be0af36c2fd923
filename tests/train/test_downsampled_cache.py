"""Latents made from small copies against the autoencoder's own, and colour changes against whole pictures."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from img2mesh.models.preprocess import to_network
from img2mesh.train.autoencoder import build_autoencoder
from img2mesh.train.config import AutoencoderRecipe
from img2mesh.train.dataset import load_renders
from img2mesh.train.downsampled_cache import PooledViews
from img2mesh.train.image_cache import colour_change, recolour_white
from img2mesh.train.pairs import PairSampler


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return build_autoencoder(AutoencoderRecipe(widths=(32, 64, 96, 128), pooled=True)).eval()


@pytest.fixture(scope="module")
def cache(renders, vae, tmp_path_factory):
    return PooledViews(tmp_path_factory.mktemp("cache"), load_renders(renders), vae, 32)


def test_latents_are_the_autoencoders(cache, vae):
    items, views = np.array([0, 2, 3]), np.array([1, 5, 0])
    latents, _ = cache.get(items, views, np.zeros(3, int))
    x = to_network(np.stack([cache.data.read(i, v) for i, v in zip(items, views, strict=True)]))
    with torch.no_grad():
        own = vae.encode(x).latent_dist.mode()
    assert (latents - own).abs().mean() < 0.05 * own.std()


def test_thumbnails_are_the_encoders_resize(cache):
    _, thumbs = cache.get(np.array([1]), np.array([2]), np.array([0]))
    x = to_network(cache.data.read(1, 2)[None])
    wanted = F.interpolate(x[:, :3], (32, 32), mode="bicubic", align_corners=True).clamp(-1, 1)
    assert (thumbs - wanted).abs().max() < 1 / 127


def test_variants_are_repeatable_mirrored_and_different(cache):
    items, views = np.array([1, 1, 1, 1]), np.array([2, 2, 2, 2])
    seed = next(s for s in range(1, 50) if not np.allclose(colour_change(s), np.eye(3)))
    latents, thumbs = cache.get(items, views, np.array([0, 1, 2 * seed, 2 * seed + 1]))
    again, _ = cache.get(items[:2], views[:2], np.array([2 * seed + 1, 0]))
    assert torch.equal(again[0], latents[3]) and torch.equal(again[1], latents[0])
    assert torch.equal(latents[0].flip(-1), latents[1]) and torch.equal(thumbs[2].flip(-1), thumbs[3])
    assert not torch.equal(latents[0, :3], latents[2, :3])
    assert torch.equal(latents[0, 3], latents[2, 3])  # the shape stays


def test_recolouring_commutes_with_pooling_and_keeps_the_white():
    rng = np.random.default_rng(3)
    rgba = rng.integers(0, 255, (2, 64, 64, 4)).astype(np.uint8)
    rgba[:, :16, :, 3] = 0
    x, changes = to_network(rgba), torch.from_numpy(np.stack([colour_change(5), colour_change(9)]))
    changed = recolour_white(x, changes)
    assert torch.allclose(F.avg_pool2d(changed, 8), recolour_white(F.avg_pool2d(x, 8), changes), atol=1e-5)
    assert torch.allclose(changed[:, :3, :16], torch.ones(2, 3, 16, 64), atol=1e-6)
    assert changed.abs().max() <= 1 + 1e-5


def test_colour_changes_stay_in_range():
    changes = np.stack([colour_change(seed) for seed in range(1, 200)])
    assert (changes >= 0).all() and (changes.sum(-1) <= 1 + 1e-6).all()
    unchanged = np.mean([np.array_equal(change, np.eye(3)) for change in changes])
    assert 0.2 < unchanged < 0.4


def test_batches_draw_from_it_and_prefer_usual_elevations(cache):
    sampler = PairSampler(cache, 4, 2, seed=1)
    first, second = sampler.batch(0), PairSampler(cache, 4, 2, seed=1).batch(0)
    assert torch.equal(first.targets, second.targets) and first.targets.shape == (8, 4, 32, 32)
    assert first.thumbs.shape == (4, 3, 32, 32) and torch.isfinite(first.targets).all()
