"""How symmetric objects are: the overlap of a solid with its mirror image, for vertical planes all round."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.models.occupancy import PLANES

FAINT = 0.1  # share of a cell from which it counts as inside


def mirror_overlaps(solid: Tensor, angles: np.ndarray) -> np.ndarray:
    """(n,) float32 overlap in [0, 1] of a solid with its mirror image: their intersection's volume over their union's.

    Args:
        solid: (N, N, N), axes x, y, z, how much of a cell is inside, in [0, 1].
        angles: (n,) azimuths, radians, of the planes' horizontal normals. The planes go through the solid's centroid,
            as every plane of symmetry does.
    """
    count = len(solid)
    cells = torch.nonzero(solid > FAINT)
    if not len(cells):
        return np.zeros(len(angles), np.float32)
    share = solid[tuple(cells.T)]
    points = (cells.float() + 0.5) / count * 2 - 1
    centred = points - (points * share[:, None]).sum(0) / share.sum()
    normals = torch.from_numpy(np.stack([np.cos(angles), np.sin(angles), 0 * angles], -1)).float()  # (n, 3)
    away = centred @ normals.T  # (M, n)
    mirrored = points[:, None] - 2 * away[..., None] * normals
    found = F.grid_sample(solid[None, None], mirrored.flip(-1)[None, :, :, None], align_corners=False)
    common = torch.minimum(found[0, 0, :, :, 0], share[:, None]).sum(0)
    return (common / (2 * share.sum() - common)).numpy()


def seen_overlaps(overlaps: np.ndarray, azimuth: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """(B, PLANES) of (B, n) overlaps for normals evenly spaced over half a turn: those of `occupancy.Guess.symmetry`.

    Args:
        azimuth: (B,) of the pictures' cameras, radians.
        mirrored: (B,) bool; a mirrored picture's azimuths run the other way.
    """
    count = overlaps.shape[1]
    angle = azimuth[:, None] + np.where(mirrored, -1, 1)[:, None] * np.arange(PLANES) * np.pi / PLANES
    place = angle / np.pi * count
    low = np.floor(place).astype(int)
    share, row = place - low, np.arange(len(overlaps))[:, None]
    return ((1 - share) * overlaps[row, low % count] + share * overlaps[row, (low + 1) % count]).astype(
        np.float32
    )
