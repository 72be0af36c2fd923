"""Where in the world the cells behind a picture's pixels lie, of mirrored and strained pictures, too."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from img2mesh.core.camera import FOV_DEG
from img2mesh.models.occupancy import CELLS, HALF
from img2mesh.train.augment_shape import Strains, no_strains

FAINT = 0.3  # share of a cell from which it counts as the object's


def pixel_rays(
    angles: Tensor, mirrored: Tensor, fov_deg: float = FOV_DEG, strains: Strains | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Rays through the guess's cells, of pictures that may be mirrored and strained.

    Args:
        angles: (B, 3) elevation, azimuth (radians) and distance of the pictures' cameras.
        mirrored: (B,) bool; a mirrored picture's columns show what lies on the other side.
        strains: what was done to the pictures, mirrored ones; then the rays are those of the unstrained object.

    Returns:
        (B, 3) cameras' places in the world, (B, CELLS, CELLS, 3) directions of rows and columns, whose length along the
        viewing axis is 1, and (B, CELLS) depths along that axis.
    """
    distance = angles[:, 2].float()
    strains = strains or no_strains(len(angles))
    cell = (torch.arange(CELLS) + 0.5) / CELLS * 2 - 1
    v, u = torch.meshgrid(cell, cell, indexing="ij")
    u, v = strains.places(torch.stack([u, v], -1)).unbind(-1)  # (B, H, W)
    u = torch.where(mirrored[:, None, None], -u, u)
    depth = distance[:, None] + HALF * cell * strains.depth[:, None]  # (B, D)
    slope = float(np.tan(np.radians(fov_deg) / 2))
    axes = camera_axes(angles)
    local = torch.stack([u * slope, -v * slope, torch.full_like(u, -1.0)], -1)
    return axes[..., 2] * distance[:, None], torch.einsum("bij,bhwj->bhwi", axes, local), depth


def frustum(
    angles: Tensor, mirrored: Tensor, fov_deg: float = FOV_DEG, strains: Strains | None = None
) -> Tensor:
    """World points (B, CELLS, CELLS, CELLS, 3) of the guess's cells: depth, row, column; `pixel_rays`' arguments."""
    place, rays, depth = pixel_rays(angles, mirrored, fov_deg, strains)
    return place[:, None, None, None] + rays[:, None] * depth[:, :, None, None, None]


def camera_axes(angles: Tensor) -> Tensor:
    """(B, 3, 3) from camera to world, columns right, up and back; angles (B, 3) as for `frustum`."""
    cos_e, sin_e, cos_a, sin_a = (
        f(x) for x in angles.float()[:, :2].unbind(1) for f in (torch.cos, torch.sin)
    )
    back = torch.stack([cos_e * cos_a, cos_e * sin_a, sin_e], -1)
    right = torch.stack([-sin_a, cos_a, torch.zeros_like(sin_a)], -1)
    return torch.stack([right, torch.cross(back, right, dim=-1), back], -1)


def reach(pictures: Tensor) -> np.ndarray:
    """(B, 2) how far from the middle pictures (B, 4, S, S) show something, along u and v, shares of the half side."""
    size = pictures.shape[-1]
    away = ((torch.arange(size) + 0.5) / size * 2 - 1).abs()
    shown = pictures[:, 3] > 0
    return torch.stack([(shown.any(axis) * away).amax(1) for axis in (1, 2)], dim=1).numpy()


def spans(solids: Tensor, angles: Tensor) -> np.ndarray:
    """(B, 3) sides of boxes around solids (B, N, N, N), turned with the camera: right, up and viewing axis."""
    sides = []
    for axes in ((2, 3), (1, 3), (1, 2)):
        there = solids.amax(axes) > FAINT
        sides.append(there.sum(1) / there.shape[1])
    along = torch.stack(sides, dim=1).clamp_min(1 / solids.shape[1])  # (B, 3)
    turned = camera_axes(angles).abs()  # columns right, up, back
    return torch.einsum("bk,bkc->bc", along, turned).numpy()
