import numpy as np
import pytest

from img2mesh.core.rasterise import rasterise_atlas, sample_bilinear
from img2mesh.mesh.atlas import unwrap
from img2mesh.mesh.extract import extract_surface
from img2mesh.mesh.simplify import simplify
from img2mesh.mesh.texture import dilate
from img2mesh.mesh.textured_mesh import face_components

from .analytic import Torus


@pytest.mark.parametrize("part", [24000, 400])
def test_charts_cover_without_overlap_and_keep_the_surface(part, monkeypatch):
    monkeypatch.setattr("img2mesh.mesh.atlas.PART", part)  # large surfaces are cut in several
    vertices, faces = simplify(*extract_surface(Torus(), 64), 1500)
    source, new_faces, uv = unwrap(vertices, faces, 512)
    assert np.array_equal(source[new_faces], faces)  # the same triangles, corner by corner
    assert uv.min() >= 0 and uv.max() <= 1
    a, b, c = (uv[new_faces[:, k]] for k in range(3))
    areas = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    # Twice the same texel in two faces would make the sum of areas larger than the union.
    hit = rasterise_atlas(uv, new_faces, 2048, 2048).hit.mean()
    assert abs(np.abs(areas).sum() - hit) < 0.01 * hit
    assert hit > 0.4


@pytest.mark.parametrize("part", [24000, 400])
def test_equal_surfaces_give_equal_atlases(part, monkeypatch):
    monkeypatch.setattr("img2mesh.mesh.atlas.PART", part)
    vertices, faces = simplify(*extract_surface(Torus(), 48), 1000)
    for one, two in zip(unwrap(vertices, faces, 256), unwrap(vertices, faces, 256), strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("part", [24000, 400])
def test_texels_are_shared_out_by_area(part, monkeypatch):
    monkeypatch.setattr("img2mesh.mesh.atlas.PART", part)
    vertices, faces = simplify(*extract_surface(Torus(), 64), 1500)
    _, new_faces, uv = unwrap(vertices, faces, 512)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    solid = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    a, b, c = (uv[new_faces[:, k]] for k in range(3))
    flat = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    ratio = np.sort((flat / solid)[solid > np.median(solid) / 4])
    assert ratio[int(0.95 * len(ratio))] < 2.5 * ratio[int(0.05 * len(ratio))]


def _halved(picture):
    return picture.reshape(len(picture) // 2, 2, len(picture) // 2, 2, -1).mean(axis=(1, 3))


def test_charts_keep_their_colours_at_mip_levels():
    """Every chart another colour: box-filtered down, what is looked up along charts' borders is still their own."""
    size = 1024
    vertices, faces = simplify(*extract_surface(Torus(), 64), 1500)
    _, atlas_faces, uv = unwrap(vertices, faces, size)
    chart = face_components(atlas_faces, len(uv))
    assert chart.max() >= 3
    palette = np.random.default_rng(0).uniform(0, 255, (chart.max() + 1, 3)).astype(np.float32)
    atlas = rasterise_atlas(uv, atlas_faces, size, size)
    picture = np.zeros((size, size, 3), np.float32)
    picture[atlas.hit] = palette[chart[atlas.face[atlas.hit]]]
    picture = dilate(picture, atlas)

    ends = np.concatenate([atlas_faces[:, [0, 1]], atlas_faces[:, [1, 2]], atlas_faces[:, [2, 0]]])
    owner = np.tile(chart, 3)
    _, first, count = np.unique(np.sort(ends, axis=1), axis=0, return_index=True, return_counts=True)
    border = first[count == 1]  # an edge with one face in the atlas: the surface goes on in another chart
    assert len(border) > 50
    share = np.linspace(0, 1, 9)[:, None, None]
    points = uv[ends[border, 0]] * (1 - share) + uv[ends[border, 1]] * share
    wanted = np.tile(palette[owner[border]], (len(share), 1, 1)).reshape(-1, 3)
    for level, most in enumerate((0.0, 0.0, 0.0, 0.01)):
        at = points.reshape(-1, 2) * [1, -1] * len(picture) + [0, len(picture)]
        off = np.abs(sample_bilinear(picture, at) - wanted).max(axis=1)
        assert (off > 10).mean() <= most, level
        picture = _halved(picture)
