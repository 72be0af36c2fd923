import numpy as np
import pytest

from img2mesh.errors import Img2MeshError
from img2mesh.mesh.extract import extract_surface, keep_solids, marching_cubes, sample_grid
from img2mesh.mesh.simplify import simplify
from img2mesh.mesh.textured_mesh import face_components, is_closed, surface, volume

from .analytic import Box, Combined, Shape, Sphere, Torus, photo_of


def _area(vertices, faces):
    return surface(vertices, faces).area


@pytest.mark.parametrize("shape", [Sphere(), Box(), Torus()], ids=["sphere", "box", "torus"])
def test_volume_and_area_within_two_percent(shape):
    vertices, faces = extract_surface(shape, 96)
    assert is_closed(faces)
    assert volume(vertices, faces) == pytest.approx(shape.volume, rel=0.02)
    assert _area(vertices, faces) == pytest.approx(shape.area, rel=0.02)


@pytest.mark.parametrize("shape", [Sphere(), Box(), Torus()], ids=["sphere", "box", "torus"])
def test_simplified_surface_stays_closed_and_true(shape):
    vertices, faces = simplify(*extract_surface(shape, 96), 3000)
    assert is_closed(faces)
    assert abs(len(faces) - 3000) <= 60
    assert volume(vertices, faces) == pytest.approx(shape.volume, rel=0.02)
    assert _area(vertices, faces) == pytest.approx(shape.area, rel=0.02)


def test_a_sieve_gets_few_faces_too():
    """Thin walls around many holes lose some volume to any collapse; that is no reason to keep all faces."""
    x, y, z = np.mgrid[:96, :96, :96] - 48.0
    hole = 1.8 - np.hypot(x % 8 - 4, y % 8 - 4)
    plate = np.maximum.reduce([np.abs(z) - 0.6, hole, np.abs(x) - 40, np.abs(y) - 40])
    vertices, faces = marching_cubes(plate)
    few, left = simplify(vertices, faces, 4000)
    assert len(faces) > 20000 and is_closed(faces)
    assert is_closed(left) and abs(len(left) - 4000) <= 80
    assert volume(few, left) == pytest.approx(volume(vertices, faces), rel=0.15)


def test_torus_keeps_its_hole():
    vertices, faces = simplify(*extract_surface(Torus(), 64), 2000)
    edges = 3 * len(faces) // 2
    assert len(vertices) - edges + len(faces) == 0  # Euler characteristic of a torus


def test_coarse_to_fine_equals_every_cell():
    class Everywhere(Torus):
        def distance(self, p):  # claims to be near the surface everywhere, so that nothing is skipped
            return 0.01 * super().distance(p)

    lazy, eager = Torus(), Everywhere()
    values, origin, spacing = sample_grid(lazy, 96)
    all_values, all_origin, _ = sample_grid(eager, 96)
    assert np.array_equal(origin, all_origin) and values.shape == all_values.shape
    assert ((values < 0) == (all_values < 0)).all()
    near = np.abs(values) < spacing
    assert np.allclose(values[near], 100 * all_values[near], atol=2e-5)
    assert lazy.asked < 0.4 * eager.asked


def test_a_field_that_underestimates_distance_keeps_its_surface():
    class Steep(Sphere):
        def distance(self, p):
            return 6 * super().distance(p)  # six times too long: coarse blocks may be skipped wrongly

    vertices, faces = extract_surface(Steep(), 64)
    assert is_closed(faces)
    assert volume(vertices, faces) == pytest.approx(Sphere().volume, rel=0.02)


def test_floaters_go_and_second_solids_stay():
    crumb = Combined(Sphere(0.3), Sphere(0.03, (0.5, 0.5, 0.5)))
    _, faces = extract_surface(crumb, 64)
    assert face_components(faces, faces.max() + 1).max() == 0
    pair = Combined(Sphere(0.25, (0, -0.3, 0)), Sphere(0.2, (0, 0.35, 0)))
    vertices, faces = extract_surface(pair, 64)
    assert face_components(faces, len(vertices)).max() == 1 and is_closed(faces)


def test_a_small_part_that_the_photo_shows_stays():
    leaf = Sphere(0.05, (0, 0.1, 0.4))
    plant = Combined(Sphere(0.25), leaf)
    hidden = Combined(Sphere(0.25), Sphere(0.05, (-0.45, 0, 0)))  # right behind the body
    for shape, parts in ((plant, 2), (hidden, 1)):
        vertices, faces = extract_surface(shape, 64, photo_of(plant, full=256))
        assert face_components(faces, len(vertices)).max() + 1 == parts
    _, faces = extract_surface(plant, 64, photo_of(Sphere(0.25), full=256))  # a photo without the leaf
    assert face_components(faces, faces.max() + 1).max() == 0


def test_voids_are_filled():
    hollow = Combined(Sphere(0.45), Sphere(0.3), difference=True)
    vertices, faces = extract_surface(hollow, 64)
    assert face_components(faces, len(vertices)).max() == 0
    assert volume(vertices, faces) == pytest.approx(Sphere(0.45).volume, rel=0.02)


def test_a_surface_that_leaves_the_bounds_is_closed_there():
    vertices, faces = extract_surface(Sphere(0.8), 32)
    assert is_closed(faces)
    assert volume(vertices, faces) > 0
    assert np.abs(vertices).max() < 0.75


def test_empty_and_broken_fields_are_refused():
    class Empty(Shape):
        def distance(self, p):
            return np.ones(len(p))

    class Broken(Shape):
        def distance(self, p):
            return np.full(len(p), np.nan)

    for field in (Empty(), Broken()):
        with pytest.raises(Img2MeshError):
            extract_surface(field, 32)


def test_a_surface_turned_inside_out_is_a_void():
    vertices, faces = extract_surface(Sphere(), 32)
    inner = np.concatenate([faces, faces[:, ::-1] + len(vertices)])
    _, kept = keep_solids(np.concatenate([vertices, 0.5 * vertices]), inner)
    assert len(kept) == len(faces)
