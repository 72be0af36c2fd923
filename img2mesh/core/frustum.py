"""What the photo alone suggests about the whole body, in the world of the views."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.symmetry_plane import Mirror


@dataclass(frozen=True, eq=False)
class Body:
    """Chance of being inside, behind each pixel of the photo.

    Attributes:
        occupancy: (D, H, W) float32 in [0, 1]: H x W pixels that fill the photo's frame, D depths, evenly spaced cells
            between the camera's distance - `half` and its distance + `half` along the viewing axis.
        camera: the photo's, or one that was moved up or down on its sphere (`synthesize.TILT`).
        half: world units.
        mirror: the plane about which the body was made symmetric, if it was.
        symmetry: (P,) expected overlap with its mirror image about upright planes through the origin, as the network
            says; plane p's normal stands p / P of half a turn from the camera. Empty where it says nothing.
    """

    occupancy: np.ndarray
    camera: Camera
    half: float
    mirror: Mirror | None = None
    symmetry: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def depths(self) -> np.ndarray:
        """(D,) of the cells along the viewing axis, world units."""
        count = len(self.occupancy)
        return self.camera.distance + ((np.arange(count) + 0.5) / count * 2 - 1) * self.half

    def points(self) -> np.ndarray:
        """(D, H, W, 3) the cells' middles in the world."""
        _, height, width = self.occupancy.shape
        v, u = np.mgrid[:height, :width] + 0.5
        pixels = np.stack([u / width * self.camera.width, v / height * self.camera.height], axis=-1)
        origins, directions = self.camera.rays(pixels)
        axial = -directions @ self.camera.c2w[:3, 2]  # share of a ray's length along the viewing axis
        return origins + (directions / axial[..., None]) * self.depths()[:, None, None, None]

    def probability(self, points: np.ndarray) -> np.ndarray:
        """(N,) float32 trilinear values of the occupancy at (N, 3) world points; 0 outside of the frustum."""
        import torch

        pixels, depth = self.camera.project(points)
        place = np.column_stack(
            [
                pixels / [self.camera.width, self.camera.height] * 2 - 1,
                (depth - self.camera.distance) / self.half,
            ]
        )
        grid = torch.from_numpy(np.where(depth[:, None] > 0, place, 9).astype(np.float32))[None, None, None]
        volume = torch.from_numpy(np.ascontiguousarray(self.occupancy))[None, None]
        return torch.nn.functional.grid_sample(volume, grid, align_corners=False).view(-1).numpy()
