"""What both reconstructions return: a surface with colours, and the views as they were understood."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from img2mesh.core.view import ViewSet


class SurfaceField(Protocol):
    """A signed distance and a colour at every point of the world (`docs/conventions.md`)."""

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) float64 box that holds the surface."""

    @property
    def cells(self) -> int:
        """Cells along the longest side of the lattice that holds the shape; 0 where no lattice does."""

    def sdf(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points to (N,) float32 signed distances, world units, negative inside."""

    def colour(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points to (N, 3) float32 sRGB in [0, 1]."""

    def gradient(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points to (N, 3) float32 gradients of the signed distance, outwards."""


@dataclass(frozen=True, eq=False)
class Shape:
    """A reconstructed object.

    Attributes:
        field: its surface and colours.
        views: what it was made from, with the cameras, masks and exposures that they were found to have.
        diagnostics: plain values for the report.
    """

    field: SurfaceField
    views: ViewSet
    diagnostics: dict[str, Any] = dataclasses.field(default_factory=dict)
