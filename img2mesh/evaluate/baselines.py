"""What can be had from the input view without any model: the bar that a model has to clear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.ray_casting import cast, filtered, ray_scene, sample_texture
from img2mesh.core.sdf_grid import SdfGrid, lattice
from img2mesh.core.view import View
from img2mesh.core.visual_hull import cone_distances, mask_distance

GRID = 72  # samples along the longest side of a baseline's box
THIN = 0.04  # thickness of the billboard: no cell of the volume score may fall through it


def billboard_picture(picture: np.ndarray) -> np.ndarray:
    """The input's silhouette in its mean colour: (H, W, 4) uint8."""
    weight = picture[..., 3:].astype(np.float64)
    mean = (picture[..., :3] * weight).sum((0, 1)) / max(weight.sum(), 1)
    flat = picture.copy()
    flat[..., :3] = (mean + 0.5).astype(np.uint8)
    return flat


def swept_silhouette(view: View, depth: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The visual hull of one silhouette, cut off in front and behind: (V, 3) vertices and (F, 3) faces.

    Args:
        view: the input; its camera looks at the origin.
        depth: thickness along the viewing axis, about the origin; by default the shorter side of the
            silhouette's box, as for a thing that is as deep as it is slim.
    """
    camera = view.camera
    if depth is None:
        rows, columns = np.nonzero(view.mask > 0.5)
        sides = (np.ptp(rows) + 1, np.ptp(columns) + 1) if len(rows) else (1, 1)
        depth = float(np.clip(min(sides) * camera.distance / camera.fl_x, 0.05, 1.0))
    half, spacing = 0.8, 1.6 / (GRID - 1)
    axes = camera.c2w[:3, :3]  # a grid along the camera's axes keeps thin slabs whole
    local, shape = lattice(
        np.array([[-half, -half, -depth], [half, half, depth]]), _spacing(half, depth, spacing)
    )
    points = local @ axes.T
    cone = cone_distances([mask_distance(view.mask)], [camera], points)[0]
    sdf = np.maximum(cone, np.abs(local[:, 2]) - depth / 2).reshape(shape)
    vertices, faces = _surface(sdf, -np.array([half, half, depth]), _spacing(half, depth, spacing))
    return vertices @ axes.T, faces


def _spacing(half: float, depth: float, spacing: float) -> float:
    """A grid step that is fine enough for the slab."""
    return min(spacing, max(depth / 4, 2 * half / 200))


def hull_surface(hull: SdfGrid) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a visual hull."""
    return _surface(hull.sdf, hull.bounds[0], hull.spacing)


def _surface(sdf: np.ndarray, low: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    from skimage.measure import marching_cubes

    if not (sdf < 0).any():
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    padded = np.pad(sdf, 1, constant_values=max(float(sdf.max()), spacing))
    vertices, faces, _, _ = marching_cubes(padded, 0.0, spacing=(spacing,) * 3)
    return vertices.astype(np.float64) - spacing + low, faces.astype(np.int64)


def render_projected(
    vertices: np.ndarray, faces: np.ndarray, view: View, camera: Camera, supersample: int = 2
) -> np.ndarray:
    """A shape with the input picture projected through it from front to back, seen by `camera`.

    Returns:
        (H, W, 4) uint8, straight alpha.
    """
    h, w, n = camera.height, camera.width, supersample
    if not len(faces):
        return np.zeros((h, w, 4), dtype=np.uint8)
    origins, directions = camera.resized(w * n, h * n).rays()
    origins, directions = origins.reshape(-1, 3), directions.reshape(-1, 3)
    face, _, distance = cast(ray_scene(vertices, faces), origins, directions)
    hit = face >= 0
    pixels, _ = view.camera.project(origins[hit] + distance[hit, None] * directions[hit])
    uv = pixels / [view.camera.width, view.camera.height]
    uv = np.clip(np.stack([uv[:, 0], 1 - uv[:, 1]], -1), 1e-6, 1 - 1e-6)
    colour = np.zeros((len(face), 3))
    colour[hit] = sample_texture(_filled(view.rgba), uv)
    return filtered(colour, hit.astype(np.float64), w, h, n)


def _filled(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3): colours of the nearest solid pixel outside the silhouette."""
    from scipy.ndimage import distance_transform_edt

    solid = picture[..., 3] >= 250
    if not solid.any():
        return picture[..., :3]
    nearest = distance_transform_edt(~solid, return_distances=False, return_indices=True)
    return picture[nearest[0], nearest[1], :3]


def render_from_views(
    vertices: np.ndarray, faces: np.ndarray, views: Sequence[View], camera: Camera, supersample: int = 2
) -> np.ndarray:
    """A shape coloured by projection: each point by the view that sees it most squarely, seen by `camera`.

    Points that no view sees take the colour of the view that would see them best.

    Returns:
        (H, W, 4) uint8, straight alpha.
    """
    h, w, n = camera.height, camera.width, supersample
    scene = ray_scene(vertices, faces)
    origins, directions = camera.resized(w * n, h * n).rays()
    origins, directions = origins.reshape(-1, 3), directions.reshape(-1, 3)
    face, _, distance = cast(scene, origins, directions)
    hit = face >= 0
    points = origins[hit] + distance[hit, None] * directions[hit]
    a, b, c = (vertices[faces[face[hit]][:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    best, colours = np.full(len(points), -np.inf), np.zeros((len(points), 3))
    for view in views:
        towards = view.camera.position - points
        reach = np.linalg.norm(towards, axis=1)
        score = np.einsum("ij,ij->i", normals, towards) / reach
        score[score < 0] -= 4
        tried = np.flatnonzero(score > best)
        start = points[tried] + 0.004 * normals[tried]
        blocked = cast(scene, start, view.camera.position - start)[0] >= 0
        score[tried[blocked]] -= 2
        tried = tried[score[tried] > best[tried]]
        best[tried] = score[tried]
        pixels, _ = view.camera.project(points[tried])
        uv = pixels / [view.camera.width, view.camera.height]
        uv = np.clip(np.stack([uv[:, 0], 1 - uv[:, 1]], -1), 1e-6, 1 - 1e-6)
        colours[tried] = sample_texture(_filled(view.rgba), uv)
    image = np.zeros((len(face), 3))
    image[hit] = colours
    return filtered(image, hit.astype(np.float64), w, h, n)
