"""Fewer faces, still closed."""

from __future__ import annotations

import numpy as np

from img2mesh.mesh.manifold import cancel_opposites, separate
from img2mesh.mesh.surface import compact, keep_solids
from img2mesh.mesh.textured import is_closed, vertex_normals, volume
from img2mesh.views.view import View

AGGRESSIVENESS = (5.0, 7.0, 3.0)  # of the quadric collapse; tried in turn until the result is closed


def simplify(
    vertices: np.ndarray, faces: np.ndarray, target: int, photo: View | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Collapse edges until about `target` faces are left (quadric error, Garland and Heckbert 1997).

    Args:
        vertices, faces: a closed surface, wound outwards.
        target: wanted number of faces; surfaces that have fewer come back as they are.
        photo: as in `keep_solids`, for the crumbs that collapsing leaves.

    Returns:
        A closed surface of `target` faces within 2 %, wound outwards, float64 and int64. Where no setting of
        the collapse gets there and stays closed, the closed surface that comes nearest.
    """
    if len(faces) <= target:
        return vertices, faces
    import fast_simplification

    # Collapses are made in float32: centre and scale for all its digits.
    centre, size = vertices.mean(axis=0), float(np.ptp(vertices, axis=0).max())
    scaled, triangles = ((vertices - centre) / size).astype(np.float32), faces.astype(np.int32)
    wanted = volume(vertices, faces)
    best, best_gap = (vertices, faces), np.inf
    for aggressiveness in AGGRESSIVENESS:
        asked = target
        for _ in range(2):  # cleaning may take a few faces more: ask again for as many more
            fewer, left = fast_simplification.simplify(
                scaled, triangles, target_count=min(asked, len(faces)), agg=aggressiveness
            )
            fewer, left = _clean(fewer.astype(np.float64) * size + centre, left.astype(np.int64), photo)
            gap = abs(len(left) - target) / target
            if is_closed(left) and abs(volume(fewer, left) - wanted) < 0.05 * wanted:
                if gap <= 0.02:
                    return fewer, left
                if gap < best_gap:
                    best, best_gap = (fewer, left), gap
            if not 0.02 < gap < 0.2:
                break
            asked = asked + target - len(left)
    return best


def _clean(vertices: np.ndarray, faces: np.ndarray, photo: View | None) -> tuple[np.ndarray, np.ndarray]:
    """Without what collapsing leaves behind: faces back to back, pinched edges, crumbs."""
    vertices, faces = compact(vertices, cancel_opposites(faces))
    if len(faces) and not is_closed(faces):
        vertices, faces = separate(vertices, faces)
    return keep_solids(vertices, faces, photo) if len(faces) else (vertices, faces)


def smooth(vertices: np.ndarray, faces: np.ndarray, rounds: int) -> np.ndarray:
    """Taubin's smoothing, which does not shrink (Taubin 1995: lambda 0.5, mu -0.53).

    Returns:
        (V, 3) moved vertices.
    """
    if rounds <= 0:
        return vertices
    from scipy.sparse import coo_matrix, diags

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([edges, edges[:, ::-1]])
    count = len(vertices)
    graph = coo_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count)).tocsr()
    mean = diags(1 / np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)) @ graph
    moved = vertices
    for _ in range(rounds):
        for factor in (0.5, -0.53):
            moved = moved + factor * (mean @ moved - moved)
    return moved


def snap_to_field(
    vertices: np.ndarray, faces: np.ndarray, field, reach: float, rounds: int = 2
) -> np.ndarray:
    """Move vertices along their normals to the zero level, at most `reach` in all.

    Simplification leaves vertices off the field's surface by a part of a cell.
    """
    normals = vertex_normals(vertices, faces)
    moved = np.zeros(len(vertices))
    for _ in range(rounds):
        at = vertices + normals * moved[:, None]
        slope = np.einsum("ij,ij->i", np.asarray(field.gradient(at.astype(np.float32))), normals)
        distance = np.asarray(field.sdf(at.astype(np.float32)), dtype=np.float64)
        step = -distance / np.where(slope > 0.3, slope, np.inf)
        moved = np.clip(moved + step, -reach, reach)
    return vertices + normals * moved[:, None]
