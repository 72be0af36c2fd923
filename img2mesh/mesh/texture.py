"""Colours of the atlas: every face takes them from one source, and seams are levelled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2mesh.core.rasterise import Fragments, interpolated, rasterise_atlas
from img2mesh.core.shape import SurfaceField
from img2mesh.core.view import ViewSet
from img2mesh.mesh.fine_structure import FineStructure
from img2mesh.mesh.material_fill import MaterialFill, material_of
from img2mesh.mesh.seam_levelling import seam_offsets, vertex_shares
from img2mesh.mesh.texture_sources import (
    DRAWN,
    FIELD,
    FILL,
    GIVEN,
    MEAN,
    MIRRORED,
    OTHER,
    PHOTO,
    QUALITY,
    Picture,
    TextureSource,
    texture_sources,
)
from img2mesh.mesh.textured_mesh import unit_vectors, vertex_normals
from img2mesh.mesh.view_selection import face_neighbours, label_faces
from img2mesh.views.picture_detail import pictures_believed

CHUNK = 1 << 18  # texels coloured at once
INSIDE = (
    np.array([[4, 1, 1], [1, 4, 1], [1, 1, 4], [2, 2, 2]]) / 6
)  # weights of corners: where a face is looked at
SEAM = 0.3  # cost of a seam as long as a mean edge, against a mean face without a source
OWNED = 0.5  # score from which a face is the photo's
LABELLED = 2  # every so many of the photo's pixels are told which material they are
LEAST_SCORE = 0.05  # below which a source does not see a face
PALETTE = {  # of the map of sources
    PHOTO: (60, 160, 80),
    OTHER: (140, 200, 90),
    MIRRORED: (70, 110, 200),
    DRAWN: (230, 150, 50),
    GIVEN: (150, 90, 190),
    MEAN: (200, 120, 190),
    FIELD: (90, 190, 200),
    FILL: (170, 170, 170),
}


def bake_texture(
    vertices: np.ndarray,
    faces: np.ndarray,
    atlas_faces: np.ndarray,
    uv: np.ndarray,
    field: SurfaceField,
    views: ViewSet,
    size: int,
) -> tuple[np.ndarray, np.ndarray, dict]:
    """Colour every texel.

    Args:
        vertices, faces: the closed surface, (V, 3) and (F, 3).
        atlas_faces, uv: its atlas, from `unwrap`.
        field: has `sdf`, `gradient` and `colour`, which counts where the views are believed.
        views: the photo, if there is one, decides where it sees the surface; its mirror image, where the object is
            symmetric, the others and the field colour the rest; what none of them shows is filled in smoothly.
        size: side of the texture.

    Returns:
        (size, size, 3) uint8 texture without a single empty texel, (size, size, 3) uint8 map of the sources in the
        colours of `PALETTE`, and facts for the report.
    """
    belief = pictures_believed(views.views) if views.photo is not None else 1.0
    sources, facts = texture_sources(field, views, belief, vertices, faces)
    names = [*(source.name for source in sources), FILL]
    labels = select_sources(sources, vertices, faces)
    normals = vertex_normals(vertices, faces)
    shares, offsets, fill = _levelled(sources, labels, vertices, faces, normals)
    structure = _structure(sources, fill)

    atlas = rasterise_atlas(uv, atlas_faces, size, size)
    texels = np.flatnonzero(atlas.hit)
    face, weights = atlas.face.ravel()[texels], atlas.bary.reshape(-1, 3)
    label = labels[face]
    photo = _photo_of(sources)
    own = (label == 0) & (photo is not None)  # these are the photo's exactly
    colour_of = np.array([PALETTE[name] for name in names], np.uint8)
    pictures = np.zeros((size * size, 6), np.uint8)  # the colours, and where they are from
    for chosen, exact in ((np.flatnonzero(own), True), (np.flatnonzero(~own), False)):
        for i in range(0, len(chosen), CHUNK):
            part = chosen[i : i + CHUNK]
            at = texels[part]
            corners, bary = faces[face[part]], weights[at]
            if exact:
                colours = sources[0].colours(interpolated(vertices, corners, bary))
            else:
                colours = _texels(sources, shares, offsets, fill, structure, vertices, normals, corners, bary)
                filled = np.flatnonzero(label[part] == len(sources))
                if photo is not None:
                    share = _shown(photo, colours, filled, vertices, normals, corners, bary)
                    label[part[filled[share > 0.5]]] = 0
            levels = (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)
            pictures[at] = np.column_stack([levels, colour_of[label[part]]])
    kinds = np.array([list(PALETTE).index(name) for name in names])[label]
    found = np.bincount(kinds, minlength=len(PALETTE)) / max(len(texels), 1)
    facts |= {
        "texture_coverage": round(float(atlas.hit.mean()), 4),
        "sources": {name: round(float(s), 4) for name, s in zip(PALETTE, found, strict=True) if s > 0},
        "photo_share": round(float(found[0]), 4),
    }
    pictures = dilate(pictures.reshape(size, size, 6), atlas)
    return pictures[..., :3].copy(), pictures[..., 3:].copy(), facts


def select_sources(sources: Sequence[TextureSource], vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F,) the number of the source that colours each face; `len(sources)` for none, which is filled in."""
    normals = vertex_normals(vertices, faces)
    points = np.einsum("pk,fkc->fpc", INSIDE, vertices[faces]).reshape(-1, 3)
    directions = unit_vectors(np.einsum("pk,fkc->fpc", INSIDE, normals[faces]).reshape(-1, 3))
    scores = np.full((len(faces), len(sources) + 1), QUALITY[FILL])
    for k, source in enumerate(sources):
        score = source.score(points, directions).reshape(len(faces), -1)
        scores[:, k] = np.where(score.min(axis=1) > 0, score.mean(axis=1), 0)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    cost = np.where(scores > LEAST_SCORE, (1 - scores) * (area / area.mean())[:, None], np.inf)
    if _photo_of(sources) is not None:  # what it sees well is its own
        cost[scores[:, 0] > OWNED, 1:] = np.inf
    pairs, length = face_neighbours(vertices, faces)
    return label_faces(cost, pairs, SEAM * length / length.mean())


