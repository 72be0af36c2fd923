"""Smooth functions on a surface: values given at some vertices, continued over the others along the mesh's edges."""

from __future__ import annotations

import numpy as np

FACTORED = 60_000  # vertices up to which a factorisation takes less time than iterations do


def edges_of(faces: np.ndarray) -> np.ndarray:
    """(E, 2) vertex pairs, the smaller number first, each edge of a closed surface once."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return edges[edges[:, 0] < edges[:, 1]]  # a closed surface has each edge in both directions


def solve_screened(
    vertices: np.ndarray,
    edges: np.ndarray,
    values: np.ndarray,
    weight: np.ndarray,
    reach: float,
    rest: np.ndarray,
) -> np.ndarray:
    """The smooth function that is near given values where they are trusted, and near `rest` far from there.

    Minimises sum w |r - given|^2 + sum over edges (reach / length)^2 |r_i - r_j|^2 / 6 + sum (1 - w) |r - rest|^2 / 16,
    a screened Poisson equation on the mesh's graph (Perez et al. 2003, on a surface).

    Args:
        vertices: (V, 3). edges: (E, 2).
        values: (V, C). weight: (V,) in [0, 1]. rest: (V, C), or (C,).
        reach: world units over which given values fade.

    Returns:
        (V, C) float64.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import cg, splu

    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    stiffness = (reach / np.maximum(length, 0.05 * reach)) ** 2 / 6
    count = len(vertices)
    graph = coo_matrix((stiffness, (edges[:, 0], edges[:, 1])), shape=(count, count))
    graph = (graph + graph.T).tocsr()
    trust = 4.0 * weight.astype(np.float64)
    system = diags(np.asarray(graph.sum(axis=1)).ravel() + trust + 0.25 * (1 - weight)) - graph
    wanted = trust[:, None] * (values - rest)
    if count <= FACTORED:
        options = {"SymmetricMode": True}
        factors = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
        return factors.solve(wanted) + rest
    scale = diags(1 / system.diagonal())
    solved = [cg(system, column, rtol=1e-5, maxiter=500, M=scale)[0] for column in wanted.T]
    return np.stack(solved, axis=1) + rest


def spread(
    vertices: np.ndarray, faces: np.ndarray, values: np.ndarray, weight: np.ndarray, reach: float
) -> np.ndarray:
    """(V, C): `solve_screened` on the faces' edges, fading to zero."""
    return solve_screened(vertices, edges_of(faces), values, weight, reach, np.zeros(values.shape[1]))
