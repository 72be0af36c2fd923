"""A signed distance sampled on a regular grid: what hulls, fused shapes and fields exchange."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class SdfGrid:
    """A dense signed distance.

    Attributes:
        sdf: (X, Y, Z) float32, world units, negative inside; sample [i, j, k] lies at
            bounds[0] + (i, j, k) * spacing.
        bounds: (2, 3) float64, the first and last sample; multiples of one spacing apart.
    """

    sdf: np.ndarray
    bounds: np.ndarray

    @property
    def spacing(self) -> float:
        """Distance between neighbouring samples."""
        return float((self.bounds[1, 0] - self.bounds[0, 0]) / (self.sdf.shape[0] - 1))

    @property
    def occupancy(self) -> np.ndarray:
        """(X, Y, Z) bool: inside."""
        return self.sdf < 0

    def at(self, points: np.ndarray) -> np.ndarray:
        """(N,) float32 trilinear `sdf` at (N, 3) world points; beyond the lattice, its nearest border value."""
        import torch

        place = np.empty((len(points), 3), np.float32)
        for k, (low, high) in enumerate(self.bounds.T.astype(np.float32)):
            np.subtract(points[:, k], (low + high) / 2, out=place[:, k], casting="same_kind")
            place[:, k] *= 2 / (high - low)
        found = torch.nn.functional.grid_sample(
            self._volume,
            torch.from_numpy(place)[None, None, None],
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        )
        return found.view(-1).numpy()

    @cached_property
    def _volume(self):
        """`sdf` as `grid_sample` wants it: (1, 1, Z, Y, X)."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(self.sdf.transpose(2, 1, 0)))[None, None]


def lattice(bounds: np.ndarray, spacing: float) -> tuple[np.ndarray, tuple[int, int, int]]:
    """(N, 3) float64 sample points of a grid in C order over x, y, z, and its shape."""
    x, y, z = (round(float(extent / spacing)) + 1 for extent in bounds[1] - bounds[0])
    shape = (x, y, z)
    axes = [bounds[0, k] + np.arange(shape[k]) * spacing for k in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3), shape


def smooth_distance(inside: np.ndarray, spacing: float, sigma: float) -> np.ndarray:
    """(X, Y, Z) float32 signed distance of a (X, Y, Z) bool solid, smoothed; `spacing` and `sigma` in world units."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    outward = distance_transform_edt(~inside) - distance_transform_edt(inside)
    outward += np.where(inside, 0.5, -0.5)  # the surface lies between samples
    return gaussian_filter((outward * spacing).astype(np.float32), sigma / spacing, mode="nearest")