def _photo_of(sources: Sequence[TextureSource]) -> Picture | None:
    """The photo, which comes first where there is one."""
    first = sources[0] if sources else None
    return first if isinstance(first, Picture) and first.name == PHOTO else None


def _levelled(
    sources: Sequence[TextureSource],
    labels: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    normals: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, MaterialFill]:
    """(V, K + 1) shares of the sources and of fill, (V, K, 3) offsets of the sources, and the fill."""
    count = len(sources)
    photo = _photo_of(sources) is not None
    touched = vertex_shares(faces, labels, len(vertices), count + 1)
    colours = np.zeros((len(vertices), count, 3))
    seen = np.zeros((len(vertices), count))
    for k, source in enumerate(sources):
        at = np.flatnonzero(touched[:, k] > 0)
        if len(at):
            colours[at, k] = source.colours(vertices[at], blurred=True)
            seen[at, k] = source.score(vertices[at], normals[at])
    taken = np.array([source.name in (PHOTO, OTHER) for source in sources], bool)
    offsets = seam_offsets(faces, touched[:, :count], colours, seen, 0 if photo else -1, taken)
    shares = np.column_stack([touched[:, :count] * (seen > 0), touched[:, count]])
    shares[shares.sum(axis=1) == 0, count] = 1
    shares /= shares.sum(axis=1, keepdims=True)
    if (
        photo
    ):  # it has the vertices of its faces, and fades into the fill, which has no detail to clash with its own
        own = shares[:, 0] > 0
        shares[own], shares[own, 0] = 0, 1
        at = np.flatnonzero(shares[:, -1] > 0)
        fading = np.clip(sources[0].score(vertices[at], normals[at]) / OWNED, 0, 1) * shares[at, -1]
        shares[at, 0] += fading
        shares[at, -1] -= fading
    known = shares[:, :count] * (seen > 0)
    total = known.sum(axis=1)
    mean = np.einsum("vk,vkc->vc", known, colours + offsets) / np.maximum(total, 1e-6)[:, None]
    return shares, offsets, MaterialFill.over(vertices, faces, mean, np.minimum(total, 1.0))


def _texels(
    sources: Sequence[TextureSource],
    shares: np.ndarray,
    offsets: np.ndarray,
    fill: MaterialFill,
    structure: FineStructure | None,
    vertices: np.ndarray,
    normals: np.ndarray,
    corners: np.ndarray,
    bary: np.ndarray,
) -> np.ndarray:
    """(N, 3) colours of points with weights (N, 3) of corners (N, 3): each source's by its share there."""

    points, weight = interpolated(vertices, corners, bary), interpolated(shares, corners, bary)
    result = np.zeros((len(points), 3), np.float32)
    filled = np.flatnonzero(weight[:, -1] > 1e-4)
    there = corners[filled], bary[filled]
    chance = fill.chance_at(*there)
    result[filled] = weight[filled, -1:] * fill.at(*there, chance)
    if structure is not None:
        turned = interpolated(normals, *there)
        result[filled] += weight[filled, -1:] * structure.at(points[filled], turned, chance)
    for k, source in enumerate(sources):
        used = np.flatnonzero(weight[:, k] > 1e-4)
        if len(used):
            shift = interpolated(offsets[:, k], corners[used], bary[used])
            result[used] += weight[used, k : k + 1] * (source.colours(points[used]) + shift)
    return result


def _shown(
    photo: Picture,
    colours: np.ndarray,
    filled: np.ndarray,
    vertices: np.ndarray,
    normals: np.ndarray,
    corners: np.ndarray,
    bary: np.ndarray,
) -> np.ndarray:
    """Mix the photo into the filled ones of `colours` (N, 3) where it shows them; its share in each, in [0, 1].

    They are filled because what hides a part of their face is near. The photo's colours there may be those of what
    hides it; from the front they are right, and the fill's are not.
    """
    there = corners[filled], bary[filled]
    points = interpolated(vertices, *there)
    share = photo.projector.shown(points, unit_vectors(interpolated(normals, *there)), photo.facing)
    colours[filled] += share[:, None] * (photo.colours(points) - colours[filled])
    return share


def _structure(sources: Sequence[TextureSource], fill: MaterialFill) -> FineStructure | None:
    """The photo's fine structure for the fill; None without a photo."""
    front = _photo_of(sources)
    if front is None:
        return None
    photo = front.projector
    small = photo.blurred[::LABELLED, ::LABELLED]
    material = material_of(small.reshape(-1, 3), fill.centres).reshape(small.shape[:2])
    return FineStructure.of(photo, material, len(fill.centres))


def dilate(texture: np.ndarray, atlas: Fragments) -> np.ndarray:
    """Give every texel that no chart covers the colour of the nearest one that is covered.

    Then bilinear and mip-mapped lookups near a chart's border find the chart's own colours.
    """
    if atlas.hit.all() or not atlas.hit.any():
        return texture
    from scipy.ndimage import distance_transform_edt

    row, column = distance_transform_edt(~atlas.hit, return_distances=False, return_indices=True)
    empty = ~atlas.hit
    result = texture.copy()
    result[empty] = texture[row[empty], column[empty]]
    return result
