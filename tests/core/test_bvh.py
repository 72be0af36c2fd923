import numpy as np
import pytest
from hypothesis import given, settings, strategies

from img2mesh.core.bvh import BoundingVolumes
from img2mesh.core.ray_casting import cast, ray_scene


def every_triangle(corners, origins, directions):
    """(N,) distances of first hits, by solving o + t d = a + u (b - a) + v (c - a) for each pair."""
    nearest = np.full(len(origins), np.inf)
    for a, b, c in corners:
        matrix = np.stack([-directions, *np.broadcast_arrays(b - a, c - a, directions)[:2]], axis=-1)
        t, u, v = np.linalg.solve(matrix, (origins - a)[..., None])[..., 0].T
        hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
        nearest = np.where(hit, np.minimum(nearest, t), nearest)
    return nearest


@settings(max_examples=20, deadline=None)
@given(strategies.integers(0, 2**32 - 1), strategies.integers(1, 40))
def test_first_hits_are_those_of_trying_every_triangle(seed, count):
    rng = np.random.default_rng(seed)
    vertices = rng.normal(size=(3 * count, 3))
    faces = np.arange(3 * count).reshape(-1, 3)
    origins, directions = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    face, bary, distance = cast(BoundingVolumes(vertices, faces), origins, directions)
    assert np.allclose(distance, every_triangle(vertices[faces], origins, directions))
    assert ((face >= 0) == np.isfinite(distance)).all()
    hit = face >= 0
    points = np.einsum("nk,nkc->nc", bary[hit], vertices[faces[face[hit]]])
    assert np.allclose(points, origins[hit] + distance[hit, None] * directions[hit])


def test_numpy_and_embree_see_the_same():
    pytest.importorskip("embreex", reason="Embree is there for x86-64 only")
    import trimesh

    ball = trimesh.creation.icosphere(4)
    rng = np.random.default_rng(0)
    origins = 3 * rng.normal(size=(2000, 3))
    directions = rng.normal(size=(2000, 3)) - origins
    one = cast(ray_scene(ball.vertices, ball.faces), origins, directions)
    two = cast(BoundingVolumes(ball.vertices, ball.faces), origins, directions)
    assert (one[0] == two[0]).mean() > 0.995
    both = (one[0] >= 0) & (two[0] >= 0)
    assert np.allclose(one[2][both], two[2][both], rtol=1e-4)


def test_without_embree_the_scene_is_numpys(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "embreex", None)
    scene = ray_scene(np.eye(3), np.array([[0, 1, 2]]))
    assert isinstance(scene, BoundingVolumes)
    face, bary, distance = cast(scene, np.zeros((1, 3)), np.full((1, 3), 3**-0.5))
    assert face[0] == 0 and distance[0] == pytest.approx(3**-0.5) and bary[0] == pytest.approx([1 / 3] * 3)
