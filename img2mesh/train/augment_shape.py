"""Objects stretched, shifted and rolled before the camera: new shapes from the pictures of old ones.

A stretch along an axis of the picture, a shift and a turn about the viewing axis are linear maps of space that move
pixels only within the picture, so the picture of what they make is the old one, warped. What lies behind its pixels is
what lay behind the old ones: solids seen through the same warp. Nothing has to be rendered again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

STRETCH = 0.16  # standard deviation of the logarithm of the two axes' ratio
MOST = 0.4  # of it
ROLL_DEG = 6.0  # standard deviation
SHIFT = 0.02  # standard deviation along each axis, shares of the picture's half side
FULL = 0.97  # share of the picture's half side that an object may reach


@dataclass(frozen=True, eq=False)
class Strains:
    """Where the places of new pictures lie in the old ones.

    Attributes:
        linear: (B, 2, 2); old = linear new + shift, for places (u right, v down) in [-1, 1] across the picture.
        shift: (B, 2).
        depth: (B,) by which distances from the object's middle along the viewing axis are multiplied, new to old.
    """

    linear: Tensor
    shift: Tensor
    depth: Tensor

    @property
    def none(self) -> Tensor:
        """(B,) bool: pictures that stay as they are."""
        still = (self.linear == torch.eye(2)).all((1, 2)) & (self.shift == 0).all(1)
        return still & (self.depth == 1)

    def places(self, places: Tensor) -> Tensor:
        """(B, ..., 2) old places of new ones (..., 2)."""
        count = (1,) * (places.dim() - 1)
        moved = torch.einsum("bij,...j->b...i", self.linear, places)
        return moved + self.shift.view(-1, *count, 2)

    def pictures(self, x: Tensor) -> Tensor:
        """(B, 4, S, S) in [-1, 1], colour on white and alpha, warped; what comes in from outside is empty."""
        theta = torch.cat([self.linear, self.shift[..., None]], dim=2)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        empty = x.new_tensor([1.0, 1.0, 1.0, -1.0])[:, None, None]
        warped = F.grid_sample(x - empty, grid, align_corners=False) + empty
        return torch.where(self.none[:, None, None, None], x, warped)


def no_strains(count: int) -> Strains:
    """Nothing changes."""
    return Strains(torch.eye(2).repeat(count, 1, 1), torch.zeros(count, 2), torch.ones(count))


def draw_strains(rng: np.random.Generator, share: float, spans: np.ndarray, reach: np.ndarray) -> Strains:
    """Random strains, for about `share` of pictures; the longest side stays what it is, as far as the frame allows.

    Args:
        spans: (B, 3) how long the objects are along the picture's two axes and the viewing axis.
        reach: (B, 2) how far they reach from the picture's middle along its axes, shares of its half side.
    """
    count = len(spans)
    chosen = rng.random(count) < share
    ratio = np.clip(rng.normal(0, STRETCH, count), -MOST, MOST) * chosen
    roll = np.radians(rng.normal(0, ROLL_DEG, count)) * chosen
    shift = rng.normal(0, SHIFT, (count, 2)) * chosen[:, None]
    stretch = np.exp(np.stack([ratio / 2, -ratio / 2, 0 * ratio], axis=-1))
    size = spans.max(axis=1) / (spans * stretch).max(axis=1)
    room = (FULL - np.abs(shift)).min(axis=1) / (reach * stretch[:, :2]).max(axis=1).clip(1e-3)
    size = np.where(chosen, np.minimum(size, np.maximum(room, 0.6)), 1.0)
    c, s = np.cos(roll), np.sin(roll)
    turn = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], 1)  # (B, 2, 2)
    linear = turn / (stretch[:, :2] * size[:, None])[:, None, :]
    moved = np.einsum("bij,bj->bi", linear, -shift)
    return Strains(*(torch.from_numpy(a.astype(np.float32)) for a in (linear, moved, 1 / size)))
