"""Each view's camera moved a little, so that the outline of the shape that all views share lies on its silhouette.

Views that a sampler drew stand a degree or a pixel beside where they were asked for, each another way. The shape that
most of them agree on averages that out; registered to it, they agree better. Its rim, where a camera looks along the
surface (the contour generator; Cipolla and Giblin 2000), is brought to one common distance from the silhouette by
robust least squares.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from img2mesh.core.camera import Camera, turned
from img2mesh.core.rasterise import sample_bilinear
from img2mesh.core.sdf_grid import SdfGrid
from img2mesh.core.view import View
from img2mesh.core.visual_hull import mask_distance, projected
from img2mesh.multiview.surface_points import Surface, surface_of

# Elevation and azimuth in degrees, shift right and down in thousandths of the side: how wrong each is, and the step of
# the numerical derivative.
EXPECTED = np.array([1.0, 1.0, 2.0, 2.0])
STEPS = np.array([0.2, 0.2, 0.5, 0.5])
ALONG = 0.3  # cosine between the normals of rim and silhouette from which they are the same side of a part
FAR = 25.0  # thousandths of the side: a gap this wide is another part of the object
PIECES = 40.0  # of an outline that are wrong independently of each other
NOISE = 1.5  # thousandths of the side, at least
ENOUGH = 30  # points of a rim
ROUNDS = 4


def registered(views: Sequence[View], shape: SdfGrid, fixed: int | None = None) -> tuple[View, ...]:
    """The views with cameras moved onto a shape.

    Args:
        views: with alpha.
        shape: signed distance of what the views have in common.
        fixed: place of the view whose camera stays.
    """
    from scipy.sparse import triu

    surface = surface_of(shape.sdf, shape.bounds[0], shape.spacing)
    if surface is None:
        return tuple(views)
    edges = np.array(triu(surface.neighbours).nonzero())
    return tuple(
        view if i == fixed else dataclasses.replace(view, camera=_registered(view, surface, edges))
        for i, view in enumerate(views)
    )


def _registered(view: View, surface: Surface, edges: np.ndarray) -> Camera:
    if not 20 < (view.mask > 0.5).sum() < view.mask.size:
        return view.camera
    distance = mask_distance(view.mask)
    slope = np.stack(np.gradient(distance)[::-1], axis=-1)
    unit = max(view.camera.width, view.camera.height) / 1000
    errors = np.zeros(4)
    for _ in range(ROUNDS):
        camera = moved_camera(view.camera, errors)
        points = _rim(surface, edges, camera, distance, slope, FAR * unit)
        if len(points) < ENOUGH:
            break
        gaps = _gaps(points, camera, distance) / unit
        slopes = np.stack(
            [
                (_gaps(points, moved_camera(view.camera, errors + by), distance) / unit - gaps) / by.max()
                for by in np.diag(STEPS)
            ]
            + [np.ones(len(points))],  # what all rims share is the shape's size, not the camera's error
            axis=-1,
        )
        scale = max(NOISE, 1.5 * float(np.median(np.abs(gaps - np.median(gaps)))))
        weights = 1 / (1 + ((gaps - np.median(gaps)) / scale) ** 2)
        weights *= PIECES / weights.sum() / scale**2
        prior = np.diag([*EXPECTED**-2.0, 1e-6])
        right = -slopes.T @ (weights * gaps) - prior @ [*errors, 0]
        step = np.linalg.solve(slopes.T @ (weights[:, None] * slopes) + prior, right)[:4]
        errors = errors + np.clip(step, -EXPECTED, EXPECTED)
    return moved_camera(view.camera, np.clip(errors, -2 * EXPECTED, 2 * EXPECTED))


def _rim(
    surface: Surface,
    edges: np.ndarray,
    camera: Camera,
    distance: np.ndarray,
    slope: np.ndarray,
    reach: float,
) -> np.ndarray:
    """(N, 3) points of the surface's rim for a camera that lie within `reach` pixels of the silhouette's edge.

    Where the sides of one of the `edges` (2, E) face to the camera and away from it, the rim is between its ends.
    """
    facing = np.einsum("nc,nc->n", camera.position - surface.points, surface.normals)
    one, two = edges[:, (facing[edges[0]] > 0) != (facing[edges[1]] > 0)]
    share = (facing[one] / (facing[one] - facing[two]))[:, None]
    points, normals = ((1 - share) * a[one] + share * a[two] for a in (surface.points, surface.normals))
    normals = normals @ camera.c2w[:3, :2] * [1, -1]
    pixels = projected(points, camera)[0]
    uphill = sample_bilinear(slope, pixels)
    along = np.einsum("nc,nc->n", normals, uphill)
    near = np.abs(sample_bilinear(distance, pixels)) < reach
    near &= along > ALONG * np.linalg.norm(normals, axis=1) * np.linalg.norm(uphill, axis=1)
    return points[near]


def _gaps(points: np.ndarray, camera: Camera, distance: np.ndarray) -> np.ndarray:
    """(N,) pixels by which points are drawn outside of the silhouette."""
    return sample_bilinear(distance, projected(points, camera)[0]).astype(np.float64)


def moved_camera(camera: Camera, errors: np.ndarray) -> Camera:
    """Turned up and around by the first two of the errors, degrees, its picture shifted by the others (`EXPECTED`)."""
    unit = max(camera.width, camera.height) / 1000
    camera = turned(camera, errors[0], errors[1])
    return dataclasses.replace(camera, cx=camera.cx + errors[2] * unit, cy=camera.cy + errors[3] * unit)
