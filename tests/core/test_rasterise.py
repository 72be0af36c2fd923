import numpy as np

from img2mesh.core import rasterise
from img2mesh.core.camera import orbit_camera
from img2mesh.core.rasterise import rasterise_atlas, rasterise_view, sample_bilinear
from img2mesh.mesh.extract import extract_surface
from tests.mesh.analytic import Sphere

QUAD = np.array([[0.1, 0.1], [0.9, 0.15], [0.85, 0.9], [0.05, 0.8]])


def test_neighbours_share_pixels_out_without_gap_or_overlap():
    rng = np.random.default_rng(1)
    side = 12
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) / (side - 1)
    inner = (grid > 0).all(axis=1) & (grid < 1).all(axis=1)
    grid[inner] += rng.uniform(-0.03, 0.03, (inner.sum(), 2))
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + side + 1], axis=1),
            np.stack([corner, corner + side + 1, corner + side], axis=1),
        ]
    )
    size = 97
    once = np.zeros((size, size), int)
    for face in range(len(faces)):
        once += rasterise_atlas(grid, faces[[face]], size, size).hit
    assert (once == 1).all()
    assert rasterise_atlas(grid, faces, size, size).hit.all()


def test_weights_reproduce_texture_coordinates():
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    atlas = rasterise_atlas(QUAD, faces, 50, 80)
    rows, columns = np.nonzero(atlas.hit)
    expected = np.stack([(columns + 0.5) / 80, 1 - (rows + 0.5) / 50], axis=1)
    assert np.allclose(atlas.interpolate(QUAD, faces), expected, atol=1e-5)
    x, y = QUAD.T
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
    assert abs(atlas.hit.mean() - area) < 0.01


def test_view_agrees_with_the_rays_of_a_sphere():
    vertices, faces = extract_surface(Sphere(), 64)
    camera = orbit_camera(25, 40, size=128)
    view = rasterise_view(vertices, faces, camera)
    origins, directions = camera.rays()
    b = (origins * directions).sum(axis=-1)
    inside = b**2 - (origins**2).sum(axis=-1) + 0.45**2
    expected = inside > 0
    assert (view.hit != expected).sum() < 0.02 * expected.sum()
    both = view.hit & (inside > 0.01)
    points = origins + directions * (-b - np.sqrt(np.maximum(inside, 0)))[..., None]
    depth = camera.project(points)[1]
    assert np.abs(view.depth[both] - depth[both]).max() < 2e-3
    world = np.zeros((128, 128, 3))
    world[view.hit] = view.interpolate(vertices, faces)
    assert np.abs(world[both] - points[both]).max() < 4e-3
    assert np.isinf(view.depth[~view.hit]).all()


def test_nearer_faces_win_in_either_order():
    camera = orbit_camera(0, 0, size=64)
    triangle = np.array([[0, -0.5, -0.4], [0, 0.5, -0.4], [0, 0, 0.5]], float)
    vertices = np.concatenate([triangle, triangle * 0.8 + [0.3, 0, 0], triangle * 0.5 + [-0.3, 0, 0]])
    faces = np.arange(9).reshape(3, 3)
    for order in ([0, 1, 2], [1, 2, 0], [2, 0, 1]):
        view = rasterise_view(vertices, faces[order], camera)
        assert np.array(order)[view.face[32, 32]] == 1
        assert abs(view.depth[32, 32] - 1.3) < 1e-5


def test_faces_behind_the_camera_are_left_out():
    camera = orbit_camera(0, 0, size=32)
    behind = np.array([[2.0, -1, -1], [2.0, 1, -1], [2.0, 0, 1]])
    assert not rasterise_view(behind, np.array([[0, 1, 2]]), camera).hit.any()


def test_small_chunks_give_the_same_picture(monkeypatch):
    vertices, faces = extract_surface(Sphere(), 32)
    camera = orbit_camera(10, 10, size=96)
    whole = rasterise_view(vertices, faces, camera)
    monkeypatch.setattr(rasterise, "CHUNK", 500)
    parts = rasterise_view(vertices, faces, camera)
    assert np.array_equal(whole.face, parts.face) and np.array_equal(whole.depth, parts.depth)


def test_bilinear_is_exact_on_planes_and_continues_the_border():
    v, u = np.mgrid[0:7, 0:9] + 0.5
    image = np.stack([2 * u + v, u - v], axis=-1)
    at = np.random.default_rng(0).uniform([0.5, 0.5], [8.5, 6.5], (200, 2))
    expected = np.stack([2 * at[:, 0] + at[:, 1], at[:, 0] - at[:, 1]], axis=1)
    assert np.allclose(sample_bilinear(image, at), expected, atol=1e-4)
    assert np.allclose(sample_bilinear(image, np.array([[-5.0, 3.5]])), image[3, 0])
