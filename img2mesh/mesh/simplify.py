"""Fewer faces, still closed."""

from __future__ import annotations

import numpy as np

from img2mesh.core.shape import SurfaceField
from img2mesh.core.view import View
from img2mesh.mesh.extract import keep_solids
from img2mesh.mesh.manifold import to_manifold
from img2mesh.mesh.textured_mesh import is_closed, vertex_normals, volume

AGGRESSIVENESS = (5.0, 7.0, 3.0)  # of the quadric collapse; tried in turn until the result is closed
ASKED = 5  # times with each, for more faces every time that cleaning took some
WITHIN = 0.02  # share of the wanted number of faces by which the result may miss it
# Share of the volume that should not change, and that must not. A sieve of thin walls loses more than other things.
CHANGED, SPOILT = 0.05, 0.2


def simplify(
    vertices: np.ndarray, faces: np.ndarray, target: int, photo: View | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Collapse edges until about `target` faces are left (quadric error, Garland and Heckbert 1997).

    Args:
        vertices, faces: a closed surface, wound outwards.
        target: wanted number of faces; surfaces that have fewer come back as they are.
        photo: as in `keep_solids`, for the crumbs that collapsing leaves.

    Returns:
        A closed surface of `target` faces within `WITHIN`, wound outwards, float64 and int64. Where no setting of
        the collapse gets there and stays closed, the closed surface that comes nearest.
    """
    if len(faces) <= target:
        return vertices, faces
    import fast_simplification

    # Collapses are made in float32: centre and scale for all its digits.
    centre, size = vertices.mean(axis=0), float(np.ptp(vertices, axis=0).max())
    scaled, triangles = ((vertices - centre) / size).astype(np.float32), faces.astype(np.int32)
    wanted = volume(vertices, faces)
    best, least = (vertices, faces), (len(faces) / target - 1, 0.0)
    for aggressiveness in AGGRESSIVENESS:
        asked = target
        for _ in range(ASKED):
            fewer, left = fast_simplification.simplify(
                scaled, triangles, target_count=int(np.clip(asked, 4, len(faces))), agg=aggressiveness
            )
            fewer, left = _clean(fewer.astype(np.float64) * size + centre, left.astype(np.int64), photo)
            if not len(left):
                break
            gap, lost = abs(len(left) - target) / target, abs(volume(fewer, left) / wanted - 1)
            if is_closed(left) and lost < SPOILT:
                if gap <= WITHIN and lost < CHANGED:
                    return fewer, left
                if (max(gap, WITHIN), lost) < least:
                    best, least = (fewer, left), (max(gap, WITHIN), lost)
            if gap <= WITHIN:
                break
            asked = asked + target - len(left)  # cleaning takes a few faces more: ask for as many more
    return best


def _clean(vertices: np.ndarray, faces: np.ndarray, photo: View | None) -> tuple[np.ndarray, np.ndarray]:
    """Without what collapsing leaves behind: faces back to back, pinched edges, crumbs."""
    vertices, faces = to_manifold(vertices, faces)
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
    vertices: np.ndarray, faces: np.ndarray, field: SurfaceField, reach: float, rounds: int = 2
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
