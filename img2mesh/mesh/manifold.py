"""Surfaces that touch themselves along edges, cut apart so that every edge has two faces again.

Collapsing edges keeps a closed surface closed in the sense of chains (every edge is passed as often in one
direction as in the other), but may pinch a thin wall or handle until four faces meet in one edge.
"""

from __future__ import annotations

import numpy as np

APART = 0.03  # of the way to the middle of its faces: how far a copied vertex moves from its twin
ROUNDS = 8


def cancel_opposites(faces: np.ndarray) -> np.ndarray:
    """Without degenerate faces and without pairs of equal faces that turn their backs to each other."""
    key = np.sort(faces, axis=1)
    proper = (key[:, 0] != key[:, 1]) & (key[:, 1] != key[:, 2])
    faces, key = faces[proper], key[proper]
    _, inverse = np.unique(key, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    # Even permutations of the sorted corners count +1, odd ones -1.
    turned = np.argmin(faces, axis=1)
    after = np.take_along_axis(faces, ((turned + 1) % 3)[:, None], axis=1)[:, 0]
    sign = np.where(after == key[:, 1], 1, -1)
    net = np.bincount(inverse, sign, minlength=inverse.max(initial=-1) + 1)
    kept = np.zeros(len(faces), bool)
    for wanted in (1, -1):
        mine = np.nonzero((sign == wanted) & (wanted * net[inverse] > 0))[0]
        order = mine[np.argsort(inverse[mine], kind="stable")]
        group = inverse[order]
        first = np.concatenate([[True], group[1:] != group[:-1]]) if len(group) else np.zeros(0, bool)
        start = np.maximum.accumulate(np.where(first, np.arange(len(group)), 0))
        kept[order] = np.arange(len(group)) - start < np.abs(net[group])
    return faces[kept]


def separate(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give every edge two faces by cutting where the surface touches itself.

    Around an edge with more than two faces, those that bound the same wedge of solid stay together: vertices
    are copied for each sheet, and sheets that hang together at both ends of the edge get a middle of their
    own. Copies move apart by a few hundredths of a face, so that merging equal positions does not undo it.

    Args:
        vertices: (V, 3). faces: (F, 3), closed: every edge is passed equally often in both directions.

    Returns:
        (V', 3) and (F', 3). Where the surface is not closed it stays as it is.
    """
    for _ in range(ROUNDS):
        pairs = _paired_half_edges(vertices, faces)
        if pairs is None:
            break
        vertices, faces = _copy_vertices(vertices, faces, *pairs)
        edges = np.sort(np.stack([faces.ravel(), faces[:, [1, 2, 0]].ravel()], axis=1), axis=1)
        _, inverse, count = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
        crowded = count[inverse.ravel()[pairs[0]]] > 2
        if not crowded.any():
            break
        vertices, faces = _split_edges(vertices, faces, pairs[0][crowded], pairs[1][crowded])
    return vertices, faces


def _copy_vertices(vertices, faces, one, two) -> tuple[np.ndarray, np.ndarray]:
    """A vertex for each fan of faces that hang together at its corner over matched half-edges."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    one_end, two_end = _next(one), _next(two)  # half-edge 3 f + k leads from corner k of face f to its next
    rows, columns = np.concatenate([one, one_end]), np.concatenate([two_end, two])
    count = 3 * len(faces)
    graph = coo_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    _, first, corner = np.unique(label, return_index=True, return_inverse=True)
    origin = faces.ravel()[first]
    moved = vertices[origin].astype(np.float64)
    copies = np.bincount(origin, minlength=len(vertices))[origin] > 1
    middle = vertices[faces].mean(axis=1)[np.arange(count) // 3]
    share = np.bincount(corner, minlength=len(origin))[:, None]
    mean = np.stack([np.bincount(corner, middle[:, k], len(origin)) for k in range(3)], axis=1) / share
    moved[copies] += APART * (mean[copies] - moved[copies])
    return moved, corner.reshape(faces.shape)


def _split_edges(vertices, faces, one, two) -> tuple[np.ndarray, np.ndarray]:
    """Give matched half-edges a vertex of their own in the middle; each face is split at most once."""
    faces, touched = faces.copy(), set()
    new_vertices, new_faces = [], []
    for a, b in zip(one.tolist(), two.tolist(), strict=True):
        if a // 3 in touched or b // 3 in touched:
            continue  # in the next round
        touched |= {a // 3, b // 3}
        u, v = faces[a // 3, a % 3], faces[a // 3, (a % 3 + 1) % 3]
        opposite = [faces[h // 3, (h % 3 + 2) % 3] for h in (a, b)]
        middle = (vertices[u] + vertices[v]) / 2
        middle = middle + APART * (vertices[opposite].mean(axis=0) - middle)
        index = len(vertices) + len(new_vertices)
        new_vertices.append(middle)
        for half in (a, b):
            f, k = divmod(half, 3)
            first, second, third = (faces[f, (k + n) % 3] for n in range(3))
            new_faces.append([index, second, third])
            faces[f] = [first, index, third]
    return np.concatenate([vertices, new_vertices]), np.concatenate([faces, new_faces])


def _next(half: np.ndarray) -> np.ndarray:
    return half - half % 3 + (half % 3 + 1) % 3


def _paired_half_edges(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Each half-edge that leads upwards in vertex numbers with the one that it shares its edge with."""
    start, end = faces.ravel(), faces[:, [1, 2, 0]].ravel()
    key = np.minimum(start, end).astype(np.int64) * (int(faces.max(initial=0)) + 1) + np.maximum(start, end)
    upwards = start < end
    order = np.lexsort((~upwards, key))
    groups, begin, size = np.unique(key[order], return_index=True, return_counts=True)
    balance = np.bincount(np.searchsorted(groups, key), np.where(upwards, 1, -1), len(groups))
    if (balance != 0).any():
        return None
    simple = begin[size == 2]
    one, two = [order[simple]], [order[simple + 1]]
    for at, n in zip(begin[size > 2].tolist(), size[size > 2].tolist(), strict=True):
        up, down = _match_around(vertices, faces, order[at : at + n], start, end, upwards)
        one.append(up)
        two.append(down)
    return np.concatenate(one), np.concatenate(two)


def _match_around(vertices, faces, halves, start, end, upwards) -> tuple[np.ndarray, np.ndarray]:
    """Match the upward half-edges around one edge with downward ones across the solid between them."""
    first = halves[upwards[halves]][0]
    base = vertices[start[first]]
    axis = vertices[end[first]] - base
    axis = axis / max(np.linalg.norm(axis), 1e-30)
    side = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    side = side / np.linalg.norm(side)
    opposite = vertices[faces[halves // 3, (halves % 3 + 2) % 3]] - base
    angle = np.arctan2(opposite @ np.cross(axis, side), opposite @ side)
    # Seen along the edge, a face whose half-edge leads along it has its outside at larger angles, so the
    # solid's other wall is the next downward face at smaller angles: brackets, read downwards.
    around = halves[np.argsort(-angle, kind="stable")]
    up, down, waiting = [], [], []
    for half in np.concatenate([around, around]):  # twice, because a wedge may contain the angle of the cut
        if upwards[half]:
            if half not in up and half not in waiting:
                waiting.append(half)
        elif waiting and half not in down:
            up.append(waiting.pop())
            down.append(half)
    return np.array(up), np.array(down)
