"""What one photo suggests about the whole body: a small second network beside a sampler's.

A sampler that is unsure draws the mean of what a view may look like, and means of silhouettes make poor hulls. This
network says directly how likely each point behind a pixel is to be inside of the object: a U-Net over the photo
whose output channels are depths (voxel tubes: Richter and Roth 2018, "Matryoshka Networks", section 3.1), and more
whose means are the photo's elevation, its uncertainty, and how symmetric the object is about upright planes. A model
folder holds it as `body/`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import UNet2DModel
from torch import Tensor

from img2mesh.models.preprocess import to_network

SIZE = 128  # pixels per side of the picture that it sees
CELLS = 32  # of its output along each axis
HALF = 0.72  # world units from the origin to the first and to the last depth, along the viewing axis
MIDDLE_DISTANCE = 1.85  # of the cameras it was trained with
PLANES = 24  # upright planes, evenly turned over half a turn, of whose symmetry it speaks
TOUCHED = 0.02  # share of a cell's pixels that the object covers, from which it may hold some of it
LOG_VARIANCE = (-6.0, 2.0)  # limits of the elevation's, radians squared


@dataclass(frozen=True, eq=False)
class Guess:
    """What a photo suggests.

    Attributes:
        occupancy: (D, H, W) float32 in [0, 1], the chance that a point is inside: for H x W pixels that share the
            photo's frame and D depths, evenly spaced cells between `distance` - `half` and `distance` + `half`.
        distance, half: world units along the viewing axis.
        elevation_deg, deviation_deg: of the photo's camera, and its standard deviation.
        symmetry: (P,) float32 in [0, 1], the expected overlap (IoU) of the object with its mirror image, for planes
            whose normals have the azimuth of the photo's camera and p / P of half a turn more (`docs/conventions.md`);
            P is 0 where the network says nothing of it.
    """

    occupancy: np.ndarray
    distance: float
    half: float
    elevation_deg: float
    deviation_deg: float
    symmetry: np.ndarray


def build_body(widths: tuple[int, ...], planes: int = PLANES) -> UNet2DModel:
    """The network with random weights; the last of the widths has attention. It speaks of so many planes."""
    n = len(widths)
    return UNet2DModel(
        sample_size=CELLS,
        in_channels=4 * (SIZE // CELLS) ** 2,
        out_channels=CELLS + 2 + planes,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=(*("DownBlock2D",) * (n - 1), "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", *("UpBlock2D",) * (n - 1)),
        norm_num_groups=8,
        attention_head_dim=32 if widths[-1] % 32 == 0 else 8,
    )


def body_output(
    net: UNet2DModel, pictures: Tensor, distances: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The network's answer to pictures (B, 4, SIZE, SIZE) in [-1, 1], colour on white and alpha.

    Args:
        distances: (B,) of the cameras, world units.

    Returns:
        Logits of the occupancy (B, CELLS, CELLS, CELLS), depth first; elevation (B,) in radians; its
        logarithmic variance (B,); logits of the overlap with mirror images (B, PLANES), or (B, 0) from a network that
        learned nothing of them.
    """
    folded = F.pixel_unshuffle(pictures, SIZE // CELLS)
    said = net(folded, (distances - MIDDLE_DISTANCE) * 1000).sample.float()
    means = said[:, CELLS:].mean(dim=(2, 3))  # the elevation, its variance, and the symmetries
    return said[:, :CELLS], means[:, 0], means[:, 1].clamp(*LOG_VARIANCE), means[:, 2:]


@torch.inference_mode()
def guess_body(net: UNet2DModel, image_rgba: np.ndarray, distance: float) -> Guess:
    """The network's guess for a photo (S, S, 4) uint8, straight alpha, taken from `distance`; float32 on the CPU.

    The mean of what it says of the photo and of its mirror image: over 34 held-out scans 0.007 of IoU better.
    """
    picture = shrunk(to_network(image_rgba)[None], SIZE)
    both = torch.cat([picture, picture.flip(-1)])
    logits, elevation, variance, symmetry = body_output(net, both, torch.tensor([distance, distance]))
    chance = torch.sigmoid(logits) * covered(both)
    spread = variance.exp().mean() + elevation.var(correction=0)
    plain, mirrored = torch.sigmoid(symmetry)
    overlaps = (plain + mirrored.roll(-1).flip(0)) / 2  # the other way round, from the same plane
    return Guess(
        ((chance[0] + chance[1].flip(-1)) / 2).numpy(),
        distance,
        HALF,
        float(np.degrees(elevation.mean().item())),
        float(np.degrees(spread.sqrt().item())),
        overlaps.numpy(),
    )


def covered(pictures: Tensor) -> Tensor:
    """(B, 1, CELLS, CELLS) 1 where pictures (B, 4, SIZE, SIZE) in [-1, 1] show some of the object, else 0.

    Nothing else can be inside, so nothing else was learned.
    """
    return (F.avg_pool2d((pictures[:, 3:] + 1) / 2, SIZE // CELLS) > TOUCHED).float()


def shrunk(x: Tensor, size: int) -> Tensor:
    """Pictures (B, C, H, W) in [-1, 1] at (size, size): the image encoder's own resize (docs/zero123.md)."""
    return F.interpolate(x, (size, size), mode="bicubic", align_corners=True).clamp(-1, 1)
