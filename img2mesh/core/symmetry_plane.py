"""An upright plane about which an object is symmetric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mirror:
    """The plane of the points x with normal . x = offset.

    Attributes:
        azimuth: of its horizontal normal, radians, as a camera's (`docs/conventions.md`).
        offset: from the origin along the normal, world units.
    """

    azimuth: float
    offset: float

    @property
    def normal(self) -> np.ndarray:
        """(3,) of unit length."""
        return np.array([np.cos(self.azimuth), np.sin(self.azimuth), 0.0])

    def reflected(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) world points to their mirror images."""
        normal = self.normal
        return points - 2 * (points @ normal - self.offset)[..., None] * normal
