import numpy as np

from img2mesh.mesh.rasterise import rasterise_atlas
from img2mesh.mesh.simplify import simplify
from img2mesh.mesh.surface import extract_surface
from img2mesh.mesh.unwrap import unwrap

from .analytic import Torus


def test_charts_cover_without_overlap_and_keep_the_surface():
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


def test_equal_surfaces_give_equal_atlases():
    vertices, faces = simplify(*extract_surface(Torus(), 48), 1000)
    for one, two in zip(unwrap(vertices, faces, 256), unwrap(vertices, faces, 256), strict=True):
        assert np.array_equal(one, two)


def test_texels_are_shared_out_by_area():
    vertices, faces = simplify(*extract_surface(Torus(), 64), 1500)
    _, new_faces, uv = unwrap(vertices, faces, 512)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    solid = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    a, b, c = (uv[new_faces[:, k]] for k in range(3))
    flat = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    ratio = np.sort((flat / solid)[solid > np.median(solid) / 4])
    assert ratio[int(0.95 * len(ratio))] < 2.5 * ratio[int(0.05 * len(ratio))]
