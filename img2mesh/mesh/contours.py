"""The surface's outlines brought onto the silhouettes of many true views, to a fraction of a pixel.

Marching cubes, smoothing and simplification each leave the surface a fraction of a pixel off the outlines from which
it was made. Where a view looks along the surface, its silhouette tells how far off: the rim must move along its normal
by the gap. Rims of all views together cover most of what is convex; the rest follows smoothly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.rasterise import rasterise_view, sample_bilinear
from img2mesh.core.view import View
from img2mesh.core.visual_hull import mask_distance
from img2mesh.mesh.laplacian import spread
from img2mesh.mesh.textured_mesh import vertex_normals

ENOUGH = 6  # views; fewer leave most of the surface untouched
SIDE = 512  # pixels: pictures larger than that are reduced
FINER = 2  # pixels per pixel of a view in which the mesh's own outline is found
FAR = 4.0  # pixels: a gap this wide is another part of the object, not a small error
CLOSE = 0.6  # pixels: median gap of a view that is believed half
REACHES = (0.1, 0.03, 0.015)  # of each round: world units over which a move fades out beside a rim
SMALL = 0.5  # pixels: median gap from which on the wider rounds are needed, which bend thin parts as a whole


def fit_contours(vertices: np.ndarray, faces: np.ndarray, views: Sequence[View]) -> np.ndarray:
    """Move vertices along their normals so that the outlines coincide with the views' silhouettes.

    Args:
        vertices (V, 3), faces (F, 3): a closed surface, wound outwards.
        views: true ones, with alpha; a view that is wrong altogether loses its say.

    Returns:
        (V, 3) moved vertices.
    """
    wanted = []
    for view in views:
        camera, distance = _silhouette(view)
        if distance is not None:
            wanted.append((camera, distance, view.weight))
    if len(wanted) < ENOUGH:
        return vertices
    for reach in REACHES:
        moves, weights = np.zeros(len(vertices)), np.zeros(len(vertices))
        normals = vertex_normals(vertices, faces)
        rims = [_gaps(vertices, faces, normals, camera, distance) for camera, distance, _ in wanted]
        gaps = [np.abs(found[2]) for found in rims if found is not None]
        if not gaps:
            return vertices
        if reach > REACHES[-1] and np.median(np.concatenate(gaps)) < SMALL:
            continue
        for found, (_, _, weight) in zip(rims, wanted, strict=True):
            if found is None:
                continue
            corners, bary, gap, length = found
            say = min(weight, 1.0) / (1 + (np.median(np.abs(gap)) / CLOSE) ** 2)
            say = say / (1 + (gap / CLOSE) ** 2)
            for k in range(3):
                share = say * bary[:, k]
                moves += np.bincount(corners[:, k], -share * gap * length, len(vertices))
                weights += np.bincount(corners[:, k], share, len(vertices))
        target = moves / np.maximum(weights, 1e-9)
        smooth = spread(vertices, faces, target[:, None], np.minimum(weights, 1.0), reach)
        vertices = vertices + normals * smooth
    return vertices


def _silhouette(view: View) -> tuple[Camera, np.ndarray | None]:
    """The camera and the signed distance to a view's silhouette, in pixels of at most `SIDE`; None if it shows none."""
    import cv2

    alpha = view.mask
    if not 20 < (alpha > 0.5).sum() < alpha.size:
        return view.camera, None
    scale = min(1.0, SIDE / max(alpha.shape))
    width, height = (max(1, round(side * scale)) for side in alpha.shape[::-1])
    if scale < 1:
        alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA)
    return view.camera.resized(width, height), mask_distance(alpha)


def _gaps(
    vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray, camera: Camera, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Points of the mesh's outline, or None where there are too few.

    Returns:
        (N, 3) corners of their faces, (N, 3) weights of these, (N,) pixels by which the outline lies outside of the
        silhouette there, (N,) length of a pixel in world units.
    """
    fine = camera.resized(FINER * camera.width, FINER * camera.height)
    drawn = rasterise_view(vertices, faces, fine, outline=True)
    rows, columns, places = [], [], []
    for axis in (0, 1):
        for inner, outer in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
            first = tuple(inner if k == axis else slice(None) for k in range(2))
            second = tuple(outer if k == axis else slice(None) for k in range(2))
            row, column = np.nonzero(drawn.hit[first] & ~drawn.hit[second])
            start, step = inner.start or 0, -0.5 if inner.start else 0.5
            row, column = row + start * (axis == 0), column + start * (axis == 1)
            rows.append(row)
            columns.append(column)
            # The outline crosses somewhere between the two pixel centres.
            places.append(
                np.stack([column + 0.5 + step * (axis == 1), row + 0.5 + step * (axis == 0)], axis=1)
            )
    row, column, at = np.concatenate(rows), np.concatenate(columns), np.concatenate(places) / FINER
    corners, bary = faces[drawn.face[row, column]], drawn.bary[row, column].astype(np.float64)
    gap = sample_bilinear(distance, at).astype(np.float64)
    on = np.abs(gap) < FAR
    # The silhouette must face the way the surface does there: not the other side of a thin part.
    normal = np.einsum("nk,nkc->nc", bary, normals[corners]) @ camera.c2w[:3, :3]
    slope = sample_bilinear(np.stack(np.gradient(distance)[::-1], axis=-1), at)
    norm = np.hypot(normal[:, 0], normal[:, 1]) * np.linalg.norm(slope, axis=1)
    on &= normal[:, 0] * slope[:, 0] - normal[:, 1] * slope[:, 1] > 0.6 * np.maximum(norm, 1e-9)
    if on.sum() < 10:
        return None
    return corners[on], bary[on], gap[on], drawn.depth[row, column][on] / camera.fl_x
