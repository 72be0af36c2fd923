"""Strained objects: pictures and what lies behind their pixels move together."""

import numpy as np
import torch

from img2mesh.train.augment_shape import FULL, MOST, Strains, draw_strains, no_strains
from img2mesh.train.dataset import load_renders
from img2mesh.train.distributed import Workers
from img2mesh.train.frustum import frustum
from img2mesh.train.frustum_batches import FrustumSampler

COUNT = 400


def strains(linear, shift=(0.0, 0.0), depth=1.0) -> Strains:
    parts = [[linear], [shift], [depth]]
    return Strains(*(torch.tensor(part, dtype=torch.float32) for part in parts))


def test_no_strain_changes_nothing():
    x = torch.rand(3, 4, 16, 16) * 2 - 1
    still = no_strains(3)
    assert still.none.all() and torch.equal(still.pictures(x), x)
    angles = torch.tensor([[0.3, 0.5, 1.6]])
    assert torch.equal(
        frustum(angles, torch.tensor([False])), frustum(angles, torch.tensor([False]), strains=no_strains(1))
    )


def test_a_stretched_picture_is_wider_and_empty_beyond_the_old_one():
    x = torch.ones(1, 4, 64, 64) * torch.tensor([1, 1, 1, -1.0])[:, None, None]
    x[:, :, 24:40, 24:40] = torch.tensor([0.2, -0.4, 0.6, 1.0])[:, None, None]
    wide = strains([[0.5, 0.0], [0.0, 1.0]]).pictures(x)
    shown = wide[0, 3] > 0
    rows, columns = shown.any(1).nonzero()[:, 0], shown.any(0).nonzero()[:, 0]
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (24, 39, 16, 47)
    small = strains([[2.0, 0.0], [0.0, 2.0]], (0.25, 0.0)).pictures(x)
    assert small[0, 3, 0, 0] == -1 and torch.allclose(small[0, :3, 0, 0], torch.ones(3))
    assert (small[0, 3] > 0).sum() == 64


def test_strains_are_as_many_and_as_large_as_asked_for():
    rng = np.random.default_rng(0)
    spans, reach = rng.uniform(0.3, 1.0, (COUNT, 3)), rng.uniform(0.2, 0.7, (COUNT, 2))
    drawn = draw_strains(rng, 0.6, spans, reach)
    assert 0.5 < 1 - drawn.none.float().mean() < 0.7
    ratio = np.linalg.svd(drawn.linear.numpy(), compute_uv=False)
    assert (ratio[:, 0] / ratio[:, 1]).max() <= np.exp(MOST) + 1e-4
    assert 1.1 < (ratio[:, 0] / ratio[:, 1])[~drawn.none.numpy()].mean() < 1.25
    assert draw_strains(rng, 0.0, spans, reach).none.all()


def test_the_longest_side_stays_and_the_frame_holds_the_object():
    rng = np.random.default_rng(1)
    spans = rng.uniform(0.3, 1.0, (COUNT, 3))
    drawn = draw_strains(rng, 1.0, spans, np.full((COUNT, 2), 0.3))
    back = torch.linalg.inv(drawn.linear).numpy()  # old places to new ones
    size = 1 / drawn.depth.numpy()
    scale = np.sqrt(np.linalg.det(back))
    assert np.allclose(scale, size, rtol=1e-4), "areas change with the size alone"
    longest = np.maximum(spans[:, 2] * size, (spans[:, :2] * np.linalg.norm(back, axis=2)).max(1))
    assert np.allclose(longest, spans.max(1), rtol=1e-4)
    full = draw_strains(rng, 1.0, spans, np.full((COUNT, 2), 0.9))
    reach = 0.9 * np.linalg.norm(np.linalg.inv(full.linear.numpy()), axis=2)
    assert (reach.max(1) <= FULL + 1e-4).all()


def test_strained_batches_show_what_lies_behind_their_pixels(renders, tmp_path):
    sampler = FrustumSampler(load_renders(renders), 24, 0, tmp_path, varied=0.8)
    batch = sampler.batch(0, Workers("cpu"))
    pictures, inside, strained = batch.pictures, batch.inside, batch.strained
    assert 10 < strained.sum() < 24
    shown = torch.nn.functional.avg_pool2d((pictures[:, 3:] + 1) / 2, 4)[:, 0] > 0.5
    behind = inside.amax(1) > 0.5
    agreement = (shown & behind).sum((1, 2)) / (shown | behind).sum((1, 2))
    assert agreement.min() > 0.8
    width, height = (shown.any(axis).sum(1).float() for axis in (1, 2))
    uneven = (width / height - 1).abs()
    assert uneven[strained].max() > 0.15 > uneven[~strained].max(), "balls become ellipsoids"
