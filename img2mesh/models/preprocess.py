"""Between uint8 RGBA pictures and what the networks see and say."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.errors import Img2MeshError

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

# A decoder never says exactly 0 or 1; alphas nearer than this to either end count as the end.
ALPHA_MARGIN = 0.02


def check_request(image_rgba: np.ndarray, guidance: float, multiple: int = 1) -> np.ndarray:
    """A sampler's picture as an array: square, (S, S, 4) uint8, S a multiple of `multiple`.

    Raises:
        Img2MeshError: another picture, or a guidance that is no number from 0 up.
    """
    image_rgba = np.asarray(image_rgba)
    if image_rgba.ndim != 3 or image_rgba.shape[2] != 4 or image_rgba.dtype != np.uint8:
        raise Img2MeshError(
            f"The sampler wants an RGBA picture of uint8, not {image_rgba.shape} of {image_rgba.dtype}."
        )
    if image_rgba.shape[0] != image_rgba.shape[1]:
        raise Img2MeshError(f"The sampler's picture must be square, not {image_rgba.shape[:2]}.")
    if image_rgba.shape[0] % multiple:
        raise Img2MeshError(
            f"The sides of the sampler's picture must be multiples of {multiple}, not {image_rgba.shape[0]}."
        )
    if not np.isfinite(guidance) or guidance < 0:
        raise Img2MeshError(f"Guidance must be a number from 0 up, not {guidance}.")
    return image_rgba


def to_network(rgba: np.ndarray) -> Tensor:
    """(..., H, W, 4) uint8 straight alpha to (..., 4, H, W) float32 in [-1, 1], colour on white."""
    x = torch.from_numpy(np.array(rgba, order="C")).movedim(-1, -3).float() / 255
    alpha = x[..., 3:, :, :]
    return torch.cat([x[..., :3, :, :] * alpha + (1 - alpha), alpha], dim=-3) * 2 - 1


def clip_pixels(rgb: Tensor, size: int) -> Tensor:
    """(B, 3, H, W) in [-1, 1] to the image encoder's (B, 3, size, size).

    Bicubic with aligned corners and without antialiasing, on [-1, 1], then CLIP's mean and deviation, no
    clamp: the published code's own preprocessing, which differs from every CLIP image processor's.
    """
    rgb = F.interpolate(rgb.float(), (size, size), mode="bicubic", align_corners=True, antialias=False)
    mean = torch.tensor(CLIP_MEAN, device=rgb.device).view(1, 3, 1, 1)
    std = torch.tensor(CLIP_STD, device=rgb.device).view(1, 3, 1, 1)
    return ((rgb + 1) / 2 - mean) / std


def from_network(decoded: Tensor, truncate: bool = False) -> np.ndarray:
    """(B, 3 or 4, H, W) in about [-1, 1] to (B, H, W, 4) uint8 with straight alpha.

    Three channels give alpha 255 everywhere. Four are colour on white and alpha: the white is taken out of
    the colour again, C = a F + (1 - a), where alpha is large enough to say anything about F.

    Args:
        truncate: drop the fraction, as the published demo does, instead of rounding.
    """
    x = ((decoded.float() + 1) / 2).clamp(0, 1)
    if x.shape[1] == 4:
        alpha = ((x[:, 3:] - ALPHA_MARGIN) / (1 - 2 * ALPHA_MARGIN)).clamp(0, 1)
        colour = ((x[:, :3] - (1 - alpha)) / alpha.clamp(min=1 / 255)).clamp(0, 1)
        # Where alpha is next to nothing the quotient is noise: keep the colour as decoded there.
        trust = (alpha / 0.1).clamp(max=1)
        x = torch.cat([torch.lerp(x[:, :3], colour, trust), alpha], dim=1)
    else:
        x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    x = x * 255 if truncate else (x * 255).round()
    return np.ascontiguousarray(x.to(torch.uint8).movedim(1, -1).cpu().numpy())
