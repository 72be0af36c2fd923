"""Optimise the neural field: volume rendering of all views' rays, coarse to fine (NeuS, Wang et al. 2021)."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from img2mesh.core.adam import Adam, Group
from img2mesh.core.progress import Progress
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.view import ViewSet
from img2mesh.field.exposure_compensation import ExposureCompensation
from img2mesh.field.ray_bank import RayBank, collect_rays
from img2mesh.field.sdf_network import GRID, Field, SurfaceNet, sample_lattice
from img2mesh.field.volume_rendering import composite, importance_depths
from img2mesh.settings import Settings

PROBES = 40  # cheap samples per ray of the approximate lattice
SAMPLES = 14  # exact samples per ray
SOFT, SHARP = 80.0, 350.0  # sharpness of the surface, first and last (1 / world units)
WARM = 0.4  # share of the steps in which only colours are learned
REFRESH = 20  # steps between updates of the approximate lattice
LATTICE = 64  # its cells along the longest side


class Fit:
    """State of one optimisation; `step` does one iteration.

    Args:
        views: at least one picture with alpha.
        grid: the signed distance that the fit starts from.
        weights: (V,) of the views, 0 or more.
        tie: weight of staying near `grid`.
        settings: iterations, rays, mask_weight, eikonal_weight, field_backend and seed count.
        device: `cpu` or `cuda`.

    Raises:
        Img2MeshError: `field_backend` is tcnn where it cannot run.
    """

    def __init__(
        self,
        views: ViewSet,
        grid: SdfGrid,
        weights: np.ndarray,
        tie: float,
        settings: Settings,
        device: str = "cpu",
    ) -> None:
        self.settings, self.device, self.tie = settings, device, tie
        self.total, self.done = settings.iterations, 0
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.net = SurfaceNet(
            torch.from_numpy(grid.sdf),
            grid.bounds,
            GRID,
            32,
            settings.field_backend,
            device,
            settings.seed,
        )
        self.bank: RayBank = collect_rays(views.views, grid).to(device)
        self.weight = torch.from_numpy(weights).float().to(device)
        self.exposure = ExposureCompensation(len(views.views), device)
        decoder = (self.net.first, self.net.second, self.net.last)
        self.optimiser = Adam(
            [
                Group([self.net.grid.parameters_flat], lr=1e-2, eps=1e-15),
                Group([p for layer in decoder for p in layer.parameters()], lr=4e-3),
                Group(list(self.exposure.parameters()), lr=3e-3),
            ],
            betas=(0.9, 0.99),
        )
        self.rates = [group.lr for group in self.optimiser.groups]
        coarse = grid.spacing * max(1.0, max(grid.sdf.shape) / LATTICE)
        extent = grid.bounds[1] - grid.bounds[0]
        shape = np.maximum(np.round(extent / coarse).astype(int) + 1, 2)
        axes = [np.linspace(grid.bounds[0, k], grid.bounds[1, k], shape[k]) for k in range(3)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
        self.points = torch.from_numpy(points).to(device)
        self.approximate = self.net.base_sdf(self.points)
        self.live = torch.nonzero(self.approximate < 2 * coarse).view(-1)
        self.shape = tuple(int(n) for n in shape)
        self.image = self._as_lattice()

    def _as_lattice(self) -> Tensor:
        return self.approximate.view(self.shape).permute(2, 1, 0)[None, None].contiguous()

    @torch.no_grad()
    def refresh(self, active: int) -> None:
        """Bring the approximate lattice up to date where the object may be."""
        found = [self.net(part, active)[0] for part in self.points[self.live].split(1 << 16)]
        self.approximate[self.live] = torch.cat(found)
        self.image = self._as_lattice()

    def schedule(self) -> tuple[float, float, int]:
        """Progress in [0, 1], sharpness and number of active levels now."""
        share = self.done / max(self.total - 1, 1)
        sharp = SOFT * (SHARP / SOFT) ** min(share / 0.85, 1.0)
        active = min(GRID["levels"], 4 + int(share * 1.4 * (GRID["levels"] - 3)))
        return share, sharp, active

    def step(self) -> dict[str, float]:
        """One iteration; returns the losses."""
        share, sharp, active = self.schedule()
        for group, rate in zip(self.optimiser.groups, self.rates, strict=True):
            group.lr = rate * min(1.0, (self.done + 1) / 10) * 0.05 ** max(0.0, share * 1.3 - 0.3)
        if self.done % REFRESH == 0 and self.done:
            self.refresh(active)
        count = self.settings.rays
        index = torch.randint(0, len(self.bank), (count,), generator=self.generator).to(self.device)
        rays = self.bank.pick(index)
        jitter = torch.rand(count, 2, generator=self.generator).to(self.device)
        background = torch.rand(count, 3, generator=self.generator).to(self.device)
        even = (torch.arange(PROBES, device=self.device) + jitter[:, :1]) / PROBES
        depths = rays.near[:, None] + (rays.far - rays.near)[:, None] * even  # (R, M)
        probes = rays.origin[:, None] + rays.direction[:, None] * depths[..., None]
        rough = sample_lattice(self.image, self.net.low, self.net.extent, probes.view(-1, 3)).view(count, -1)
        spread = 0.5 * (1 - share) + 0.05
        depths = importance_depths(depths, rough, min(sharp, 120.0), SAMPLES, spread, jitter[:, 1:])
        points = (rays.origin[:, None] + rays.direction[:, None] * depths[..., None]).view(-1, 3)
        base = self.net.base_sdf(points)
        free, colour = self.net(points, active, base)
        sdf = free
        # While the colours are wrong, their errors say nothing about the shape.
        if share < WARM:
            sdf = sdf.detach()
        seen, opacity = composite(sdf.view(count, -1), colour.view(count, -1, 3), sharp)
        seen = self.exposure(seen, rays.view, opacity[:, None])
        seen = seen + (1 - opacity)[:, None] * background
        alpha = rays.rgba[:, 3:]
        wanted = rays.rgba[:, :3] * alpha + background * (1 - alpha)
        weight = self.weight[rays.view]
        weight = weight / weight.mean().clamp_min(1e-6)
        error = nn.functional.huber_loss(seen, wanted, reduction="none", delta=0.1).mean(-1) * 10
        colour_loss = (error * weight).mean()
        mask_loss = ((opacity - alpha[:, 0]).abs() * weight).mean()
        loss = colour_loss + self.exposure.penalty()
        eikonal, smooth = self.regularity(points, active)
        residual = free - base
        loss = (
            loss
            + self.settings.mask_weight * mask_loss
            + self.settings.eikonal_weight * eikonal
            + 0.02 * smooth
            + self.tie * (residual / 0.01).square().mean()
        )
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.done += 1
        return {"colour": colour_loss.item(), "mask": mask_loss.item(), "eikonal": eikonal.item()}

    def regularity(self, points: Tensor, active: int, count: int = 1024) -> tuple[Tensor, Tensor]:
        """Eikonal loss and bending of the signed distance, by differences over a tetrahedron around samples."""
        pick = torch.randint(0, len(points), (count,), generator=self.generator).to(self.device)
        centre = points[pick]
        step = float(self.net.extent.max()) / self.net.grid.resolutions[active - 1]
        corner = torch.tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], device=self.device)
        offset = corner * (step / math.sqrt(3))  # (4, 3), each `step` long
        around = (centre[:, None] + offset).view(-1, 3)
        values = self.net(torch.cat([around, centre]), active)[0]
        sides, middle = values[: 4 * count].view(count, 4), values[4 * count :]
        gradient = 0.75 * (sides[..., None] * offset).sum(1) / step**2  # exact for linear functions
        eikonal = (gradient.norm(dim=-1) - 1).square().mean()
        smooth = ((sides.mean(1) - middle) / step).abs().mean()
        return eikonal, smooth


class Optimisation(Protocol):
    """What `fit_field` runs: so many steps on a network."""

    net: SurfaceNet
    total: int

    def step(self) -> dict[str, float]:
        """One iteration; returns the losses."""


def fit_field(optimisation: Optimisation, progress: Progress) -> Field:
    """Run an optimisation to its end, as the stage `fit field`."""
    with progress.stage("fit field", optimisation.total) as step:
        for _ in range(optimisation.total):
            optimisation.step()
            step()
    return Field(optimisation.net)
