"""Which picture colours which face: a labelling that weighs quality against seams.

Waechter, Moehrle and Goesele 2014, "Let There Be Color! Large-Scale Texturing of 3D Reconstructions"; solved by loopy
min-sum belief propagation on the faces' adjacency graph (Felzenszwalb and Huttenlocher 2006).
"""

from __future__ import annotations

import numpy as np

ROUNDS = 40
DAMPING = 0.5


def label_faces(cost: np.ndarray, pairs: np.ndarray, seam: np.ndarray) -> np.ndarray:
    """The labelling of little cost: sum of the faces' costs and of the seams between unequal neighbours.

    Args:
        cost: (F, K) of each label for each face; infinite where it is out of the question, finite for one at least.
        pairs: (E, 2) neighbouring faces.
        seam: (E,) cost of unequal labels on both sides (Potts model).

    Returns:
        (F,) int64 labels.
    """
    finite = np.where(np.isfinite(cost), cost, 1e6)
    one, two = pairs.T
    sender, receiver = np.concatenate([one, two]), np.concatenate([two, one])
    back = np.concatenate([np.arange(len(one)) + len(one), np.arange(len(one))])
    price = np.concatenate([seam, seam])[:, None]
    message = np.zeros((len(sender), cost.shape[1]))

    def belief() -> np.ndarray:
        total = finite.copy()
        for label in range(cost.shape[1]):
            total[:, label] += np.bincount(receiver, message[:, label], len(cost))
        return total

    for _ in range(ROUNDS):
        said = belief()[sender] - message[back]
        said -= said.min(axis=1, keepdims=True)
        message = DAMPING * message + (1 - DAMPING) * np.minimum(said, price)
    return belief().argmin(axis=1)


def face_neighbours(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(E, 2) faces on both sides of each edge of a closed surface, and the edges' lengths (E,)."""
    from trimesh.graph import face_adjacency

    pairs, edges = face_adjacency(faces, return_edges=True)
    return pairs, np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
