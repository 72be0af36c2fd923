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
        turn, shift = self._to_grid()
        return self._values(*(turn @ np.asarray(points, np.float32).T + shift))

    def along(self, origins: np.ndarray, directions: np.ndarray, ranges: np.ndarray) -> np.ndarray:
        """(R, K) float32, `probability` at K ranges (R, K) from the origins (R, 3) of rays with directions (R, 3)."""
        turn, shift = self._to_grid()
        start, way = turn @ origins.astype(np.float32).T + shift, turn @ directions.astype(np.float32).T
        ranges = ranges.astype(np.float32)
        return self._values(*(a[:, None] + b[:, None] * ranges for a, b in zip(start, way, strict=True)))

    def _to_grid(self) -> tuple[np.ndarray, np.ndarray]:
        """(3, 3) and (3, 1) float32: world points to depth, and to depth times grid_sample's x and y."""
        camera = self.camera
        right, up, back = camera.c2w[:3, :3].T
        across, down = (2 * camera.cx / camera.width - 1), (2 * camera.cy / camera.height - 1)
        turn = np.stack(
            [
                2 * camera.fl_x / camera.width * right - across * back,
                -2 * camera.fl_y / camera.height * up - down * back,
                -back,
            ]
        )
        return turn.astype(np.float32), -(turn @ camera.position).astype(np.float32)[:, None]

    def _values(self, across: np.ndarray, down: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Values of places as `_to_grid` gives them, of any one shape."""
        import torch

        place = np.empty((*depth.shape, 3), np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            np.divide(across, depth, out=place[..., 0])
            np.divide(down, depth, out=place[..., 1])
        np.subtract(depth, np.float32(self.camera.distance), out=place[..., 2])
        place[..., 2] *= np.float32(1 / self.half)
        place[depth <= 0] = 9
        # Several volumes are looked up by as many threads, one by one only.
        threads = torch.get_num_threads()
        parts = threads if depth.size % threads == 0 else 1
        volume = torch.from_numpy(np.ascontiguousarray(self.occupancy)).expand(parts, 1, -1, -1, -1)
        grid = torch.from_numpy(place.reshape(parts, 1, 1, -1, 3))
        found = torch.nn.functional.grid_sample(volume, grid, align_corners=False)
        return found.numpy().reshape(depth.shape)
