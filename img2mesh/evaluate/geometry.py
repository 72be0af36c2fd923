"""Closed surfaces compared: volume IoU, and points sampled on them."""

from __future__ import annotations

import numpy as np


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
