"""Moves a foreign scene to where the field expects it: centred, longest side about one unit."""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.view import View, ViewSet
from img2mesh.errors import Img2MeshError

_CELLS = 48


def normalised(viewset: ViewSet) -> ViewSet:
    """The same pictures with cameras moved and scaled so that the object fills the unit cube.

    The object's centre is first taken as the point nearest to the rays through the silhouettes' centroids,
    its size from the silhouettes' boxes at that distance; a coarse grid carved by the silhouettes then gives
    the box. `facts["world_to_unit"]` holds the 4x4 similarity from the given world to ours.

    Raises:
        Img2MeshError: fewer than two cameras see anything, or the cameras have no object in common.
    """
    seeing = [view for view in viewset.views if (view.mask > 0.5).any()]
    if len(seeing) < 2:
        raise Img2MeshError("Fewer than two of the views show an object.")
    centre = _closest_point(seeing)
    radius = _radius(seeing, centre)
    for _ in range(2):  # the second pass looks closer, at the box that the first one found
        low, high = _carved_box(seeing, centre, radius)
        centre, radius = (low + high) / 2, 0.5 * float((high - low).max()) * 1.1
    scale = 1.0 / float((high - low).max())
    transform = np.eye(4)
    transform[:3, :3] *= scale
    transform[:3, 3] = -scale * centre
    if np.abs(scale * centre).max() < 0.05 and 0.8 < scale < 1.25:
        transform = np.eye(4)  # already ours, up to the grid's accuracy
    views = tuple(_moved(view, transform) for view in viewset.views)
    facts = {**viewset.facts, "world_to_unit": np.round(transform, 9).tolist()}
    return ViewSet(views, facts)


def _moved(view: View, transform: np.ndarray) -> View:
    c2w = view.camera.c2w.copy()
    c2w[:3, 3] = transform[:3, :3] @ c2w[:3, 3] + transform[:3, 3]
    return dataclasses.replace(view, camera=dataclasses.replace(view.camera, c2w=c2w))


def _closest_point(views: list[View]) -> np.ndarray:
    """Least-squares point to the rays through the silhouettes' centroids."""
    normal, right = np.zeros((3, 3)), np.zeros(3)
    for view in views:
        v, u = np.nonzero(view.mask > 0.5)
        pixel = np.array([u.mean() + 0.5, v.mean() + 0.5])
        origin, direction = view.camera.rays(pixel)
        across = np.eye(3) - np.outer(direction, direction)
        normal += across
        right += across @ origin
    if np.linalg.cond(normal) > 1e6:
        raise Img2MeshError("The cameras look in parallel: the object's place cannot be found.")
    point = np.linalg.solve(normal, right)
    in_front = sum(view.camera.project(point)[1] > 0 for view in views)
    if in_front < 0.5 * len(views):
        raise Img2MeshError(
            "The cameras look away from each other's subject; check that the poses are OpenGL."
        )
    return point


def _radius(views: list[View], centre: np.ndarray) -> float:
    """Upper bound of the object's extent about `centre`, the median over the views that have it in front."""
    radii = []
    for view in views:
        (cu, cv), depth = view.camera.project(centre)
        if depth <= 0:
            continue
        v, u = np.nonzero(view.mask > 0.5)
        x, y = (u + 0.5 - cu) / view.camera.fl_x, (v + 0.5 - cv) / view.camera.fl_y
        radii.append(float(depth * np.hypot(x, y).max()))
    return 1.5 * float(np.median(radii))


def _carved_box(views: list[View], centre: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    axis = (np.arange(_CELLS) + 0.5) / _CELLS * 2 - 1
    points = centre + radius * np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    misses = np.zeros(len(points), dtype=np.int32)
    for view in views:
        misses += ~inside(view.camera, view.mask > 0.5, points)
    # One view in ten may be wrong before anything is carved away.
    kept = points[misses <= len(views) // 10]
    if not len(kept):
        raise Img2MeshError("The silhouettes have no point in common: check the poses and the masks.")
    cell = radius / _CELLS
    low, high = kept.min(axis=0) - cell, kept.max(axis=0) + cell
    if not (high > low).all():  # the size of nothing, or lost in the digits of a place far away
        raise Img2MeshError(
            "The silhouettes have no size at the place that the cameras see: check the poses."
        )
    return low, high


def inside(camera: Camera, mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N,) bool: the point projects into the mask; outside of the picture its nearest border pixel decides."""
    pixels, depth = camera.project(points)
    pixels = np.nan_to_num(pixels)  # points in the camera's own plane are nowhere in the picture
    u = np.clip(pixels[:, 0], 0, camera.width - 1).astype(np.int64)
    v = np.clip(pixels[:, 1], 0, camera.height - 1).astype(np.int64)
    return mask[v, u] & (depth > 0)
