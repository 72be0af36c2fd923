"""Views for latents that are just smaller pictures: recoloured and mirrored anew at every draw, after encoding.

An untrained `pooled` autoencoder's latents are 8 x 8 means of colour and alpha, each channel bent by a slight curve
(`train.pooled`). A linear change of colours commutes with means, so one small copy of each view serves any number
of variants, where a learned encoder would have to see every one of them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from img2mesh.train.dataset import RenderSet
from img2mesh.train.latents import is_mirrored, open_array
from img2mesh.zero123.images import to_network

FITTED_ON = 64  # pictures that the channels' curves are fitted on


def colour_change(seed: int) -> np.ndarray:
    """A random linear map of straight sRGB values, (3, 3) float32, rows summing to at most 1.

    Channels in another order, partly towards grey, each with a gain of its own; three in ten change nothing.
    """
    rng = np.random.default_rng([seed, 3])
    change = np.eye(3)
    if rng.random() < 0.3:
        return change.astype(np.float32)
    if rng.random() < 0.6:
        change = change[rng.permutation(3)]
    if rng.random() < 0.2:
        grey = rng.uniform(0, 1)
        change = (1 - grey) * change + grey / 3
    change = np.diag(rng.uniform(0.7, 1.1, 3)) @ change
    return (change / max(1.0, change.sum(1).max())).astype(np.float32)


def recolour_white(x: Tensor, changes: Tensor) -> Tensor:
    """Apply colour maps (N, 3, 3) to colours on white with alpha, (N, 4, H, W) in [-1, 1]; the white stays."""
    white = (1 - x[:, 3:]) / 2
    colour = torch.einsum("nij,njhw->nihw", changes, (x[:, :3] + 1) / 2 - white)
    return torch.cat([(colour + white) * 2 - 1, x[:, 3:]], dim=1)


class PooledViews:
    """Drop-in for `latents.ViewCache` where `vae` is an untrained pooled autoencoder.

    Args:
        folder: parent of the cache on disk, one small RGBA copy of a view each, filled when first asked for.
        data: the objects; the cache belongs to this list of them.
        vae: the autoencoder, whose encoder fixes the curves from pooled pictures to latents.
        size: side of the thumbnails, the image encoder's input.
    """

    variants = 2**31  # 2 s + 1 is 2 s mirrored; every s > 0 is another recolouring

    def __init__(self, folder: Path, data: RenderSet, vae: AutoencoderKL, size: int) -> None:
        self.data, self.size = data, size
        self.offsets = np.concatenate([[0], np.cumsum([len(o.places) for o in data.objects])])
        digest = hashlib.sha256(json.dumps([o.id for o in data.objects]).encode()).hexdigest()
        place = Path(folder) / f"pooled-{digest[:12]}-{size}"
        place.mkdir(parents=True, exist_ok=True)
        count = int(self.offsets[-1])
        self.pooled = open_array(place / "pooled.npy", (count, 4, 32, 32), np.float16)
        self.thumbs = open_array(place / "thumbs.npy", (count, 4, size, size), np.uint8)
        self.done = open_array(place / "done.npy", (count,), np.bool_)
        self.curves = self._fit(vae)  # (4, 3): square, linear and constant term of each channel

    def get(self, items: np.ndarray, views: np.ndarray, variants: np.ndarray) -> tuple[Tensor, Tensor]:
        """Latents (B, 4, 32, 32) float32, unscaled, and thumbnails (B, 3, size, size) in [-1, 1]."""
        rows = self.offsets[items] + views
        self._fill(items, views, rows)
        mirrored = torch.tensor([is_mirrored(int(v)) for v in variants])[:, None, None, None]
        kinds, index = np.unique(np.asarray(variants) // 2, return_inverse=True)
        changes = np.stack([colour_change(int(k)) if k else np.eye(3, dtype=np.float32) for k in kinds])
        changes = torch.from_numpy(changes)[torch.from_numpy(index)]
        pooled = recolour_white(torch.from_numpy(self.pooled[rows].astype(np.float32)), changes)
        thumbs = recolour_white(torch.from_numpy(self.thumbs[rows]).float() / 127.5 - 1, changes)[:, :3]
        latents = self._latents(torch.where(mirrored, pooled.flip(-1), pooled))
        return latents, torch.where(mirrored, thumbs.flip(-1), thumbs)

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

    def _fill(self, items: np.ndarray, views: np.ndarray, rows: np.ndarray) -> None:
        for i in np.flatnonzero(~self.done[rows]):
            x = to_network(self.data.read(int(items[i]), int(views[i]))[None])
            thumb = F.interpolate(  # the image encoder's own resize (facts 1.4); the same size later changes nothing
                x, (self.size, self.size), mode="bicubic", align_corners=True
            ).clamp(-1, 1)
            self.pooled[rows[i]] = F.avg_pool2d(x, 8)[0].numpy()
            self.thumbs[rows[i]] = ((thumb[0] + 1) * 127.5 + 0.5).byte().numpy()
            self.done[rows[i]] = True
