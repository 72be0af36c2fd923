"""Other surfaces on the same shapes."""

import numpy as np
import torch

from img2mesh.train.augment_appearance import other_surfaces


def pictures(count: int = 64) -> torch.Tensor:
    rng = np.random.default_rng(0)
    alpha = np.zeros((count, 1, 32, 32), np.float32)
    alpha[:, :, 8:24, 6:20] = 1
    alpha[:, :, 7] = alpha[:, :, 8] * 0.5
    colour = rng.uniform(0.1, 0.9, (count, 3, 8, 8)).repeat(4, axis=2).repeat(4, axis=3).astype(np.float32)
    x = np.concatenate([colour * alpha + 1 - alpha, alpha], axis=1)
    return torch.from_numpy(x * 2 - 1)


def test_the_shape_stays_and_the_ground_stays_white():
    x = pictures()
    y = other_surfaces(np.random.default_rng(1), x)
    sharp = (y[:, 3] == x[:, 3]).all((1, 2))
    assert 0.7 < sharp.float().mean() < 0.97, "blur alone touches alpha"
    assert ((y[:, 3] > 0) == (x[:, 3] > 0))[sharp].all()
    empty = (x[:, 3:] == -1) & sharp[:, None, None, None]
    assert torch.allclose(y[:, :3][empty.expand(-1, 3, -1, -1)], torch.ones(1), atol=1e-6)
    assert y.min() >= -1 - 1e-6 and y.max() <= 1 + 1e-6


def test_some_change_and_some_do_not():
    x = pictures()
    y = other_surfaces(np.random.default_rng(2), x)
    changed = (y - x).abs().amax((1, 2, 3)) > 0.02
    assert 0.4 < changed.float().mean() < 0.85
    assert torch.equal(y, other_surfaces(np.random.default_rng(2), x)), "the generator alone decides"


def test_a_print_is_another_picture_of_the_batch():
    x = pictures(2)
    x[0, :3] = torch.where(x[0, 3:] > -1, torch.tensor(0.6), x[0, :3])  # even
    seen = [other_surfaces(np.random.default_rng(seed), x)[0] for seed in range(40)]
    inner = torch.stack([y[:3, 10:22, 8:18] for y in seen])
    spread = inner.std(dim=(2, 3)).amax(1)
    assert (spread > 0.1).any() and (spread < 1e-3).any()
