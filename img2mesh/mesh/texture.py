"""Colours of the atlas: the photo where it sees the surface, other views and the field elsewhere."""

from __future__ import annotations

import numpy as np

from img2mesh.core.rasterise import Fragments, rasterise_atlas, sample_bilinear
from img2mesh.core.view import ViewSet
from img2mesh.mesh.sources import Sources

CHUNK = 1 << 18  # texels coloured at once
FIELD_SIDE = 512  # the field is smoother than a texture: above this side it is asked at half the resolution


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
    sources = Sources(field, views, vertices, faces)
    side = size if size <= FIELD_SIDE else max(FIELD_SIDE, size // 2)
    coarse = rasterise_atlas(uv, atlas_faces, side, side)
    smooth = _field_texture(sources, coarse, faces)
    atlas = coarse if side == size else rasterise_atlas(uv, atlas_faces, size, size)
    row, column = np.nonzero(atlas.hit)
    count = len(row)
    colours, share = np.empty((count, 3), np.float32), np.empty(count, np.float32)
    corners, weights = faces[atlas.face[row, column]], atlas.bary[row, column]
    for i in range(0, count, CHUNK):
        part = slice(i, i + CHUNK)
        pixels = np.stack([column[part] + 0.5, row[part] + 0.5], axis=1) * (side / size)
        field_colours = sample_bilinear(smooth, pixels)
        colours[part], share[part] = sources.colours(corners[part], weights[part], field_colours)
    texture = np.zeros((size, size, 3), np.float32)
    texture[row, column] = colours
    facts = {
        "texture_coverage": round(float(atlas.hit.mean()), 4),
        "photo_share": round(float(share.mean()), 4) if count else 0.0,
    }
    return (np.clip(fill(texture, atlas), 0, 1) * 255 + 0.5).astype(np.uint8), facts


def _field_texture(sources: Sources, atlas: Fragments, faces: np.ndarray) -> np.ndarray:
    """(T, T, 3) float32: the field's own colours on the whole atlas."""
    corners, weights = faces[atlas.face[atlas.hit]], atlas.bary[atlas.hit]
    texture = np.zeros((*atlas.face.shape, 3), np.float32)
    texture[atlas.hit] = sources.field_colours(corners, weights)
    return fill(texture, atlas)


def fill(texture: np.ndarray, atlas: Fragments) -> np.ndarray:
    """Give every texel that no chart covers the colour of the nearest one that is covered.

    Then bilinear and mip-mapped lookups near a chart's border find the chart's own colours.
    """
    if atlas.hit.all() or not atlas.hit.any():
        return texture
    from scipy.ndimage import distance_transform_edt

    row, column = distance_transform_edt(~atlas.hit, return_distances=False, return_indices=True)
    return texture[row, column]
