"""Every view encoded once: latents for the denoiser and thumbnails for the image encoder, kept on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from img2mesh.models.preprocess import to_network
from img2mesh.train.dataset import RenderSet

VARIANTS = 4  # of a `ViewCache`: plain, mirrored, recoloured, mirrored and recoloured


def is_mirrored(variant: int) -> bool:
    """Whether a variant shows the mirrored object, whose azimuths run the other way round."""
    return variant % 2 == 1


def recolour(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same random change of hue order, gain and gamma for all of an object's views (n, H, W, 4) uint8."""
    out = images.astype(np.float32) / 255
    if rng.random() < 0.5:
        out[..., :3] = out[..., rng.permutation(3)]
    gain, gamma = rng.uniform(0.8, 1.2, 3), rng.uniform(0.75, 1.3)
    out[..., :3] = np.clip(out[..., :3] ** gamma * gain, 0, 1)
    return (out * 255 + 0.5).astype(np.uint8)


class ViewCache:
    """Latents and thumbnails of a dataset's views in four variants, encoded when first asked for.

    Args:
        folder: parent of the cache; the autoencoder's fingerprint names the folder inside, so that another
            autoencoder never meets these latents.
        data: the objects; the cache belongs to this list of them.
        vae: the frozen autoencoder.
        size: side of the thumbnails, the image encoder's input.
    """

    variants = VARIANTS

    def __init__(self, folder: Path, data: RenderSet, vae: AutoencoderKL, size: int) -> None:
        self.data, self.vae, self.size = data, vae, size
        self.offsets = np.concatenate([[0], np.cumsum([len(o.places) for o in data.objects])])
        count = int(self.offsets[-1])
        digest = hashlib.sha256(json.dumps([o.id for o in data.objects]).encode())
        for key, value in sorted(vae.encoder.state_dict().items()):
            digest.update(key.encode() + value.float().cpu().numpy().tobytes())
        digest.update(vae.quant_conv.weight.detach().float().cpu().numpy().tobytes())
        place = Path(folder) / f"latents-{digest.hexdigest()[:12]}-{size}"
        place.mkdir(parents=True, exist_ok=True)
        self.latents = open_array(place / "latents.npy", (count, VARIANTS, 4, 32, 32), np.float16)
        self.thumbs = open_array(place / "thumbs.npy", (count, VARIANTS, size, size, 3), np.uint8)
        self.done = open_array(place / "done.npy", (count, VARIANTS), np.bool_)

    def get(self, items: np.ndarray, views: np.ndarray, variants: np.ndarray) -> tuple[Tensor, Tensor]:
        """Latents (B, 4, 32, 32) float32, unscaled mode, and thumbnails (B, 3, size, size) in [-1, 1]."""
        rows = self.offsets[items] + views
        missing = np.flatnonzero(~self.done[rows, variants])
        if len(missing):
            self._encode(items[missing], views[missing], variants[missing])
        latents = torch.from_numpy(self.latents[rows, variants].astype(np.float32))
        thumbs = torch.from_numpy(self.thumbs[rows, variants]).permute(0, 3, 1, 2).float() / 127.5 - 1
        return latents, thumbs

    def _picture(self, item: int, view: int, variant: int) -> np.ndarray:
        image = self.data.read(item, view)
        if variant >= 2:
            seed = int.from_bytes(hashlib.sha256(self.data.objects[item].id.encode()).digest()[:4], "big")
            image = recolour(image[None], np.random.default_rng([seed, variant]))[0]
        return image[:, ::-1] if is_mirrored(variant) else image

    @torch.no_grad()
    def _encode(self, items: np.ndarray, views: np.ndarray, variants: np.ndarray) -> None:
        triples = sorted(set(zip(items.tolist(), views.tolist(), variants.tolist(), strict=True)))
        device = self.vae.device
        for start in range(0, len(triples), 16):
            part = triples[start : start + 16]
            images = to_network(np.stack([self._picture(*triple) for triple in part])).to(device)
            with torch.autocast(device.type, torch.bfloat16):
                modes = self.vae.encode(images).latent_dist.mode()
            thumbs = F.interpolate(  # the image encoder's own resize; the same size later changes nothing
                images[:, :3], (self.size, self.size), mode="bicubic", align_corners=True
            ).clamp(-1, 1)
            stored = ((thumbs + 1) * 127.5 + 0.5).byte().permute(0, 2, 3, 1).cpu().numpy()
            for (item, view, variant), latent, thumb in zip(
                part, modes.float().cpu().numpy(), stored, strict=True
            ):
                row = self.offsets[item] + view
                self.latents[row, variant], self.thumbs[row, variant] = latent, thumb
                self.done[row, variant] = True


def open_array(path: Path, shape: tuple[int, ...], kind: type) -> np.ndarray:
    """A sparse array on disk, zeros where nothing was written."""
    if path.is_file():
        array = np.lib.format.open_memmap(path, mode="r+")
        if array.shape == shape:
            return array
    return np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
