"""Novel views rendered from the reconstructed, textured mesh: sharp, consistent and of any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.progress import Progress
from img2mesh.core.rasterise import sample_bilinear
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.mesh.textured_mesh import TexturedMesh, surface
from img2mesh.preview.raster import render_mesh

Directions = Sequence[tuple[float | None, float]]

SUPERSAMPLE = {256: 4, 512: 3}  # samples per pixel along each axis up to these sizes, 2 beyond
POINTS = 20_000  # on the surface, as many as a structure from motion of such an object leaves


def rendered_views(
    mesh: TexturedMesh, cameras: Sequence[Camera], step: Callable[[int], None] = lambda done: None
) -> tuple[View, ...]:
    """What the cameras see of a mesh, with alpha; they decide the pictures' sizes. `step` is told of each picture."""
    normals = mesh.normals()
    views = []
    for camera in cameras:
        samples = next((n for size, n in SUPERSAMPLE.items() if camera.width <= size), 2)
        picture = render_mesh(mesh, camera, None, samples, normals=normals)
        views.append(View(picture, camera, Source.RENDERED))
        step(1)
    return tuple(views)


def views_of_mesh(
    mesh: TexturedMesh, views: ViewSet, directions: Directions | None, size: int, progress: Progress
) -> ViewSet:
    """The photo, and a mesh seen from the directions (None: one ring) about it, all `size` pixels square.

    Args:
        directions: (azimuth in degrees or None, elevation in degrees) of each, as `views.orbit` has them.
    """
    from img2mesh.views.orbit import ring_cameras, ring_directions

    directions = ring_directions(36) if directions is None else directions
    cameras = ring_cameras(views, directions, size)
    with progress.stage("render", len(cameras)) as step:
        made = rendered_views(mesh, cameras, step)
    photo = [view.resized(size) for view in views.views if view.source is Source.PHOTO]
    facts = {**views.facts, "rendered": True}
    return ViewSet((*photo, *made), facts, points=surface_points(mesh))


def surface_points(mesh: TexturedMesh, number: int = POINTS, seed: int = 0) -> np.ndarray:
    """(number, 6) float32 points evenly spread over a mesh: world positions and sRGB in [0, 1]."""
    from trimesh.sample import sample_surface
    from trimesh.triangles import points_to_barycentric

    solid = surface(mesh.vertices, mesh.faces)
    points, faces = sample_surface(solid, number, seed=seed)[:2]
    weights = points_to_barycentric(solid.triangles[faces], points)
    uv = np.einsum("ni,nij->nj", weights, mesh.uv[mesh.faces[faces]])
    height, width = mesh.texture.shape[:2]
    pixels = np.stack([uv[:, 0] * width, (1 - uv[:, 1]) * height], axis=1)
    return np.column_stack([points, sample_bilinear(mesh.texture, pixels) / 255]).astype(np.float32)
