import numpy as np
import pytest
from hypothesis import given, settings, strategies
from scipy.ndimage import gaussian_filter

from img2mesh.mesh.extract import extract_surface, keep_solids, marching_cubes
from img2mesh.mesh.manifold import to_manifold
from img2mesh.mesh.simplify import simplify
from img2mesh.mesh.textured_mesh import face_components, is_closed, volume, weld

from .analytic import Sphere

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_faces_back_to_back_cancel():
    flap = np.concatenate([TETRAHEDRON, [[0, 1, 4], [1, 0, 4]]])
    vertices, faces = to_manifold(np.concatenate([CORNERS, [[0.5, -1, -1]]]), flap)
    assert len(vertices) == len(faces) == 4 and is_closed(faces)
    assert volume(vertices, faces) == pytest.approx(1 / 6)


def test_two_solids_that_share_an_edge_are_cut_apart():
    mirrored = CORNERS * [1, -1, -1]  # shares the edge along x
    vertices = np.concatenate([CORNERS, mirrored])
    faces = np.concatenate([TETRAHEDRON, TETRAHEDRON + 4])
    pinched, joined = weld(vertices, faces)
    assert len(pinched) == 6 and not is_closed(joined)
    moved, apart = to_manifold(pinched, joined)
    assert is_closed(apart) and face_components(apart, len(moved)).max() == 1
    assert is_closed(weld(moved, apart)[1])  # equal positions do not bring the pinch back
    assert abs(volume(moved, apart) - 1 / 3) < 0.05


def test_open_surfaces_are_left_alone():
    moved, faces = to_manifold(CORNERS, TETRAHEDRON[1:])
    assert np.array_equal(moved, CORNERS) and np.array_equal(faces, TETRAHEDRON[1:])


def test_rough_surfaces_full_of_handles_stay_closed_when_simplified():
    rng = np.random.default_rng(2)
    waves, phases = rng.normal(0, 25, (40, 3)), rng.uniform(0, 6, 40)
    heights = rng.normal(0, 0.1 / 40**0.5, 40)

    class Rough(Sphere):
        def distance(self, p):
            return super().distance(p) + np.cos(p @ waves.T + phases) @ heights

    vertices, faces = extract_surface(Rough(0.35), 64)
    assert len(vertices) - len(faces) // 2 < 0  # many handles
    for target in (1500, 6000):
        fewer, triangles = simplify(vertices, faces, target)
        assert is_closed(triangles) and abs(len(triangles) - target) <= 0.02 * target
        assert is_closed(weld(fewer.astype(np.float32), triangles)[1])


@settings(max_examples=12, deadline=None)
@given(strategies.integers(0, 2**32 - 1), strategies.floats(0.5, 4), strategies.integers(200, 3000))
def test_random_blobs_are_closed_at_any_number_of_faces(seed, smoothness, target):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(28, 28, 28)), smoothness)
    grid = np.pad(noise - np.quantile(noise, 0.3), 2, constant_values=abs(noise).max())
    vertices, faces = keep_solids(*marching_cubes(grid))
    assert is_closed(faces)
    fewer, triangles = simplify(vertices, faces, target)
    assert is_closed(triangles) and volume(fewer, triangles) > 0
    assert is_closed(weld(fewer.astype(np.float32), triangles)[1])
