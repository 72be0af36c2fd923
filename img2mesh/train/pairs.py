"""Batches of (input view, target views, relative poses), drawn deterministically by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from img2mesh.train.downsampled_cache import PooledViews
from img2mesh.train.latent_cache import ViewCache, is_mirrored

INPUT_ELEVATIONS = (-0.1, 0.9)  # radians; photos are rarely taken from below or straight above
USUAL = (
    -0.15,
    0.85,
)  # radians; where the main job asks for views, and targets are drawn three times as often


@dataclass
class PairBatch:
    """A batch of I inputs with K targets each; targets i * K ... i * K + K - 1 belong to input i.

    Attributes:
        thumbs: (I, 3, S, S) input pictures in [-1, 1] at the image encoder's size.
        conditions: (I, 4, 32, 32) unscaled latents of the inputs.
        targets: (I * K, 4, 32, 32) unscaled latents of the targets.
        poses: (I * K, 4) relative poses (docs/conventions.md).
        places: (I * K, 2) item and view of each target.
    """

    thumbs: Tensor
    conditions: Tensor
    targets: Tensor
    poses: Tensor
    places: np.ndarray

    def to(self, device: torch.device) -> PairBatch:
        """The same batch on another device."""
        thumbs, conditions, targets, poses = (
            x.to(device) for x in (self.thumbs, self.conditions, self.targets, self.poses)
        )
        return PairBatch(thumbs, conditions, targets, poses, self.places)


def pose_between(condition: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Zero-1-to-3 pose of (elevation, azimuth, radius) rows: (..., 4) float32 (docs/conventions.md)."""
    d = target[..., 1] - condition[..., 1]
    polar = condition[..., 0] - target[..., 0]
    return np.stack([polar, np.sin(d), np.cos(d), target[..., 2] - condition[..., 2]], -1).astype(np.float32)


class PairSampler:
    """Draws batches; the batch of a step depends on the seed and the step only, so a resumed run sees the same.

    Args:
        cache: encoded views of the training objects.
        inputs, targets: input views per batch and target views per input.
        augment: draw mirrored and recoloured variants too; mirroring flips the azimuth difference.
    """

    def __init__(
        self,
        cache: ViewCache | PooledViews,
        inputs: int,
        targets: int,
        seed: int,
        augment: bool = True,
    ) -> None:
        self.cache, self.inputs, self.targets, self.seed = cache, inputs, targets, seed
        self.augment = augment
        self.probabilities = cache.data.probabilities()

    def batch(self, step: int, worker: int = 0) -> PairBatch:
        """The batch of a step; every worker's is another one."""
        rng = np.random.default_rng([self.seed, 2, step, worker] if worker else [self.seed, 2, step])
        objects = self.cache.data.objects
        items, views, variants, poses = [], [], [], []
        for item in rng.choice(len(objects), size=self.inputs, p=self.probabilities):
            angles = objects[item].angles
            usual = np.flatnonzero(between(angles[:, 0], INPUT_ELEVATIONS))
            source = int(rng.choice(usual if len(usual) else len(angles)))
            others = np.delete(np.arange(len(angles)), source)
            share = np.where(between(angles[others, 0], USUAL), 3.0, 1.0)
            chosen = rng.choice(
                others, self.targets, replace=len(others) < self.targets, p=share / share.sum()
            )
            variant = int(rng.integers(self.cache.variants)) if self.augment else 0
            pose = pose_between(angles[source], angles[chosen])
            if is_mirrored(variant):
                pose[:, 1] *= -1
            views += [source, *chosen]
            items += [item] * (self.targets + 1)
            variants += [variant] * (self.targets + 1)
            poses.append(pose)
        latents, thumbs = self.cache.get(np.array(items), np.array(views), np.array(variants))
        places = np.stack([items, views], axis=-1).reshape(self.inputs, self.targets + 1, 2)[:, 1:]
        latents = latents.view(self.inputs, self.targets + 1, *latents.shape[1:])
        return PairBatch(
            thumbs[:: self.targets + 1],
            latents[:, 0],
            latents[:, 1:].flatten(0, 1),
            torch.from_numpy(np.concatenate(poses)),
            places.reshape(-1, 2),
        )


def between(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    return (values >= limits[0]) & (values <= limits[1])


def drop_conditions(count: int, probability: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which samples lose which condition (docs/zero123.md): (count,) bool `no_tokens`, `no_latent`.

    One uniform number r per sample: [0, p) loses the tokens, [p, 2p) both, [2p, 3p) the concatenated latent.
    """
    r = torch.rand(count, generator=generator)
    return r < 2 * probability, (r >= probability) & (r < 3 * probability)
