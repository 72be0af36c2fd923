"""From a signed distance field to one closed surface: marching cubes on the cells near the zero level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from img2mesh.core.rasterise import rasterise_view
from img2mesh.core.shape import SurfaceField
from img2mesh.core.view import View
from img2mesh.errors import Img2MeshError
from img2mesh.mesh.textured_mesh import face_components, surface

MARGIN = 1.5  # how much longer than a true distance |sdf| may be; learned fields are not exact
CHUNK = 1 << 18  # points per question to the field
KEPT_VOLUME, KEPT_AREA = 0.03, 0.05  # of the largest component: what is smaller is a floater
SHOWN, SHOWN_TRIED = 0.003, 12  # unless it is this share of the photo's mask; how many are looked at


def sample_grid(field: SurfaceField, resolution: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Signed distances on a regular grid, exact near the zero level and right in sign elsewhere.

    Coarse to fine: a block whose corners all lie further from the surface than its size allows is filled by
    the coarser level's value. Where the finest level then finds the surface leaving the evaluated region,
    the region grows after it.

    Args:
        field: has `sdf((N, 3)) -> (N,)` and `bounds` (2, 3).
        resolution: cells along the longest side of the bounds.

    Returns:
        (X, Y, Z) float32 distances, the (3,) position of grid point 0 and the spacing.
    """
    low, high = np.asarray(field.bounds, dtype=np.float64)
    spacing = float((high - low).max() / resolution)
    stride = 8 if resolution >= 64 else 4
    # One cell of margin on each side, and whole blocks.
    blocks = np.ceil(((high - low) / spacing + 2) / stride).astype(int)
    origin = (low + high) / 2 - blocks * stride * spacing / 2

    def ask(points: np.ndarray) -> np.ndarray:
        parts = [
            np.asarray(field.sdf((points[i : i + CHUNK] * spacing + origin).astype(np.float32)))
            for i in range(0, len(points), CHUNK)
        ]
        return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)

    shape = blocks + 1
    index = np.indices(shape).reshape(3, -1).T
    values = ask(index * stride).reshape(shape)
    known = np.ones(shape, bool)
    while stride > 1:
        stride //= 2
        values, known = _refine(values, known, spacing * stride, stride, ask)
    _follow(values, known, ask)
    edge = np.ones(values.shape, bool)
    edge[1:-1, 1:-1, 1:-1] = False
    values[edge] = np.maximum(values[edge], 0.5 * spacing)  # closed, even if the field leaves its bounds
    return values, origin, spacing


