"""Outlines as segmentation draws them: a little too wide, too narrow or too soft."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

JITTERED = 0.3  # share of pictures
REACH = 5  # pixels of the window over which an outline is moved
THRESHOLDS = (0.25, 0.75)  # of the blurred alpha where the new outline runs
SOFTNESS = (1.0, 5.0)  # slope of the new alpha over the blurred one


def jitter_outlines(rng: np.random.Generator, x: Tensor) -> Tensor:
    """Pictures (B, 4, S, S) in [-1, 1], colour on white and alpha, some with moved outlines; inner colours stay."""
    count = len(x)
    chosen = np.flatnonzero(rng.random(count) < JITTERED)
    drawn = [rng.uniform(*limits, count)[chosen] for limits in (THRESHOLDS, SOFTNESS)]
    if not len(chosen):
        return x
    threshold, slope = (torch.from_numpy(value.astype(np.float32))[:, None, None, None] for value in drawn)
    part = (x[chosen] + 1) / 2
    alpha = part[:, 3:]
    premultiplied = torch.cat([part[:, :3] - (1 - alpha), alpha], dim=1)
    blurred = F.avg_pool2d(premultiplied, REACH, 1, REACH // 2, count_include_pad=False)
    near = blurred[:, :3] / blurred[:, 3:].clamp_min(1e-3)
    own = premultiplied[:, :3] / alpha.clamp_min(1e-3)
    colour = torch.where(alpha > 0.5, own, near).clamp(0, 1)
    moved = ((blurred[:, 3:] - threshold) * slope + 0.5).clamp(0, 1)
    # only near the outline: the inside of windows and handles stays
    moved = torch.where((blurred[:, 3:] > 0.01) & (blurred[:, 3:] < 0.99), moved, alpha)
    result = x.clone()
    result[chosen] = torch.cat([colour * moved + (1 - moved), moved], dim=1) * 2 - 1
    return result
