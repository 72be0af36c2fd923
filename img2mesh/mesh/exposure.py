"""Making the sides that the photo does not see continue the colours of those that it sees."""

from __future__ import annotations

import numpy as np

REACH = 0.12  # world units over which a local difference fades out on the unseen side
GAIN, OFFSET = (0.7, 1.4), 0.12  # the correction stays within these


def colour_correction(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Gain and offset per channel that take one set of colours to another, robustly.

    Args:
        source, target: (N, 3) in [0, 1]. weight: (N,), trust in each pair; pairs far apart count less.

    Returns:
        (4, 3): three rows of a diagonal matrix and one of offsets; the identity where there are few pairs.
    """
    matrix = np.concatenate([np.eye(3), np.zeros((1, 3))])
    if (weight > 0.5).sum() < 50:
        return matrix
    for channel in range(3):
        x, y = source[:, channel].astype(np.float64), target[:, channel].astype(np.float64)
        gain, offset = 1.0, 0.0
        for _ in range(5):  # iteratively reweighted least squares with Cauchy's weights
            w = weight / (1 + ((gain * x + offset - y) / 0.08) ** 2)
            # The prior, worth little, holds the gain at 1 where the colours do not vary.
            prior = 0.002 * w.sum()
            normal = np.array([[(w * x * x).sum() + prior, (w * x).sum()], [(w * x).sum(), w.sum() + prior]])
            gain, offset = np.linalg.solve(normal, [(w * x * y).sum() + prior, (w * y).sum()])
        matrix[channel, channel] = np.clip(gain, *GAIN)
        matrix[3, channel] = np.clip(offset, -OFFSET, OFFSET)
    return matrix


def exposure_gain(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(3,) gain per channel that brings the mean of (N, 3) colours to that of others: brightness, not contrast.

    A fit of gain and offset would take the contrast away where the target is the blurrier of the two.
    """
    total = weight.sum()
    if total < 20:
        return np.ones(3, np.float32)
    one, two = (weight @ colours / total + 0.02 for colours in (source, target))
    return np.clip(two / one, 0.8, 1.25).astype(np.float32)


def spread_residual(
    vertices: np.ndarray, faces: np.ndarray, residual: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """(V, 3) colours' differences where they are trusted, fading out over `REACH`; see `spread`."""
    return spread(vertices, faces, residual, weight, REACH)


def spread(
    vertices: np.ndarray, faces: np.ndarray, values: np.ndarray, weight: np.ndarray, reach: float
) -> np.ndarray:
    """Smooth values on all vertices: the given ones where they are trusted, fading to zero with distance.

    Minimises sum w |r - given|^2 + sum over edges (reach / length)^2 |r_i - r_j|^2 / 6 + sum |r|^2 / 4, a
    membrane on the mesh's graph (the seamless blending of Perez et al. 2003, on a surface).

    Args:
        vertices (V, 3), faces (F, 3): a closed surface.
        values (V, C), weight (V,) in [0, 1].
        reach: world units.

    Returns:
        (V, C) float64.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import cg

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[edges[:, 0] < edges[:, 1]]  # a closed surface has each edge in both directions
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    stiffness = (reach / np.maximum(length, 0.05 * reach)) ** 2 / 6
    count = len(vertices)
    graph = coo_matrix((stiffness, (edges[:, 0], edges[:, 1])), shape=(count, count))
    graph = (graph + graph.T).tocsr()
    trust = 4.0 * weight.astype(np.float64)
    system = diags(np.asarray(graph.sum(axis=1)).ravel() + trust + 0.25 * (1 - weight)) - graph
    scale = diags(1 / system.diagonal())
    result = np.empty((count, values.shape[1]))
    for channel in range(values.shape[1]):
        result[:, channel], _ = cg(system, trust * values[:, channel], rtol=1e-6, maxiter=500, M=scale)
    return result
