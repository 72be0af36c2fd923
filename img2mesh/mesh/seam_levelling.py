"""Colours of different sources made to meet: global offsets that take the steps out of seams.

Ivanov and Lempitsky 2007, "Seamless mosaicing of image-based texture maps": smooth offsets per source, found by
least squares on the mesh's vertices. The photo has none, so that it stays as it is.
"""

from __future__ import annotations

import numpy as np

from img2mesh.mesh.laplacian import edges_of

SMOOTH = 4.0  # weight of equal offsets along an edge, against equal colours across a seam
HELD = 0.002  # of small offsets
LARGEST = 0.25  # sRGB
EXPOSED = 0.06  # sRGB: steps between two photos far above it are no exposure's, but show two things


def vertex_shares(faces: np.ndarray, labels: np.ndarray, count: int, sources: int) -> np.ndarray:
    """(V, K) float32 share of each source at each of `count` vertices: of the faces around it."""
    shares = np.zeros((count, sources), np.float32)
    for corner in range(3):
        np.add.at(shares, (faces[:, corner], labels), 1)
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1)


def seam_offsets(
    faces: np.ndarray,
    shares: np.ndarray,
    colours: np.ndarray,
    seen: np.ndarray,
    fixed: int,
    taken: np.ndarray | None = None,
) -> np.ndarray:
    """Offsets of each source at the vertices it touches, that make colours meet where two sources do.

    Args:
        shares: (V, K) from `vertex_shares`.
        colours: (V, K, 3) smooth colours. seen: (V, K) how far each is to be trusted there.
        fixed: the number of the source whose offsets are zero, or -1.
        taken: (K,) bool, which are photos. Between two of them large steps count little: cameras are not exact, and
            what is dark in one is not to be brightened by what lies beside it in the other.

    Returns:
        (V, K, 3) float64, zero where a source is not used.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import cg

    offsets = np.zeros(colours.shape)
    used = shares > 0
    number = np.full(used.shape, -1)
    number[used] = np.arange(used.sum())
    count = int(used.sum())
    rows: list[np.ndarray] = []
    columns: list[np.ndarray] = []
    values: list[np.ndarray] = []
    right = np.zeros((count, 3))
    diagonal = np.full(count, HELD)

    def add(i: np.ndarray, j: np.ndarray, weight: np.ndarray, wanted: np.ndarray | None = None) -> None:
        """weight * |x_i - x_j - wanted|^2"""
        np.add.at(diagonal, i, weight)
        np.add.at(diagonal, j, weight)
        rows.extend((i, j))
        columns.extend((j, i))
        values.extend((-weight, -weight))
        if wanted is not None:
            np.add.at(right, i, weight[:, None] * wanted)
            np.add.at(right, j, -weight[:, None] * wanted)

    edges = edges_of(faces)
    for k in range(used.shape[1]):
        both = edges[used[edges[:, 0], k] & used[edges[:, 1], k]]
        add(number[both[:, 0], k], number[both[:, 1], k], np.full(len(both), SMOOTH))
    seams = np.flatnonzero(used.sum(axis=1) > 1)
    for a in range(used.shape[1]):
        for b in range(a + 1, used.shape[1]):
            at = seams[used[seams, a] & used[seams, b]]
            if len(at):
                trust, step = np.minimum(seen[at, a], seen[at, b]) + 0.02, colours[at, b] - colours[at, a]
                if taken is not None and taken[a] and taken[b]:
                    trust = trust / (1 + ((step / EXPOSED) ** 2).mean(axis=1)) ** 2
                add(number[at, a], number[at, b], trust, step)
    if fixed >= 0:
        diagonal[number[used[:, fixed], fixed]] += 1e6
    if not count:
        return offsets
    matrix = coo_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (count, count)
    )
    system = matrix.tocsr() + diags(diagonal)
    solved = np.stack(
        [cg(system, right[:, c], rtol=1e-5, maxiter=500, M=diags(1 / diagonal))[0] for c in range(3)], axis=1
    )
    offsets[used] = np.clip(solved, -LARGEST, LARGEST)
    return offsets
