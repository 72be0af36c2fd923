"""A coarse, coloured solid that explains pictures which contradict each other a little, and its pictures.

The shape is the tolerant hull of the silhouettes (`core.visual_hull`). Silhouettes that are bent at random carve more
than they add, so its level is raised until the solid's outlines are as large as the views' together. Colours are means
over the pictures that see a place, each by how squarely it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.core.camera import Camera
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.visual_hull import visual_hull

CELLS = 48  # along the longest side of the solid's box
DENYING = 1.2  # views' worth of trust that may deny a point of the solid: one view
SAMPLES = 32  # along each ray
AROUND = 8  # pixels around a silhouette within which its solid is looked for
FURTHEST = 0.05  # world units by which the level may leave the hull
HIDDEN = 0.05  # world units behind a picture's surface from which a place is hidden there
EDGE = 1.5  # pixels around the outline that are drawn


@dataclass(frozen=True, eq=False)
class CoarseSolid:
    """The solid and what each camera sees of it.

    Attributes:
        grid: signed distance.
        points: (V, P, P, 3) float32 where each pixel's ray meets it, or comes nearest to it.
        depth: (V, P, P) float32 of these, along the viewing axis.
        gap: (V, P, P) float32 pixels between ray and solid; at most 0 where they meet.
    """

    grid: SdfGrid
    points: Tensor
    depth: Tensor
    gap: Tensor


def coarse_solid(alphas: Tensor, cameras: Sequence[Camera], say: np.ndarray) -> CoarseSolid:
    """The solid of V silhouettes.

    Args:
        alphas: (V, P, P) in [-1, 1], 1 inside.
        cameras: of P by P pixels.
        say: (V,) trust in each.
    """
    masks = (alphas.float().cpu().numpy() + 1) / 2
    tolerance = DENYING / max(float(np.sum(say)), 1.0)
    hull = visual_hull(list(masks), cameras, say.tolist(), CELLS, tolerance)
    sdf = torch.from_numpy(np.ascontiguousarray(hull.sdf)).to(alphas.device)
    near = (alphas.float() > 0).float()[:, None]
    for side in ((2 * AROUND + 1, 1), (1, 2 * AROUND + 1)):  # one after the other: a tenth of the time
        near = F.max_pool2d(near, side, 1, (side[0] // 2, side[1] // 2))
    around = near[:, 0] > 0
    found = [_along_rays(sdf, hull.bounds, c, a) for c, a in zip(cameras, around, strict=True)]
    values = torch.stack([value for value, _, _ in found])  # (V, K, P, P)
    least, at = values.min(1)
    wanted = int((masks > 0.5).sum())
    level = float(least.flatten().kthvalue(min(max(wanted, 1), least.numel())).values)
    level = min(max(level, -FURTHEST), FURTHEST)
    inside = values <= level
    first = torch.where(inside.any(1), inside.int().argmax(1), at)
    before = (first - 1).clamp(min=0)
    near, far = (values.gather(1, k[:, None])[:, 0] for k in (before, first))
    crossing = (first > 0) & (near > level) & (far <= level)
    share = torch.where(crossing, (near - level) / (near - far).clamp(min=1e-9), torch.ones_like(near))
    points, depths, gaps = [], [], []
    for view, camera in enumerate(cameras):
        _, depth, rays = found[view]
        z = depth[before[view]] + share[view] * (depth[first[view]] - depth[before[view]])
        origin = torch.tensor(camera.position, dtype=rays.dtype, device=rays.device)
        points.append(origin + rays * z[..., None])
        depths.append(z)
        gaps.append((least[view] - level) * camera.fl_x / z)
    return CoarseSolid(hull.grid, torch.stack(points), torch.stack(depths), torch.stack(gaps))


def rendered(solid: CoarseSolid, pictures: Tensor, cameras: Sequence[Camera], say: np.ndarray) -> Tensor:
    """What the solid, with the pictures' mean colours, looks like from their cameras: like `pictures`.

    Args:
        pictures: (V, 4, P, P) in [-1, 1]: colour on white, alpha.
        say: (V,) of each picture's colours.
    """
    alpha = (pictures[:, 3:] + 1) / 2
    white = 1 - alpha
    colour = (((pictures[:, :3] + 1) / 2 - white) / alpha.clamp(min=0.05)).clamp(0, 1)
    layers = torch.cat([colour, alpha, solid.depth[:, None]], dim=1)
    shown = solid.gap < EDGE  # (V, P, P)
    points = solid.points[shown]
    normals = _normals(solid.grid, points)
    total = torch.zeros(len(points), 3, device=points.device)
    weights = torch.full((len(points), 1), 1e-6, device=points.device)
    for camera, layer, trust in zip(cameras, layers, say, strict=True):
        pixels, depth = _projected(points, camera)
        at = (pixels / torch.tensor([camera.width, camera.height], device=points.device) * 2 - 1)[None, None]
        seen = F.grid_sample(layer[None], at, padding_mode="border", align_corners=False)[0, :, 0].T
        towards = torch.tensor(camera.position, dtype=points.dtype, device=points.device) - points
        facing = (F.normalize(towards, dim=-1) * normals).sum(-1).clamp(min=0) ** 2
        visible = ((depth < seen[:, 4] + HIDDEN) & (seen[:, 3] > 0.5)).to(points.dtype)
        weight = (float(trust) * facing * visible * seen[:, 3])[:, None]
        total += weight * seen[:, :3]
        weights += weight
    own = colour.movedim(1, -1)[shown]
    known = (weights > 0.02).to(points.dtype)
    drawn = torch.zeros_like(colour).movedim(1, -1)
    drawn[shown] = known * total / weights + (1 - known) * own
    cover = (0.5 - solid.gap).clamp(0, 1)[:, None]
    return torch.cat([drawn.movedim(-1, 1) * cover + 1 - cover, cover], dim=1) * 2 - 1


def _along_rays(
    sdf: Tensor, bounds: np.ndarray, camera: Camera, wanted: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(K, P, P) signed distances, their (K,) depths, and (P, P, 3) rays of length 1 along the viewing axis.

    Only at the `wanted` pixels (P, P); elsewhere the distances are 1.
    """
    corners = np.stack(np.meshgrid(*bounds.T, indexing="ij"), -1).reshape(-1, 3)
    reach = camera.project(corners)[1]
    depth = torch.linspace(max(float(reach.min()), 1e-3), float(reach.max()), SAMPLES, device=sdf.device)
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    local = np.stack([(u - camera.cx) / camera.fl_x, (camera.cy - v) / camera.fl_y, -np.ones_like(u)], -1)
    rays = torch.from_numpy((local @ camera.c2w[:3, :3].T).astype(np.float32)).to(sdf.device)
    low = torch.tensor(bounds[0], dtype=torch.float32, device=sdf.device)
    extent = torch.tensor(bounds[1] - bounds[0], dtype=torch.float32, device=sdf.device)
    origin = torch.tensor(camera.position, dtype=torch.float32, device=sdf.device)
    start, turn = (origin - low) / extent * 2 - 1, rays / extent * 2
    values = torch.ones(SAMPLES, *wanted.shape, device=sdf.device)
    values[:, wanted] = _sampled(sdf, start + depth[:, None, None] * turn[wanted])
    return values, depth, rays


