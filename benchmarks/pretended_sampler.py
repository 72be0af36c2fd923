"""A sampler that is pretended: Zero-1-to-3's own sampling loop around networks that know the object.

From noise they make the true view, bent and tinted by smooth random fields. Half of the fields' variance belongs to the
view, whatever the seed, half is decided by the noise: of pictures bent and tinted in all such ways the network predicts
the mean of those that fit what it sees, as a trained one does.
"""

from __future__ import annotations

import zlib
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2mesh.core.camera import orbit_camera
from img2mesh.evaluate.ground_truth import Truth, render_truth
from img2mesh.evaluate.protocol import DISTANCE, ELEVATION
from img2mesh.models.architecture import SCHEDULER
from img2mesh.models.camera_projection import pose_features
from img2mesh.models.pose_embedding import demo_pose
from img2mesh.models.preprocess import to_network
from img2mesh.models.schedule import alpha_bars
from img2mesh.models.zero123 import Zero123

# Root mean squares and correlation lengths (of a Gaussian), as shares of the picture and of full scale:
# `agreement.py DRAWN --calibrate`.
BENT, BENT_OVER = 0.009, 0.16
TINTED, TINTED_OVER = 0.032, 0.20
OWN = 0.5  # share of the variance that belongs to the view, not to the seed
SIDE, COARSE = 128, 64  # pixels of the pretended latents, and of those on which the fields are estimated
CONTRAST = 0.25  # of the latents: a field then stands out of the noise as among 32 x 32 latents of contrast 1


def smooth_basis(modes: int, length: float, amplitude: float, side: int) -> Tensor:
    """(modes^2, side, side) cosines whose unit Gaussian mixture has this deviation and correlation length."""
    place = (torch.arange(side) + 0.5) / side
    k = torch.arange(modes)
    waves = torch.cos(torch.pi * k[:, None] * place)  # (M, side)
    power = torch.exp(-0.25 * (torch.pi * length * k) ** 2)
    both = torch.einsum("m,n,my,nx->mnyx", power, power, waves, waves).flatten(0, 1)
    return both * amplitude / both.square().sum(0).mean().sqrt()


class PretendedUNet(nn.Module):
    """Predicts the mean picture, given a noisy one, of a true view that is bent and tinted at random."""

    def __init__(self, scheduler: dict, times: float) -> None:
        super().__init__()
        self.config = SimpleNamespace(class_embed_type="projection")
        self.bars = alpha_bars(scheduler)
        self.bend = smooth_basis(5, BENT_OVER, times * BENT, SIDE)
        self.tint = smooth_basis(4, TINTED_OVER, times * TINTED, SIDE)
        self.truths: dict[bytes, tuple[Tensor, Tensor]] = {}
        self.drawn = torch.randn(2, 2 * len(self.bend) + 3 * len(self.tint), generator=_random(1))

    def learn(self, features: Tensor, pictures: Tensor, seed: int) -> None:
        """The true pictures (n, 4, SIDE, SIDE) in [-1, 1] of views with these pose features, and their own errors."""
        for i, (feature, picture) in enumerate(zip(features, pictures, strict=True)):
            own = OWN**0.5 * torch.randn(self.drawn.shape[1], generator=_random(1000 * seed + i))
            self.truths[_key(feature)] = (picture, own)

    def spoilt(self, truth: Tensor, fields: Tensor) -> Tensor:
        """(k, 4, SIDE, SIDE) of fields (k, D)."""
        k, count = len(fields), len(self.bend)
        shift = torch.einsum("kcn,nyx->kyxc", fields[:, : 2 * count].reshape(k, 2, count), self.bend)
        axis = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1) + 2 * shift
        bent = F.grid_sample(truth.expand(k, -1, -1, -1), grid, padding_mode="border", align_corners=False)
        tint = torch.einsum("kcn,nyx->kcyx", fields[:, 2 * count :].reshape(k, 3, -1), self.tint)
        cover = (bent[:, 3:] + 1) / 2
        return torch.cat([(bent[:, :3] + 2 * tint * cover).clamp(-1, 1), bent[:, 3:]], dim=1)

    def slopes(self, truth: Tensor, fields: Tensor) -> tuple[Tensor, Tensor]:
        """The picture at fields (D,) and its derivatives (D, 4 * COARSE^2), coarse."""
        picture = _coarse(self.spoilt(truth, fields[None]))[0]
        bend, tint = (_coarse(basis[None])[0] for basis in (self.bend, self.tint))
        down, right = torch.gradient(picture, dim=(1, 2))
        across = [step[None] * COARSE * bend[:, None] for step in (right, down)]
        cover = (picture[3] + 1) / 2
        coloured = torch.zeros(3, len(tint), 4, COARSE, COARSE)
        for channel in range(3):
            coloured[channel, :, channel] = 2 * tint * cover
        return picture.flatten(), torch.cat([*across, *coloured]).flatten(1)

    def forward(self, x: Tensor, times: Tensor, context: Tensor, class_labels: Tensor):
        bar = float(self.bars[int(times[0])])
        return SimpleNamespace(
            sample=torch.stack(
                [
                    self.predicted(noisy[:4], bar, *self.truths[_key(label)])
                    for noisy, label in zip(x, class_labels, strict=True)
                ]
            )
        )

    def predicted(self, noisy: Tensor, bar: float, truth: Tensor, own: Tensor) -> Tensor:
        """Gauss-Newton to the likeliest fields, then the mean picture of fields drawn about them (Laplace)."""
        seen = _coarse(noisy[None])[0].flatten() / (CONTRAST * bar**0.5)
        variance = (1 - bar) / (bar * CONTRAST**2) * (COARSE / SIDE) ** 2  # of a coarse pixel
        fields = own
        for _ in range(3):
            picture, slopes = self.slopes(truth, fields)
            precision = slopes @ slopes.T / variance + torch.eye(len(own)) / (1 - OWN)
            pull = slopes @ (seen - picture + fields @ slopes) / variance + own / (1 - OWN)
            fields = torch.linalg.solve(precision, pull)
        root = torch.linalg.cholesky(precision)
        offsets = torch.linalg.solve_triangular(root.T, self.drawn.T, upper=True).T
        return CONTRAST * self.spoilt(truth, torch.cat([fields + offsets, fields - offsets])).mean(0)


