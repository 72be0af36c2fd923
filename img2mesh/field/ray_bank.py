"""The pixels that the field is fitted to: those whose rays come near the hull."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.view import View
from img2mesh.core.visual_hull import projected

COARSE = 64  # pixels per side at which a ray's way through the hull is looked up
SPARSE = 0.0125  # world units between the points that are looked up at least: half of such a pixel


@dataclass(frozen=True, eq=False)
class RayBank:
    """All candidate rays of all views, float32.

    Attributes:
        origin, direction: (N, 3); directions are unit.
        near, far: (N,) depths between which the ray may meet the hull.
        rgba: (N, 4) straight alpha in [0, 1].
        view: (N,) int64.
        views: number of views.
    """

    origin: Tensor
    direction: Tensor
    near: Tensor
    far: Tensor
    rgba: Tensor
    view: Tensor
    views: int

    def __len__(self) -> int:
        return len(self.origin)

    def pick(self, index: Tensor) -> RayBank:
        """The rays at (n,) indices."""
        return self._each(lambda part: part[index])

    def to(self, device: str | torch.device) -> RayBank:
        """The same on a device."""
        return self._each(lambda part: part.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> RayBank:
        parts = {f.name: change(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name != "views"}
        return RayBank(**parts, views=self.views)


def collect_rays(views: tuple[View, ...], hull: SdfGrid, size: int = 256, margin: float = 0.02) -> RayBank:
    """Rays through pixel centres of all views, at most `size` pixels a side.

    A pixel counts if its ray passes a hull sample with a signed distance below `margin`.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    step = max(1, int(SPARSE / hull.spacing))
    near = np.zeros(hull.sdf.shape, bool)
    near[::step, ::step, ::step] = hull.sdf[::step, ::step, ::step] < margin
    low, shape = hull.bounds[0], hull.sdf.shape
    points = (low + np.column_stack(np.unravel_index(np.flatnonzero(near), shape)) * hull.spacing).astype(
        np.float32
    )
    parts: list[list[np.ndarray]] = [[] for _ in range(6)]
    for number, view in enumerate(views):
        scale = min(1.0, size / max(view.camera.width, view.camera.height))
        width, height = round(view.camera.width * scale), round(view.camera.height * scale)
        camera = view.camera.resized(width, height)
        columns, rows = min(COARSE, width), min(COARSE, height)
        pixels, _ = projected(points, camera.resized(columns, rows))
        depth = np.linalg.norm(points - camera.position.astype(np.float32), axis=-1)
        column, row = (pixels[:, k].astype(np.int64).clip(0, n - 1) for k, n in enumerate((columns, rows)))
        cell = row * columns + column
        first, last = (
            np.full((rows, columns), np.inf, np.float32),
            np.full((rows, columns), -np.inf, np.float32),
        )
        # one index and one type: with others it takes ten times as long
        np.minimum.at(first.reshape(-1), cell, depth)
        np.maximum.at(last.reshape(-1), cell, depth)
        first, last = minimum_filter(first, 3), maximum_filter(last, 3)
        row = np.minimum(np.arange(height) * rows // height, rows - 1)
        column = np.minimum(np.arange(width) * columns // width, columns - 1)
        near = first[row[:, None], column] - 1.5 * hull.spacing
        far = last[row[:, None], column] + 1.5 * hull.spacing
        hit = np.isfinite(near) & np.isfinite(far)
        origins, directions = camera.rays()
        rgba = resized_rgba(view.rgba, width, height)
        values = (origins, directions, near, far, rgba, np.full(hit.shape, number))
        for part, value in zip(parts, values, strict=True):
            part.append(value[hit])
    *floats, index = (np.concatenate(part) for part in parts)
    tensors = (torch.from_numpy(part.astype(np.float32)) for part in floats)
    names = ("origin", "direction", "near", "far", "rgba")
    found = dict(zip(names, tensors, strict=True))
    return RayBank(**found, view=torch.from_numpy(index), views=len(views))


def resized_rgba(rgba: np.ndarray, width: int, height: int) -> np.ndarray:
    """(H, W, 4) uint8 to (height, width, 4) float32 in [0, 1], colours averaged by alpha, alpha straight."""
    picture = rgba.astype(np.float32) / 255
    if picture.shape[:2] == (height, width):
        return picture
    import cv2

    picture[..., :3] *= picture[..., 3:]
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    picture[..., :3] /= np.maximum(picture[..., 3:], 1e-6)
    return picture