def _sampled(sdf: Tensor, at: Tensor) -> Tensor:
    """Values of an (X, Y, Z) lattice at (..., 3) coordinates in [-1, 1]; beyond it its border continues."""
    found = F.grid_sample(
        sdf[None, None], at.flip(-1).reshape(1, 1, 1, -1, 3), padding_mode="border", align_corners=True
    )
    return found.reshape(at.shape[:-1])


def _normals(grid: SdfGrid, points: Tensor) -> Tensor:
    """(N, 3) unit gradients of the signed distance."""
    low, extent = (
        torch.tensor(x, dtype=torch.float32, device=points.device)
        for x in (grid.bounds[0], grid.bounds[1] - grid.bounds[0])
    )
    sdf = torch.from_numpy(np.ascontiguousarray(grid.sdf)).to(points.device)
    step = 1.5 * grid.spacing
    slopes = []
    for axis in range(3):
        shift = torch.zeros(3, device=points.device)
        shift[axis] = step
        ahead, behind = (_sampled(sdf, (points + s - low) / extent * 2 - 1) for s in (shift, -shift))
        slopes.append(ahead - behind)
    return F.normalize(torch.stack(slopes, -1), dim=-1)


def _projected(points: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
    """`Camera.project` in torch: (N, 2) pixels and (N,) depth."""
    turn = torch.tensor(camera.c2w[:3, :3], dtype=points.dtype, device=points.device)
    local = (points - torch.tensor(camera.position, dtype=points.dtype, device=points.device)) @ turn
    depth = (-local[:, 2]).clamp(min=1e-6)
    u = camera.cx + camera.fl_x * local[:, 0] / depth
    v = camera.cy - camera.fl_y * local[:, 1] / depth
    return torch.stack([u, v], -1), depth