def _refine(
    values: np.ndarray, known: np.ndarray, size: float, stride: int, ask: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """One level finer: repeat every value, then evaluate the blocks that may hold the surface."""
    corners = _corners(values)
    low = np.minimum.reduce(corners)
    high = np.maximum.reduce(corners)
    reach = np.sqrt(3) * size * MARGIN  # half the diagonal of a block of side 2 * size
    active = (low <= reach) & (high >= -reach)
    fine = np.kron(values, np.ones((2, 2, 2), values.dtype))[:-1, :-1, :-1]
    needed = np.zeros(fine.shape, bool)
    for offset in np.ndindex(3, 3, 3):
        at = tuple(slice(o, o + 2 * n - 1, 2) for o, n in zip(offset, active.shape, strict=True))
        needed[at] |= active
    fine_known = np.zeros(fine.shape, bool)
    fine_known[::2, ::2, ::2] = known
    index = np.argwhere(needed & ~fine_known)
    fine[tuple(index.T)] = ask(index * stride)
    fine_known |= needed
    return fine, fine_known


def _corners(values: np.ndarray) -> list[np.ndarray]:
    return [
        values[tuple(slice(o, n - 1 + o) for o, n in zip(offset, values.shape, strict=True))]
        for offset in np.ndindex(2, 2, 2)
    ]


def _follow(
    values: np.ndarray, known: np.ndarray, ask: Callable[[np.ndarray], np.ndarray], rounds: int = 64
) -> None:
    """Evaluate the points beside every sign change that has an end not evaluated yet, until there is none."""
    for _ in range(rounds):
        inside = values < 0
        wanted = np.zeros(values.shape, bool)
        for axis in range(3):
            low = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
            high = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
            loose = (inside[low] != inside[high]) & ~(known[low] & known[high])
            wanted[low] |= loose
            wanted[high] |= loose
        if not wanted.any():
            return
        grown = wanted.copy()
        for axis in range(3):
            for shift in (-1, 1):
                grown |= np.roll(wanted, shift, axis)
        index = np.argwhere(grown & ~known)
        values[tuple(index.T)] = ask(index)
        known |= grown


def marching_cubes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Zero level of a grid in grid coordinates: (V, 3) float64 and (F, 3) int64, wound outwards.

    Marching cubes with topological guarantees (Lewiner et al. 2003).
    """
    from skimage.measure import marching_cubes as lewiner

    if not ((values < 0).any() and (values > 0).any()):
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    # The level keeps off the grid points by a thousandth of a cell: there it would make faces without area.
    least = 1e-3 * max(float(np.abs(np.diff(values, axis=axis)).max()) for axis in range(3))
    values = np.where(np.abs(values) < least, np.where(values < 0, -least, least), values)
    vertices, faces, _, _ = lewiner(values, 0.0, allow_degenerate=False)
    return vertices.astype(np.float64), faces.astype(np.int64)


def keep_solids(
    vertices: np.ndarray, faces: np.ndarray, photo: View | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Drop floaters and fill voids: keep the closed components that are substantial solids.

    A component with negative volume bounds a void inside another one; leaving it out fills the void. Others
    stay if they have a meaningful share of both the largest one's volume and its area, or if the photo shows
    them: a leaf whose stem is too thin to be found is no floater.
    """
    component = face_components(faces, len(vertices))
    triangles = vertices[faces]
    volumes = np.bincount(component, np.linalg.det(triangles) / 6)
    areas = np.bincount(component, surface(vertices, faces).area_faces)
    best = int(np.argmax(volumes))
    kept = (volumes >= KEPT_VOLUME * volumes[best]) & (areas >= KEPT_AREA * areas[best]) & (volumes > 0)
    if photo is not None:
        for index in np.argsort(-volumes, kind="stable")[:SHOWN_TRIED]:
            if volumes[index] > 0 and not kept[index]:
                rest = faces[kept[component]]
                kept[index] = _shown(vertices, faces[component == index], rest, photo)
    return compact(vertices, faces[kept[component]])


def _shown(vertices: np.ndarray, part: np.ndarray, rest: np.ndarray, photo: View) -> bool:
    """Whether a part fills pixels of the photo's object that nothing else fills, and few beside it."""
    mask = photo.rgba[..., 3] >= 128
    own = rasterise_view(vertices, part, photo.camera).hit
    new = own & mask & ~rasterise_view(vertices, rest, photo.camera).hit
    return bool(new.sum() >= SHOWN * mask.sum() and new.sum() >= 0.6 * own.sum())


def compact(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without the vertices that no face uses."""
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    return vertices[used], (np.cumsum(used) - 1)[faces]


def extract_surface(
    field: SurfaceField, resolution: int, photo: View | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The zero level of a signed distance field as closed solids, wound outwards.

    Args:
        field: has `sdf` (negative inside) and `bounds`.
        resolution: cells along the longest side of the field's bounds.
        photo: small parts that it shows are kept.

    Returns:
        (V, 3) float64 vertices in world units and (F, 3) int64 faces.

    Raises:
        Img2MeshError: there is no surface inside the bounds.
    """
    values, origin, spacing = sample_grid(field, resolution)
    if not np.isfinite(values).all():
        raise Img2MeshError("The field has values that are not finite, so it has no surface.")
    if not (values < 0).any():
        raise Img2MeshError("The reconstruction is empty: the views do not agree on where the object is.")
    vertices, faces = marching_cubes(values)
    return keep_solids(vertices * spacing + origin, faces, photo)
