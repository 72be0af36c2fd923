"""The fitted object: a signed distance and a colour at every point."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.field.hash_grid import HashGrid

GRID = {"levels": 8, "features": 2, "log2_size": 16, "base": 8, "finest": 160}
CHUNK = 1 << 16  # points evaluated at once
RESIDUAL_SCALE = 0.03  # world units that the network's first output counts, unless the shape is known
COLOUR_SCALE = 2.0  # colours move this much faster than distances under one learning rate


class SurfaceNet(nn.Module):
    """Signed distance = that of the visual hull + a residual; both it and the colour from one hash grid.

    Args:
        base: (X, Y, Z) float32 signed distance on a lattice, the hull's.
        bounds: (2, 3) first and last sample of `base`.
        grid: settings of the hash grid; its unit cube is the box's longest side.
        hidden: width of the decoder.
        residual: world units that the network's first output counts; 0 leaves the distance as `base` has it.
    """

    base: Tensor
    low: Tensor
    extent: Tensor

    def __init__(
        self,
        base: Tensor,
        bounds: np.ndarray,
        grid: dict[str, Any],
        hidden: int = 32,
        implementation: str = "auto",
        device: str | torch.device = "cpu",
        seed: int = 0,
        residual: float = RESIDUAL_SCALE,
    ) -> None:
        super().__init__()
        self.bounds = np.asarray(bounds, dtype=np.float64)
        self.config: dict[str, Any] = {"grid": dict(grid), "hidden": hidden, "residual": residual}
        self.grid = HashGrid(**grid, implementation=implementation, device=device, seed=seed)
        generator = torch.Generator().manual_seed(seed + 1)
        self.first = _linear(self.grid.width + 3, hidden, generator).to(device)
        self.second = _linear(hidden, hidden, generator).to(device)
        self.last = _linear(hidden, 4, generator).to(device)
        with torch.no_grad():  # begin as the hull itself, grey
            self.last.weight.mul_(0.1)
            self.last.bias.zero_()
        # grid_sample wants (1, 1, z, y, x)
        self.register_buffer("base", base.permute(2, 1, 0)[None, None].contiguous().to(device))
        self.register_buffer("low", torch.tensor(bounds[0], dtype=torch.float32, device=device))
        self.register_buffer(
            "extent", torch.tensor(bounds[1] - bounds[0], dtype=torch.float32, device=device)
        )

    def base_sdf(self, points: Tensor) -> Tensor:
        """(N, 3) points to (N,) signed distance of the hull, trilinear; outside its box plus the way to it."""
        return sample_lattice(self.base, self.low, self.extent, points)

    def forward(
        self, points: Tensor, active: int | None = None, base: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """(N, 3) world points to (N,) signed distances and (N, 3) colours in [0, 1].

        Args:
            base: (N,) the points' `base_sdf`, where it is known.
        """
        unit = ((points - self.low) / self.extent.max()).clamp(0, 1)
        hidden = torch.cat([self.grid(unit, active), unit * 2 - 1], dim=-1)
        hidden = nn.functional.relu(self.second(nn.functional.relu(self.first(hidden))))
        out = self.last(hidden)
        colour = torch.sigmoid(COLOUR_SCALE * out[:, 1:])
        base = self.base_sdf(points) if base is None else base
        return base + self.config["residual"] * out[:, 0], colour


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer with He-uniform weights drawn from `generator`, zero bias."""
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        bound = (6 / inputs) ** 0.5
        layer.weight.copy_((torch.rand(outputs, inputs, generator=generator) * 2 - 1) * bound)
        layer.bias.zero_()
    return layer


def sample_lattice(lattice: Tensor, low: Tensor, extent: Tensor, points: Tensor) -> Tensor:
    """Trilinear (N,) values of a (1, 1, Z, Y, X) lattice at (N, 3) points; beyond it, the distance is added."""
    place = (points - low) / extent * 2 - 1
    value = nn.functional.grid_sample(
        lattice, place[None, None, None], mode="bilinear", padding_mode="border", align_corners=True
    ).view(-1)
    beyond = ((place.abs() - 1).clamp_min(0) * extent / 2).norm(dim=-1)
    return value + beyond


class Field:
    """The fitted object. Points and distances in world units (docs/conventions.md); thread-safe to read."""

    def __init__(self, net: SurfaceNet) -> None:
        self.net = net.eval()

    @classmethod
    def of_grid(cls, grid: SdfGrid) -> Field:
        """The shape of a lattice as it is, grey: nothing was learned."""
        return cls(
            SurfaceNet(torch.from_numpy(grid.sdf), grid.bounds, GRID, implementation="torch", residual=0.0)
        )

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) float64 box that holds the surface."""
        return self.net.bounds

    @property
    def device(self) -> torch.device:
        return self.net.low.device

    @property
    def cells(self) -> int:
        """Along the longest side of the lattice that holds the shape; 0 where the shape is learned beyond it."""
        return 0 if self.net.config["residual"] else max(self.net.base.shape) - 1

    @torch.no_grad()
    def _evaluate(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        points = np.ascontiguousarray(points, dtype=np.float32).reshape(-1, 3)
        sdf, colour = np.empty(len(points), np.float32), np.empty((len(points), 3), np.float32)
        for start in range(0, len(points), CHUNK):
            part = slice(start, start + CHUNK)
            distances, colours = self.net(torch.from_numpy(points[part]).to(self.device))
            sdf[part], colour[part] = distances.cpu().numpy(), colours.cpu().numpy()
        return sdf, colour

    def sdf(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points to (N,) float32 signed distances, negative inside."""
        if self.cells:  # the lattice alone knows
            where = torch.from_numpy(np.ascontiguousarray(points, dtype=np.float32).reshape(-1, 3))
            with torch.no_grad():
                return self.net.base_sdf(where.to(self.device)).cpu().numpy()
        return self._evaluate(points)[0]

    def colour(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points, best on the surface, to (N, 3) float32 sRGB in [0, 1]."""
        return self._evaluate(points)[1]

    def gradient(self, points: np.ndarray, step: float = 0.003) -> np.ndarray:
        """(N, 3) float32 gradient of the signed distance by central differences over 2 `step`; points outwards."""
        points = np.asarray(points, dtype=np.float32).reshape(-1, 3)
        offsets = np.eye(3, dtype=np.float32) * np.float32(step)
        sides = [self.sdf(points + o) - self.sdf(points - o) for o in offsets]
        return np.stack(sides, axis=-1) / np.float32(2 * step)
