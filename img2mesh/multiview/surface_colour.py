"""Colours for a surface that is known: every pixel speaks for the place where its ray meets it.

Where stereo has found the shape (`multiview.stereo`), rendering along rays would spend most of its samples on finding
the surface once more, and on rays that miss it. Here each ray is followed to the surface once, and the network learns
the colours of those places alone: one sample per ray.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from img2mesh.core.adam import Adam, Group
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.view import ViewSet
from img2mesh.field.exposure_compensation import ExposureCompensation
from img2mesh.field.ray_bank import resized_rgba
from img2mesh.field.sdf_network import GRID, SurfaceNet
from img2mesh.multiview.sphere_tracing import along, entries
from img2mesh.settings import Settings

SIZE = 256  # pixels per side of the pictures that are learned from, at most
STEPS = 2  # per iteration that the settings ask for: one of `Fit` takes as long


class Paint:
    """State of one optimisation; `step` does one iteration.

    Args:
        grid: the shape, which stays as it is.
        weights: (V,) of the views, 0 or more.
    """

    def __init__(
        self, views: ViewSet, grid: SdfGrid, weights: np.ndarray, settings: Settings, device: str = "cpu"
    ) -> None:
        self.total, self.done = settings.iterations, 0
        self.rays, self.device = settings.rays, device
        self.generator = torch.Generator().manual_seed(settings.seed)
        backend, seed = settings.field_backend, settings.seed
        base = torch.from_numpy(grid.sdf)
        self.net = SurfaceNet(base, grid.bounds, GRID, 32, backend, device, seed, residual=0.0)
        seen = surface_samples(views, grid, STEPS * self.total * self.rays, self.generator)
        self.points, self.colours, self.view = (torch.from_numpy(a).to(device) for a in seen)
        weight = torch.from_numpy(weights).float().to(device)
        self.weight = weight / weight[self.view].mean().clamp_min(1e-6)
        self.exposure = ExposureCompensation(len(views.views), device)
        layers = [self.net.first, self.net.second, self.net.last]
        self.optimiser = Adam(
            [
                Group([self.net.grid.parameters_flat], lr=1e-2, eps=1e-15),
                Group([p for layer in layers for p in layer.parameters()], lr=4e-3),
                Group(list(self.exposure.parameters()), lr=3e-3),
            ],
            betas=(0.9, 0.99),
        )
        self.rates = [group.lr for group in self.optimiser.groups]

    def step(self) -> dict[str, float]:
        """One iteration; returns the loss of its last step."""
        for _ in range(STEPS):
            loss = self._step()
        return {"colour": loss.item()}

    def _step(self) -> Tensor:
        share = self.done / max(STEPS * self.total - 1, 1)
        active = min(GRID["levels"], 4 + int(share * 1.4 * (GRID["levels"] - 3)))
        for group, rate in zip(self.optimiser.groups, self.rates, strict=True):
            group.lr = rate * min(1.0, (self.done + 1) / 10) * 0.05 ** max(0.0, share * 1.3 - 0.3)
        self.done += 1
        pick = torch.randint(0, len(self.points), (self.rays,), generator=self.generator)
        pick = pick.to(self.device)
        view = self.view[pick]
        seen = self.exposure(self.net(self.points[pick], active)[1], view)
        error = nn.functional.huber_loss(seen, self.colours[pick], reduction="none", delta=0.1).mean(-1) * 10
        loss = (error * self.weight[view]).mean() + self.exposure.penalty()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.detach()


def surface_samples(
    views: ViewSet, grid: SdfGrid, most: int, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the views show of the surface, at most so many pixels of all views, drawn at random.

    Returns:
        (N, 3) float32 places on the surface, (N, 3) float32 their colours in [0, 1], and (N,) int64 numbers
        of the views.
    """
    parts = []
    for number, view in enumerate(views.views):
        scale = min(1.0, SIZE / max(view.camera.width, view.camera.height))
        width, height = round(view.camera.width * scale), round(view.camera.height * scale)
        rgba = resized_rgba(view.rgba, width, height)
        shown = rgba[..., 3] > 0.5
        directions = view.camera.resized(width, height).rays()[1][shown].astype(np.float32)
        origins = np.broadcast_to(view.camera.position.astype(np.float32), directions.shape)
        parts.append((origins, directions, rgba[shown][:, :3], np.full(len(directions), number)))
    origins, directions, colours, numbers = (np.concatenate(part) for part in zip(*parts, strict=True))
    chosen = torch.randperm(len(numbers), generator=generator)[:most].numpy()
    origins, directions = origins[chosen], directions[chosen]
    depth = entries(grid, origins, directions)
    hit = np.flatnonzero(np.isfinite(depth))
    points = along(origins[hit], directions[hit], depth[hit])
    return points, colours[chosen[hit]], numbers[chosen[hit]]
