"""Other surfaces on the same shapes: prints, shading, contrast and blur that a picture's object might have had."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

PRINTED, SHADED, BLURRED = 0.25, 0.4, 0.15  # shares of pictures
PRINT = 0.75  # most that a print darkens
SHADE = 0.35  # most that light from a side changes, either way
GAMMA = 0.25  # standard deviation of its logarithm


def other_surfaces(rng: np.random.Generator, x: Tensor) -> Tensor:
    """Pictures (B, 4, S, S) in [-1, 1], colour on white and alpha, some with other colours; alpha stays.

    Prints are parts of the batch's other pictures.
    """
    count, size = len(x), x.shape[-1]
    alpha = (x[:, 3:] + 1) / 2
    shown = (x[:, :3] + 1) / 2
    colour = ((shown - (1 - alpha)) / alpha.clamp_min(0.05)).clamp(0, 1)
    printed = torch.from_numpy(rng.random(count) < PRINTED)
    if printed.any():
        theta = np.zeros((count, 2, 3), np.float32)
        theta[:, [0, 1], [0, 1]] = rng.uniform(0.15, 0.5, (count, 2))
        theta[:, :, 2] = rng.uniform(-0.3, 0.3, (count, 2))
        others = torch.from_numpy(rng.permutation(count))
        grid = F.affine_grid(torch.from_numpy(theta), [count, 3, size, size], align_corners=False)
        motif = F.grid_sample(shown[others], grid, align_corners=False, padding_mode="reflection")
        depth = torch.from_numpy(rng.uniform(0.3, PRINT, count).astype(np.float32))[:, None, None, None]
        worn = colour * (1 - depth + depth * motif) / (1 - depth / 3)
        colour = torch.where(printed[:, None, None, None], worn.clamp(0, 1), colour)
    shaded = rng.random(count) < SHADED
    gamma = np.exp(rng.normal(0, GAMMA, count) * shaded)
    slope = (rng.uniform(-1, 1, (count, 2)) * SHADE * shaded[:, None]).astype(np.float32)
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    tilt = torch.from_numpy(slope)
    light = 1 + tilt[:, :1, None] * axis[None, None, :] + tilt[:, 1:, None] * axis[None, :, None]
    power = torch.from_numpy(gamma.astype(np.float32))[:, None, None, None]
    changed = (colour.clamp_min(1e-3) ** power * light[:, None]).clamp(0, 1)
    colour = torch.where(torch.from_numpy(shaded)[:, None, None, None], changed, colour)
    result = torch.cat([colour * alpha + (1 - alpha), alpha], dim=1) * 2 - 1
    blurred = torch.from_numpy(rng.random(count) < BLURRED)
    if blurred.any():
        coarse = F.avg_pool2d(result[blurred], 2)
        result[blurred] = F.interpolate(coarse, (size, size), mode="bilinear", align_corners=False)
    return result
