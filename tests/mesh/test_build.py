import numpy as np
import pytest

from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, ViewSet
from img2mesh.mesh.build import MISSED, closed_surface
from img2mesh.mesh.extract import extract_surface
from img2mesh.mesh.silhouette import missed
from img2mesh.mesh.textured_mesh import is_closed, volume
from img2mesh.settings import Settings

from .analytic import Box, Combined, Sphere, Torus, mesh_of, photo_of, photo_set


@pytest.mark.parametrize("shape", [Sphere(), Box(), Torus()], ids=["sphere", "box", "torus"])
def test_the_whole_room_keeps_volume_within_two_percent(shape):
    vertices, faces = closed_surface(shape, Settings(mesh_resolution=96, faces=4000))
    assert is_closed(faces) and abs(len(faces) - 4000) <= 80
    assert volume(vertices, faces) == pytest.approx(shape.volume, rel=0.02)


@pytest.mark.parametrize("wanted", [500, 7000, 30000])
def test_faces_within_two_percent_whatever_the_resolution(wanted):
    _, faces = closed_surface(Sphere(), Settings(mesh_resolution=32, faces=wanted))
    assert abs(len(faces) - wanted) <= 0.02 * wanted


def test_same_input_same_mesh(settings):
    one, two = (mesh_of(Torus(), photo_set(Torus()), settings) for _ in range(2))
    for name in ("vertices", "faces", "uv", "texture"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


def test_views_without_a_photo_make_a_mesh_too(settings):
    """A folder of views: nothing is trimmed to, every view is as good as another."""
    shape = Sphere()
    photo = photo_of(shape)
    from dataclasses import replace

    progress = Progress()
    mesh = mesh_of(shape, ViewSet((replace(photo, source=Source.GIVEN, full=None),)), settings, progress)
    assert is_closed(mesh.welded()[1]) and mesh.facts["photo_share"] == 0
    assert set(progress.seconds) == {"mesh", "unwrap", "texture"}


def test_single_precision_keeps_the_surface_closed(statue):
    """What is written to glTF, merged by position alone, is closed: no two vertices fall together."""
    positions = statue.vertices.astype(np.float32)
    assert np.array_equal(positions.astype(np.float64), statue.vertices)
    assert is_closed(statue.welded()[1])
    normals = statue.normals()
    assert np.allclose(np.linalg.norm(normals, axis=1), 1)


def test_a_rod_thinner_than_the_grid_is_fine_is_found():
    shape = Combined(Sphere(0.3), Box((0.011, 0.011, 0.55)))
    photo = photo_of(shape)
    coarse = extract_surface(shape, 32, photo)
    vertices, faces = closed_surface(shape, Settings(mesh_resolution=32, faces=2000), photo)
    assert missed(vertices, faces, photo) <= MISSED < missed(*coarse, photo)
