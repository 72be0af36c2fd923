"""A small RGBA copy of every view of a dataset, kept on disk; recoloured and mirrored anew at every draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.core.device import free_memory_gb
from img2mesh.models.preprocess import to_network
from img2mesh.train.dataset import RenderSet
from img2mesh.train.latent_cache import is_mirrored, open_array


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


# Of the free memory that pictures may take up; read from disk, random ones come ten times as slowly.
MEMORY_SHARE = 0.4


class Variation:
    """The changes of colour and side of some variants, to be made to any of their pictures."""

    def __init__(self, variants: np.ndarray) -> None:
        self.mirrored = torch.tensor([is_mirrored(int(v)) for v in variants])[:, None, None, None]
        kinds, index = np.unique(np.asarray(variants) // 2, return_inverse=True)
        changes = np.stack([colour_change(int(k)) if k else np.eye(3, dtype=np.float32) for k in kinds])
        self.changes = torch.from_numpy(changes)[torch.from_numpy(index)]

    def __call__(self, x: np.ndarray) -> Tensor:
        """(B, 4, H, W) in [-1, 1], colour on white and alpha, to the same varied."""
        changed = recolour_white(torch.from_numpy(x), self.changes)
        return torch.where(self.mirrored, changed.flip(-1), changed)


class SmallViews:
    """Pictures of `size` and pooled ones of 32 pixels of a dataset's views, made when first asked for.

    Args:
        folder: parent of the cache on disk.
        data: the objects; the cache belongs to this list of them.
        size: side of the pictures.
    """

    variants = 2**31  # 2 s + 1 is 2 s mirrored; every s > 0 is another recolouring

    def __init__(self, folder: Path, data: RenderSet, size: int) -> None:
        self.data, self.size = data, size
        self.offsets = np.concatenate([[0], np.cumsum([len(o.places) for o in data.objects])])
        place = Path(folder) / f"pooled-{data.key}-{size}"
        place.mkdir(parents=True, exist_ok=True)
        count = int(self.offsets[-1])
        self.pooled = open_array(place / "pooled.npy", (count, 4, 32, 32), np.float16)
        self.thumbs = open_array(place / "thumbs.npy", (count, 4, size, size), np.uint8)
        self.done = open_array(place / "done.npy", (count,), np.bool_)
        if self.done.all() and self.thumbs.nbytes < MEMORY_SHARE * 1e9 * (free_memory_gb() or 0):
            self.thumbs = np.array(self.thumbs)

    def pictures(self, items: np.ndarray, views: np.ndarray, variants: np.ndarray) -> Tensor:
        """(B, 4, size, size) in [-1, 1], colour on white and alpha, of views in variants."""
        return self._pictures(self.rows(items, views), Variation(variants))

    def _pictures(self, rows: np.ndarray, variation: Variation) -> Tensor:
        return variation(self.thumbs[rows].astype(np.float32) / 127.5 - 1)

    def rows(self, items: np.ndarray, views: np.ndarray) -> np.ndarray:
        """(B,) places of views in the cache, which holds them from now on."""
        rows = self.offsets[items] + views
        for i in np.flatnonzero(~self.done[rows]):
            x = to_network(self.data.read(int(items[i]), int(views[i]))[None])
            self.pooled[rows[i]] = F.avg_pool2d(x, x.shape[-1] // 32)[0].numpy()
            self.thumbs[rows[i]] = ((shrunk(x, self.size)[0] + 1) * 127.5 + 0.5).byte().numpy()
            self.done[rows[i]] = True
        return rows


def shrunk(x: Tensor, size: int) -> Tensor:
    """Pictures (B, C, H, W) in [-1, 1] at (size, size): the image encoder's own resize (`preprocess.clip_pixels`)."""
    return F.interpolate(x, (size, size), mode="bicubic", align_corners=True).clamp(-1, 1)
