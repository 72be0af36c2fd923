"""NeuS volume rendering of a signed distance (Wang et al. 2021, "NeuS", section 3) with few samples per ray."""

from __future__ import annotations

import torch
from torch import Tensor


def section_alphas(sdf: Tensor, sharpness: float) -> Tensor:
    """Opacity of the sections between consecutive samples of each ray, NeuS equation 13.

    Args:
        sdf: (R, K) signed distances at increasing depths.
        sharpness: s of the logistic function; 1 / s is about the thickness of the surface in world units.

    Returns:
        (R, K - 1) in [0, 1].
    """
    inside = torch.sigmoid(sdf * sharpness)
    return ((inside[:, :-1] - inside[:, 1:]) / (inside[:, :-1] + 1e-6)).clamp(0, 1)


def ray_weights(alpha: Tensor) -> Tensor:
    """(R, K) opacities to (R, K) shares of the ray's light: alpha_i times the transmittance before it."""
    passed = torch.cumprod(1 - alpha + 1e-7, dim=1)
    return alpha * torch.cat([torch.ones_like(passed[:, :1]), passed[:, :-1]], dim=1)


def composite(sdf: Tensor, colour: Tensor, sharpness: float) -> tuple[Tensor, Tensor]:
    """Colour (R, 3), premultiplied, and opacity (R,) of rays sampled at K depths.

    Args:
        sdf: (R, K).
        colour: (R, K, 3); a section takes the mean of its ends.
    """
    weights = ray_weights(section_alphas(sdf, sharpness))  # (R, K - 1)
    middle = (colour[:, :-1] + colour[:, 1:]) / 2
    return (weights[..., None] * middle).sum(1), weights.sum(1)


@torch.no_grad()
def importance_depths(
    depths: Tensor, sdf: Tensor, sharpness: float, count: int, spread: float, jitter: Tensor
) -> Tensor:
    """Depths for the exact samples, drawn where a cheap approximation of the field has its surface.

    Args:
        depths: (R, M) increasing depths of the approximation's samples.
        sdf: (R, M) its signed distances.
        sharpness: for its section weights.
        count: samples wanted per ray, K.
        spread: share of the samples that goes evenly over the part of the ray inside the shape, so that
            a surface further in can still be found.
        jitter: (R, 1) or (R, K) in [0, 1): where in its stratum each sample lies.

    Returns:
        (R, K) increasing depths.
    """
    alpha = section_alphas(sdf, sharpness)
    weights = ray_weights(alpha)
    weights = weights + 0.5 * torch.nn.functional.pad(weights[:, 1:], (0, 1))
    weights = weights + 0.5 * torch.nn.functional.pad(weights[:, :-1], (1, 0))
    floor = torch.sigmoid(-(sdf[:, :-1] - 0.01) * 200)
    total = weights.sum(1, keepdim=True).clamp_min(1e-6)
    even = floor / floor.sum(1, keepdim=True).clamp_min(1e-6)
    density = weights / total * (1 - spread) + even * spread + 1e-5
    cumulative = torch.cumsum(density, dim=1)
    cumulative = torch.nn.functional.pad(cumulative / cumulative[:, -1:], (1, 0))  # (R, M)
    wanted = (torch.arange(count, device=sdf.device) + jitter) / count
    above = torch.searchsorted(cumulative, wanted.contiguous()).clamp(1, depths.shape[1] - 1)
    low, high = cumulative.gather(1, above - 1), cumulative.gather(1, above)
    share = ((wanted - low) / (high - low).clamp_min(1e-9)).clamp(0, 1)
    start, end = depths.gather(1, above - 1), depths.gather(1, above)
    return start + share * (end - start)