class PretendedVAE(nn.Module):
    """Latents are the picture at half its size."""

    config = SimpleNamespace(in_channels=4, out_channels=4, latent_channels=4, scaling_factor=CONTRAST)

    def encode(self, x: Tensor):
        small = F.avg_pool2d(x, 2)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: small))

    def decode(self, z: Tensor):
        return SimpleNamespace(sample=F.interpolate(z, scale_factor=2, mode="bilinear", align_corners=False))


class Nothing(nn.Module):
    """Image encoder and camera projection that nobody listens to."""

    config = SimpleNamespace(image_size=32, patch_size=32, tokens="class")

    def forward(self, *given, pixel_values=None):
        return SimpleNamespace(image_embeds=torch.zeros(1, 1)) if pixel_values is not None else given[0]


class Pretended(Zero123):
    """Zero-1-to-3's sampling loop around networks that know the object."""

    def draw(self, image_rgba, directions, **options):
        directions = np.asarray(directions)
        cameras = [orbit_camera(ELEVATION + e, a, self.distance, self.fov_deg) for e, a in directions]
        pictures = torch.cat([to_network(render_truth(self.truth, camera))[None] for camera in cameras])
        poses = np.stack([demo_pose(-e, a) for e, a in directions])
        features = pose_features(torch.from_numpy(poses).float())
        self.unet.learn(features, F.avg_pool2d(pictures, 2), zlib.crc32(self.truth.name.encode()) % 9973)
        return super().draw(image_rgba, directions, **options)


def pretended(truth: Truth, times: float) -> Zero123:
    """A sampler of one object at the protocol's distance."""
    scheduler = {**SCHEDULER, "prediction_type": "sample"}
    model = Pretended(
        PretendedUNet(scheduler, times),
        PretendedVAE(),
        Nothing(),
        Nothing(),
        scheduler,
        name="pretended",
        distance=DISTANCE,
        default_steps=20,
        default_guidance=1.0,
    )
    model.truth = truth
    return model


def _random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _key(feature: Tensor) -> bytes:
    return (feature.float() * 1e4).round().to(torch.int32).numpy().tobytes()


def _coarse(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, SIDE // COARSE)
