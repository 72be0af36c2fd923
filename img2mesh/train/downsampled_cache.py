"""Views for latents that are just smaller pictures: recoloured and mirrored anew at every draw, after encoding.

An untrained `pooled` autoencoder's latents are 8 x 8 means of colour and alpha, each channel bent by a slight curve
(`train.average_pooling`). A linear change of colours commutes with means, so one small copy of each view serves any
number of variants, where a learned encoder would have to see every one of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from img2mesh.models.preprocess import to_network
from img2mesh.train.dataset import RenderSet
from img2mesh.train.image_cache import SmallViews, Variation

FITTED_ON = 64  # pictures that the channels' curves are fitted on


class PooledViews(SmallViews):
    """Drop-in for `latents.ViewCache` where `vae` is an untrained pooled autoencoder.

    Args:
        folder, data: as for `SmallViews`.
        vae: the autoencoder, whose encoder fixes the curves from pooled pictures to latents.
        size: side of the thumbnails, the image encoder's input.
    """

    def __init__(self, folder: Path, data: RenderSet, vae: AutoencoderKL, size: int) -> None:
        super().__init__(folder, data, size)
        self.curves = self._fit(vae)  # (4, 3): square, linear and constant term of each channel

    def get(self, items: np.ndarray, views: np.ndarray, variants: np.ndarray) -> tuple[Tensor, Tensor]:
        """Latents (B, 4, 32, 32) float32, unscaled, and thumbnails (B, 3, size, size) in [-1, 1]."""
        rows, variation = self.rows(items, views), Variation(variants)
        latents = self._latents(variation(self.pooled[rows].astype(np.float32)))
        return latents, self._pictures(rows, variation)[:, :3]

    def _latents(self, pooled: Tensor) -> Tensor:
        square, linear, constant = self.curves.T[:, None, :, None, None]
        return square * pooled * pooled + linear * pooled + constant

    @torch.no_grad()
    def _fit(self, vae: AutoencoderKL) -> Tensor:
        chosen = np.linspace(0, len(self.data) - 1, min(FITTED_ON, len(self.data))).astype(int)
        x = to_network(np.stack([self.data.read(int(item), 0) for item in chosen]))
        device = next(vae.parameters()).device
        latents = torch.cat([vae.encode(part.to(device)).latent_dist.mode().cpu() for part in x.split(8)])
        curves = []
        for pooled, latent in zip(F.avg_pool2d(x, 8).transpose(0, 1), latents.transpose(0, 1), strict=True):
            p = pooled.flatten()
            terms = torch.stack([p * p, p, torch.ones_like(p)], dim=1)
            curves.append(torch.linalg.lstsq(terms, latent.flatten()[:, None]).solution[:, 0])
        return torch.stack(curves)
