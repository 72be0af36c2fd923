"""How far one closed surface is from another: volume IoU, Chamfer distance, F-score."""

from __future__ import annotations

import numpy as np

from img2mesh.evaluate.metrics import point_scores
from img2mesh.evaluate.truth import cast, embree_scene


def occupancy(
    vertices: np.ndarray, faces: np.ndarray, resolution: int = 160, half: float = 0.6
) -> np.ndarray:
    """(n, n, n) bool: which cell centres of the cube [-half, half]^3 lie inside a closed mesh.

    Crossings are counted along z rays through all (x, y) centres and along x rays; a cell counts as inside if
    both agree or, where they do not (rays that graze an edge), if a y ray says so.
    """
    scene = embree_scene(vertices, faces)
    z, x = _fill(scene, 2, resolution, half), _fill(scene, 0, resolution, half)
    if (z == x).all():
        return z
    return np.where(z == x, z, _fill(scene, 1, resolution, half))


def _fill(scene, axis: int, n: int, half: float) -> np.ndarray:
    """Parity fill along one axis; (n, n, n) bool in x, y, z order."""
    centres = (np.arange(n) + 0.5) / n * 2 * half - half
    first, second = (k for k in range(3) if k != axis)
    a, b = np.meshgrid(centres, centres, indexing="ij")
    origins = np.zeros((n * n, 3))
    origins[:, first], origins[:, second] = a.ravel() + 1.3e-5, b.ravel() + 1.7e-5
    origins[:, axis] = -half - 1
    direction = np.zeros((1, 3))
    direction[0, axis] = 1
    flips = np.zeros((n * n, n + 1), dtype=np.int32)
    alive = np.arange(n * n)
    for _ in range(256):
        face, _, distance = cast(scene, origins[alive], np.repeat(direction, len(alive), 0))
        alive, distance = alive[face >= 0], distance[face >= 0]
        if not len(alive):
            break
        at = origins[alive, axis] + distance
        cell = np.clip(np.ceil((at + half) / (2 * half) * n - 0.5), 0, n).astype(np.int64)
        np.add.at(flips, (alive, cell), 1)
        origins[alive, axis] = at + 2e-6
    inside = (np.cumsum(flips, axis=1)[:, :n] % 2 == 1).reshape(n, n, n)
    return np.moveaxis(inside, -1, axis)


def volume_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boolean grids; 0 if both are empty."""
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 0.0


def sample_surface(vertices: np.ndarray, faces: np.ndarray, count: int = 30000, seed: int = 0) -> np.ndarray:
    """(count, 3) float64 points, uniform over the area."""
    rng = np.random.default_rng(seed)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=-1)
    pick = rng.choice(len(faces), count, p=area / area.sum())
    r, s = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return a[pick] * (1 - r) + b[pick] * r * (1 - s) + c[pick] * r * s


def surface_distances(a: np.ndarray, b: np.ndarray, threshold: float = 0.01) -> tuple[float, float]:
    """Chamfer distance and F-score between two point samples.

    Chamfer is the mean of both mean nearest-neighbour distances (not squared, not summed), in world units;
    the F-score is the harmonic mean of the two shares within `threshold` (Tatarchenko et al. 2019).
    """
    scores = point_scores(a, b, (threshold,))
    return scores["Chamfer"], scores[f"F@{threshold:g}"]
