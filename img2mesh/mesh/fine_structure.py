"""The photo's fine structure, continued over places that no source sees: grain, weave, scales.

From the photo, one square patch of each material is taken without its shading (high-pass), and spread by tiling and
blending (Heitz and Neyret 2018, "High-performance by-example noise using a histogram-preserving blending operator";
Deliot and Heitz 2019): random windows of the patch stand on a triangle grid and are mixed with weights whose squares
sum to 1, so that the contrast stays and nothing repeats. Three such planes, blended by the normal, cover a surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.mesh.projection import Projector

# Lengths are in thousandths of the photo's side.
RIM = 25.0  # beside the outline the photo is seen at a slant
LEAST, MOST = 32.0, 200.0  # side of a patch
FILLED = 0.7  # side of a patch / the largest square in its material
SHADING = 8.0  # deviation of the blur that is taken off
STRONGEST = 0.15  # of sRGB in [0, 1]; more is a drawing, not structure
WINDOWS = 4.0  # edges of the triangle grid in a patch's side
SHARPNESS = 4.0  # of the blend of three planes
SEED = 0


@dataclass(frozen=True, eq=False)
class FineStructure:
    """Fine structure of K materials.

    Attributes:
        patches: for each material (s, s, 3) float32 differences of sRGB colours, of mean 0; None where no patch of it
            is large enough.
        axes: (3, 3), rows: to the right and away from the camera, both level, and down.
        scale: pixels of a patch per world unit.
    """

    patches: tuple[np.ndarray | None, ...]
    axes: np.ndarray
    scale: float

    @classmethod
    def of(cls, photo: Projector, material: np.ndarray, count: int) -> FineStructure:
        """From the photo and the number of each of its pixels' material, (h, w) at any size, -1 for none."""
        side = max(photo.colours.shape[:2])
        detail = photo.colours - _blurred(photo.colours, SHADING * side / 1000)
        patches = tuple(_patch(detail, photo.outside, material == k) for k in range(count))
        return cls(patches, _level_axes(photo.camera), photo.camera.fl_x / photo.camera.distance)

    def at(self, points: np.ndarray, normals: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """(N, 3) float32 to add to colours at (N, 3) points whose materials have (N, K) chances."""
        result = np.zeros((len(points), 3), np.float32)
        place = (points @ self.axes.T * self.scale).astype(np.float32)
        weight = np.abs(normals @ self.axes.T) ** SHARPNESS
        weight /= np.maximum(np.sqrt((weight**2).sum(axis=1, keepdims=True)), 1e-9)
        for k, patch in enumerate(self.patches):
            if patch is None:
                continue
            for axis, plane in enumerate(([1, 2], [0, 2], [0, 1])):
                used = np.flatnonzero((chance[:, k] > 0.02) & (weight[:, axis] > 0.05))
                if len(used):
                    share = (chance[used, k] * weight[used, axis])[:, None]
                    result[used] += share * _tiled(patch, place[used][:, plane], axis)
        return result


def _blurred(colours: np.ndarray, sigma: float) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(colours, (0, 0), sigma)


def _patch(detail: np.ndarray, outside: np.ndarray, own: np.ndarray) -> np.ndarray | None:
    """The square of a material that is most like the rest of it, no stronger than the median of it.

    The rest is what a square with few strong marks, as of a print or a crease, is not.
    """
    import cv2

    height, width = detail.shape[:2]
    unit = max(height, width) / 1000
    own = cv2.resize(own.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    own *= outside < -RIM
    room = cv2.distanceTransform(np.pad(own, 1), cv2.DIST_C, 3)[1:-1, 1:-1]
    half = int(min(FILLED * room.max(), MOST * unit / 2))
    if 2 * half < LEAST * unit:
        return None
    power = (detail**2).sum(axis=-1) + 1e-9
    rows, columns = np.nonzero(room > half + 1)
    if not len(rows):
        return None
    mean, peaks = (
        cv2.boxFilter(value, -1, (2 * half + 1,) * 2)[rows, columns] for value in (power, power**2)
    )
    mean = np.maximum(mean, 1e-9)  # sums that slide are rounded
    peaks = np.maximum(peaks, mean**2)
    typical = float(np.median(power[own > 0]))
    best = int((np.abs(np.log(mean / typical)) + np.log(peaks / mean**2)).argmin())
    row, column = int(rows[best]), int(columns[best])
    patch = detail[row - half : row + half, column - half : column + half]
    patch = (patch - patch.mean(axis=(0, 1))) * min(1.0, np.sqrt(typical / mean[best]))
    return np.clip(patch, -STRONGEST, STRONGEST).astype(np.float32)


def _level_axes(camera: Camera) -> np.ndarray:
    right = camera.c2w[:3, 0] * [1, 1, 0]
    right /= max(float(np.linalg.norm(right)), 1e-9)
    return np.stack([right, np.cross([0, 0, 1], right), [0, 0, -1]])


def _tiled(patch: np.ndarray, place: np.ndarray, plane: int) -> np.ndarray:
    """(N, 3) the patch's structure at (N, 2) float32 places of an endless plane, pixels."""
    import torch

    edge = np.float32(len(patch) / WINDOWS)
    i = (place[:, 0] - place[:, 1] / np.float32(np.sqrt(3))) / edge
    j = place[:, 1] * np.float32(2 / np.sqrt(3)) / edge
    column, row = np.floor(i).astype(np.int32), np.floor(j).astype(np.int32)
    u, v = i - column, j - row
    upper = u + v > 1
    picture = torch.from_numpy(patch.transpose(2, 0, 1).copy())[None]
    result, squares = np.zeros((3, len(place)), np.float32), np.zeros(len(place), np.float32)
    for (a, b), weight in (
        ((upper, upper), np.abs(1 - u - v)),
        ((1, 0), np.where(upper, 1 - v, u)),
        ((0, 1), np.where(upper, 1 - u, v)),
    ):
        x, y = (column + a).astype(np.int32), (row + b).astype(np.int32)
        window = edge + (len(patch) - 2 * edge) * _hashed(x, y, plane)
        window[:, 0] += place[:, 0] - edge * (x + np.float32(0.5) * y)
        window[:, 1] += place[:, 1] - edge * (np.float32(np.sqrt(3) / 2) * y)
        grid = torch.from_numpy(window * np.float32(2 / len(patch)) - 1)[None, None]
        found = torch.nn.functional.grid_sample(picture, grid, "bilinear", "border", align_corners=False)
        result += weight * found.numpy()[0, :, 0]
        squares += weight**2
    return (result / np.sqrt(squares)).T


def _hashed(x: np.ndarray, y: np.ndarray, plane: int) -> np.ndarray:
    """(N, 2) float32 in [0, 1) that depend on (N,) int32 each, and look random (Jarzynski and Olano 2020, pcg2d)."""
    factor, shift = np.uint32(1664525), np.uint32(16)
    start = (SEED + 1) * 7919 * (plane + 1)
    one, two = (x + start).astype(np.uint32), (y + start).astype(np.uint32)
    for _ in range(2):
        one, two = one * factor + np.uint32(1013904223), two * factor + np.uint32(1013904223)
        one += two * factor
        two += one * factor
        one ^= one >> shift
        two ^= two >> shift
    return (np.stack([one, two], axis=1) >> np.uint32(8)).astype(np.float32) / np.float32(2**24)
