"""Solids of a dataset's objects: what is inside where that is known, else the hull of the silhouettes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.core.camera import FOV_DEG, orbit_camera
from img2mesh.synthetic.voxelize import SOLID
from img2mesh.train.dataset import RenderSet
from img2mesh.train.image_cache import SmallViews
from img2mesh.train.latent_cache import open_array

# A wall thinner than a cell shares every cell that it crosses with air; it is made this much thicker, or the network
# would never be sure of it. The surface of anything thicker moves out by a fifth of a cell.
THICKENED = 1.7
# Things whose ids have these words are mostly hollow: their hulls would teach that such things are filled.
HOLLOW = re.compile(
    r"bowl|mug|cups?(?![a-z])|(?<![a-z])pans?(?![a-z])|pot(?![a-z])"
    r"|basket|plate(?![a-z])|\bbin|crate|bucket|vase|tray|sink|tub(?![a-z])"
    r"|glass(?![a-z])|barrel|shelf|shelves|bookcase|cart(?![a-z])|boat|bath",
    re.IGNORECASE,
)


def misleading(data: RenderSet) -> np.ndarray:
    """(objects,) bool: whose hull says little of them, and whose inside is not known."""
    return np.array([item.solid is None and bool(HOLLOW.search(item.id)) for item in data.objects])


class Solids:
    """Soft solids of a dataset's objects: (SOLID, SOLID, SOLID) over [-0.5, 0.5]^3, made when first asked for.

    A hull, from a dozen directions, is little larger than its object, but never hollow.

    Args:
        folder: parent of the cache on disk.
        views: gives the silhouettes; fov_deg is that of their cameras.
    """

    def __init__(self, folder: Path, views: SmallViews, fov_deg: float = FOV_DEG) -> None:
        self.views, self.fov_deg = views, fov_deg
        count = len(views.data)
        place = Path(folder) / f"solids-{views.data.key}"
        place.mkdir(parents=True, exist_ok=True)
        self.solids = open_array(place / "solids.npy", (count, SOLID, SOLID, SOLID), np.uint8)
        self.done = open_array(place / "done.npy", (count,), np.bool_)

    def get(self, items: np.ndarray) -> Tensor:
        """(B, SOLID, SOLID, SOLID) float32 in [0, 1], axes x, y, z: how much of a cell is inside."""
        for item in np.unique(items):
            if not self.done[item]:
                known = self.views.data.solid(int(item))
                solid = self._hull(int(item)) * 255 if known is None else known * THICKENED
                self.solids[item] = np.round(np.minimum(solid, 255))
                self.done[item] = True
        return torch.from_numpy(self.solids[items].astype(np.float32) / 255)

    def _hull(self, item: int) -> np.ndarray:
        """The least alpha that any view has for a cell's centre."""
        angles = self.views.data.objects[item].angles
        rows = self.views.rows(np.full(len(angles), item), np.arange(len(angles)))
        alpha = torch.from_numpy(self.views.thumbs[rows, 3:].astype(np.float32) / 255)
        axis = (np.arange(SOLID) + 0.5) / SOLID - 0.5
        points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
        size, places = self.views.size, []
        for elevation, azimuth, radius in angles:
            up, round_ = np.degrees([elevation, azimuth])
            pixels, _ = orbit_camera(up, round_, float(radius), self.fov_deg, size).project(points)
            places.append(pixels * 2 / size - 1)
        grid = torch.from_numpy(np.stack(places).astype(np.float32))[:, None]
        seen = F.grid_sample(alpha, grid, align_corners=False)[:, 0, 0]
        return seen.min(dim=0).values.view(SOLID, SOLID, SOLID).numpy()
