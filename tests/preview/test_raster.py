import numpy as np
import pytest

from img2mesh.core.camera import orbit_camera
from img2mesh.mesh.textured_mesh import TexturedMesh
from img2mesh.preview.raster import render_mesh

COLOURS = {  # side: outward direction in the world, colour
    "front": ((1, 0, 0), (200, 40, 40)),
    "back": ((-1, 0, 0), (40, 200, 200)),
    "left": ((0, 1, 0), (40, 200, 40)),
    "right": ((0, -1, 0), (200, 40, 200)),
    "top": ((0, 0, 1), (40, 40, 200)),
    "bottom": ((0, 0, -1), (200, 200, 40)),
}


def cube(half: float = 0.3) -> TexturedMesh:
    """Six sides, each with its own colour: a strip of six cells of 8 by 8 texels."""
    vertices, faces, uv = [], [], []
    texture = np.zeros((8, 48, 3), np.uint8)
    for k, (direction, colour) in enumerate(COLOURS.values()):
        out = np.array(direction, float)
        across = np.roll(out, 1)
        up = np.cross(out, across)
        corners = [out + s * across + t * up for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        faces += [[4 * k, 4 * k + 1, 4 * k + 2], [4 * k, 4 * k + 2, 4 * k + 3]]
        vertices += [half * corner for corner in corners]
        uv += [[(k + s) / 6, t] for s, t in ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))]
        texture[:, 8 * k : 8 * k + 8] = colour
    return TexturedMesh(np.array(vertices), np.array(faces), np.array(uv), texture)


@pytest.mark.parametrize(
    "side, elevation, azimuth",
    [
        ("front", 0, 0),
        ("left", 0, 90),
        ("back", 0, 180),
        ("right", 0, 270),
        ("top", 89, 0),
        ("bottom", -89, 0),
    ],
)
def test_each_side_shows_its_colour(side, elevation, azimuth):
    picture = render_mesh(cube(), orbit_camera(elevation, azimuth, size=64))
    assert np.abs(picture[32, 32, :3].astype(int) - COLOURS[side][1]).max() <= 1
    assert picture[0, 0].tolist() == [255, 255, 255, 255]


def test_square_face_has_the_size_that_perspective_gives():
    camera = orbit_camera(0, 0, size=256)
    picture = render_mesh(cube(0.3), camera, None, supersample=4)
    side = 2 * 0.3 * camera.fl_x / (1.6 - 0.3)
    assert picture[..., 3].sum() / 255 == pytest.approx(side**2, rel=0.01)
    columns = np.nonzero(picture[128, :, 3])[0]
    assert abs(columns[-1] - columns[0] + 1 - side) <= 1.5


def test_textures_are_upright_and_not_mirrored():
    """A picture on the front side, seen from the front, is the picture."""
    quad = np.array([[0.3, -0.3, -0.3], [0.3, 0.3, -0.3], [0.3, 0.3, 0.3], [0.3, -0.3, 0.3]])
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    texture = np.zeros((64, 64, 3), np.uint8)
    texture[:32, :32] = [255, 0, 0]  # upper left
    texture[:32, 32:] = [0, 255, 0]
    texture[32:, :32] = [0, 0, 255]
    mesh = TexturedMesh(quad, np.array([[0, 1, 2], [0, 2, 3]]), uv, texture)
    picture = render_mesh(mesh, orbit_camera(0, 0, size=128))
    assert picture[44, 44, :3].tolist() == [255, 0, 0]
    assert picture[44, 84, :3].tolist() == [0, 255, 0]
    assert picture[84, 44, :3].tolist() == [0, 0, 255]


def test_straight_alpha_has_the_surfaces_colour_at_the_rim():
    picture = render_mesh(cube(), orbit_camera(10, 20, size=128), None)
    partial = (picture[..., 3] > 0) & (picture[..., 3] < 255)
    assert (
        partial.any() and picture[partial][:, :3].max(axis=1).min() >= 118
    )  # mixed with each other, not with black
    assert (picture[..., 3] == 0).any()


def test_shades():
    camera = orbit_camera(0, 0, size=64)
    plain = render_mesh(cube(), camera)[32, 32, :3].astype(int)
    assert (
        np.abs(render_mesh(cube(), camera, shade="soft")[32, 32, :3] - plain).max() < 8
    )  # lit from the camera
    oblique = orbit_camera(0, 40, size=64)
    soft = render_mesh(cube(), oblique, shade="soft")
    assert soft[32, 24, :3].astype(int).sum() < render_mesh(cube(), oblique)[32, 24, :3].astype(int).sum()
    clay = render_mesh(cube(), camera, shade="clay")[32, 32, :3].astype(int)
    assert np.ptp(clay) < 12
    with pytest.raises(ValueError, match="Unknown shade"):
        render_mesh(cube(), camera, shade="chrome")


def test_a_large_texture_does_not_shimmer():
    """A fine checkerboard far away is grey, wherever the samples fall."""
    fine = np.indices((1024, 1024)).sum(axis=0) % 2 * 255
    quad = np.array([[0, -0.3, -0.3], [0, 0.3, -0.3], [0, 0.3, 0.3], [0, -0.3, 0.3]])
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    texture = np.repeat(fine[..., None], 3, axis=2).astype(np.uint8)
    mesh = TexturedMesh(quad, np.array([[0, 1, 2], [0, 2, 3]]), uv, texture)
    picture = render_mesh(mesh, orbit_camera(0, 0, size=96))
    inner = picture[36:60, 36:60, 0].astype(int)
    assert np.abs(inner - 127).max() < 12


def test_numpy_agrees_with_embree():
    embree = pytest.importorskip("embreex.rtcore_scene")
    from embreex.mesh_construction import TriangleMesh

    from img2mesh.core.rasterise import rasterise_view
    from img2mesh.mesh.extract import extract_surface
    from tests.mesh.analytic import Torus

    vertices, faces = extract_surface(Torus(), 48)
    camera = orbit_camera(35, 60, size=128)
    ours = rasterise_view(vertices, faces, camera).face
    scene = embree.EmbreeScene()
    TriangleMesh(scene, vertices.astype(np.float32), faces.astype(np.int32))
    origins, directions = (a.reshape(-1, 3).astype(np.float32) for a in camera.rays())
    theirs = scene.run(np.ascontiguousarray(origins), directions).reshape(128, 128)
    assert ((ours >= 0) != (theirs >= 0)).mean() < 0.001
    assert (ours == theirs).mean() > 0.98
