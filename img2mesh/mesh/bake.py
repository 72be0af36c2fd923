"""Colours of the atlas: the photo where it sees the surface, other views and the field elsewhere."""

from __future__ import annotations

import numpy as np

from img2mesh.mesh.exposure import colour_correction, spread_residual
from img2mesh.mesh.project import Projector
from img2mesh.mesh.rasterise import Fragments, rasterise_atlas
from img2mesh.mesh.textured import vertex_normals
from img2mesh.views.view import View, ViewSet

FIELD_WEIGHT = 0.05  # of the field's colour against a view that faces the surface squarely
AGREEMENT = 0.12  # sRGB distance to the field's colour at which a generated view loses its say
SHARPNESS = 4  # power of the cosine: how strongly the view that sees a point best wins
CHUNK = 1 << 18  # texels coloured at once


def bake_texture(
    vertices: np.ndarray,
    faces: np.ndarray,
    source: np.ndarray,
    atlas_faces: np.ndarray,
    uv: np.ndarray,
    field,
    views: ViewSet,
    size: int,
) -> tuple[np.ndarray, dict]:
    """Colour every texel.

    Args:
        vertices, faces: the closed surface, (V, 3) and (F, 3).
        source, atlas_faces, uv: its atlas, from `unwrap`.
        field: has `sdf`, `gradient` and `colour`.
        views: the photo, if there is one, decides where it sees the surface; the others add detail to the
            field's colour where they agree with it.
        size: side of the texture.

    Returns:
        (size, size, 3) uint8 texture without a single empty texel, and facts for the report.
    """
    atlas = rasterise_atlas(uv, atlas_faces, size, size)
    normals = vertex_normals(vertices, faces)
    blender = _Blender(field, views, vertices, faces, normals)
    residual = blender.residual()  # (V, 3): what the photo adds to the other sources, spread over the mesh
    points = atlas.interpolate(vertices[source], atlas_faces)
    directions = _unit(atlas.interpolate(normals[source], atlas_faces))
    extra = atlas.interpolate(residual[source], atlas_faces)
    colours = np.empty((len(points), 3), np.float32)
    photo_weight = np.zeros(len(points), np.float32)
    for i in range(0, len(points), CHUNK):
        part = slice(i, i + CHUNK)
        colours[part], photo_weight[part] = blender.colours(points[part], directions[part], extra[part])
    texture = np.zeros((size, size, 3), np.float32)
    texture[atlas.hit] = colours
    texture = fill(texture, atlas)
    facts = {
        "texture_coverage": round(float(atlas.hit.mean()), 4),
        "photo_share": round(float(photo_weight.mean()), 4) if len(points) else 0.0,
    }
    return (np.clip(texture, 0, 1) * 255 + 0.5).astype(np.uint8), facts


class _Blender:
    """Colours of surface points from all sources."""

    def __init__(self, field, views: ViewSet, vertices, faces, normals) -> None:
        self.field, self.vertices, self.faces, self.normals = field, vertices, faces, normals
        photo = views.photo
        self.photo = _projector(photo, vertices, faces) if photo is not None else None
        self.others = [(_projector(v, vertices, faces), v) for v in views.views if v.kind != "photo"]
        self.trust = [v.weight for _, v in self.others]
        largest = max(self.trust, default=1.0) or 1.0
        self.trust = [t / largest for t in self.trust]
        self.correction = np.concatenate([np.eye(3), np.zeros((1, 3))])

    def residual(self) -> np.ndarray:
        """(V, 3) photo minus corrected other sources, smooth, fading out on the sides that the photo misses.

        Also fits the correction of the other sources' exposure.
        """
        if self.photo is None:
            return np.zeros_like(self.vertices)
        photo, weight, _ = self.photo.look(self.vertices, self.normals)
        base = self._base(self.vertices, self.normals)
        self.correction = colour_correction(base, photo, weight)
        return spread_residual(self.vertices, self.faces, photo - self._corrected(base), weight)

    def colours(self, points, normals, residual) -> tuple[np.ndarray, np.ndarray]:
        """(N, 3) final colours of points and (N,) the photo's share in them."""
        colours = np.zeros((len(points), 3), np.float32)
        weight = np.zeros(len(points), np.float32)
        if self.photo is not None:
            colours, weight, _ = self.photo.look(points, normals)
        rest = np.nonzero(weight < 0.999)[0]
        base = self._corrected(self._base(points[rest], normals[rest])) + residual[rest]
        share = weight[rest, None]
        colours[rest] = colours[rest] * share + np.clip(base, 0, 1) * (1 - share)
        return colours, weight

    def _corrected(self, colours: np.ndarray) -> np.ndarray:
        return colours @ self.correction[:3].astype(np.float32) + self.correction[3].astype(np.float32)

    def _base(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """The field's colour, sharpened by the views that agree with it."""
        field = np.clip(np.asarray(self.field.colour(self._snapped(points, normals)), dtype=np.float32), 0, 1)
        total, weights = FIELD_WEIGHT * field, np.full(len(points), FIELD_WEIGHT, np.float32)
        for (projector, view), trust in zip(self.others, self.trust, strict=True):
            colours, weight, cosine = projector.look(points, normals)
            weight = weight * trust * np.clip(cosine, 0, 1).astype(np.float32) ** SHARPNESS
            if view.kind == "generated":
                distance = ((colours - field) ** 2).sum(axis=1)
                weight = weight * np.exp(-distance / (2 * AGREEMENT**2))
            total = total + weight[:, None] * colours
            weights = weights + weight
        return total / weights[:, None]

    def _snapped(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Points moved to the field's zero level: two Newton steps along the gradient, at most 0.02."""
        moved = points.astype(np.float32)
        for _ in range(2):
            slope = np.asarray(self.field.gradient(moved))
            square = np.maximum((slope**2).sum(axis=1), 0.1)
            moved = moved - slope * (np.asarray(self.field.sdf(moved)) / square)[:, None]
        drift = moved - points
        length = np.linalg.norm(drift, axis=1, keepdims=True)
        return (points + drift * np.minimum(1, 0.02 / np.maximum(length, 1e-9))).astype(np.float32)


def _projector(view: View, vertices: np.ndarray, faces: np.ndarray) -> Projector:
    return Projector.of(view.rgba if view.full is None else view.full, view.camera, vertices, faces)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def fill(texture: np.ndarray, atlas: Fragments) -> np.ndarray:
    """Give every texel that no chart covers the colour of the nearest one that is covered.

    Then bilinear and mip-mapped lookups near a chart's border find the chart's own colours.
    """
    if atlas.hit.all() or not atlas.hit.any():
        return texture
    from scipy.ndimage import distance_transform_edt

    row, column = distance_transform_edt(~atlas.hit, return_distances=False, return_indices=True)
    return texture[row, column]
