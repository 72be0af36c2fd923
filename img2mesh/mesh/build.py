"""Field in, textured mesh out: the order of the steps."""

from __future__ import annotations

import numpy as np

from img2mesh.core.progress import Progress
from img2mesh.core.shape import Shape, SurfaceField
from img2mesh.core.view import Source, View
from img2mesh.mesh.atlas import unwrap
from img2mesh.mesh.contours import ENOUGH, fit_contours
from img2mesh.mesh.delighting import delit
from img2mesh.mesh.extract import extract_surface
from img2mesh.mesh.manifold import to_manifold
from img2mesh.mesh.silhouette import fit_silhouette, missed
from img2mesh.mesh.simplify import simplify, smooth, snap_to_field
from img2mesh.mesh.texture import bake_texture
from img2mesh.mesh.textured_mesh import TexturedMesh, is_closed, weld
from img2mesh.settings import Settings

SMOOTHING = 3  # rounds on marching cubes' output, against its staircase
MAX_RESOLUTION = 1024
MISSED = 0.001  # share of the photo's object that the surface may miss before a finer grid is tried
THIN_RESOLUTION = 216  # cells of the finest of those


def build_mesh(shape: Shape, settings: Settings, progress: Progress | None = None) -> TexturedMesh:
    """Surface, silhouette, faces, atlas, texture.

    Args:
        shape: its views colour the surface; the photo, if there is one, also trims the silhouette.
        settings: `mesh_resolution`, `faces`, `texture_size` and `delight` count here.
        progress: told about three stages.

    Returns:
        A closed mesh, wound outwards, in world axes.

    Raises:
        Img2MeshError: the field has no surface inside its bounds.
    """
    progress = progress or Progress()
    field, views = shape.field, shape.views
    with progress.stage("mesh"):
        vertices, faces = closed_surface(field, settings, views.photo)
        true = [view for view in views.views if view.source is not Source.DRAWN]
        if len(true) >= ENOUGH:
            vertices = fit_contours(vertices, faces, true)
        else:  # the front last: its outline is exact
            for photo in reversed([view for view in true if view.source is Source.PHOTO]):
                vertices = fit_silhouette(vertices, faces, photo)
        vertices, faces = _rounded(vertices, faces)
    with progress.stage("unwrap"):
        source, atlas_faces, uv = unwrap(vertices, faces, settings.texture_size)
    with progress.stage("texture"):
        views = delit(views, vertices, faces, settings.delight)
        size = settings.texture_size
        texture, origin, facts = bake_texture(vertices, faces, atlas_faces, uv, field, views, size)
    return TexturedMesh(vertices[source], atlas_faces, uv, texture, facts, origin)


def closed_surface(
    field: SurfaceField, settings: Settings, photo: View | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The field's surface with `settings.faces` faces within 2 %: (V, 3) and (F, 3), closed."""
    resolution = max(settings.mesh_resolution, field.cells)
    vertices, faces = extract_surface(field, resolution, photo)
    while photo is not None and resolution < THIN_RESOLUTION and missed(vertices, faces, photo) > MISSED:
        resolution = min(THIN_RESOLUTION, int(1.5 * resolution))  # a leg may be thinner than the grid is fine
        vertices, faces = extract_surface(field, resolution, photo)
    while len(faces) < settings.faces and resolution < MAX_RESOLUTION:
        # More faces are wanted than the grid gives: their number grows with the square of the resolution.
        factor = np.sqrt(1.2 * settings.faces / len(faces))
        resolution = min(MAX_RESOLUTION, max(resolution + 1, int(np.ceil(resolution * factor))))
        vertices, faces = extract_surface(field, resolution, photo)
    low, high = np.asarray(field.bounds, dtype=np.float64)
    cell = float((high - low).max() / resolution)
    vertices = smooth(vertices, faces, SMOOTHING)
    vertices, faces = simplify(vertices, faces, settings.faces, photo)
    vertices = snap_to_field(vertices, faces, field, reach=cell)
    return vertices, faces


def _rounded(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions as glTF stores them, in single precision: closed here is closed there."""
    for _ in range(3):
        vertices, faces = weld(vertices.astype(np.float32).astype(np.float64), faces)
        if is_closed(faces):
            break
        vertices, faces = to_manifold(vertices, faces)
    return vertices, faces
