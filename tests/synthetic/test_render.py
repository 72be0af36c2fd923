"""The embree engine against projections that can be calculated."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from PIL import Image

from img2mesh.core.camera import FOV_DEG, orbit_camera
from img2mesh.errors import Img2MeshError
from img2mesh.synthetic.lighting import random_light, white_light
from img2mesh.synthetic.read_models import read_model
from img2mesh.synthetic.render import EmbreeEngine, load_engine
from tests.synthetic.shapes import coloured_cube, textured_sphere


def drawn(path, camera, light=None, **read) -> np.ndarray:
    engine = EmbreeEngine()
    engine.open(read_model(path, **read).normalised(), light or white_light())
    return engine.draw(camera)


def test_cube_fills_exactly_its_projection(tmp_path):
    # Seen along an axis only the front side shows: a square of side 1 at depth distance - 1/2.
    picture = drawn(coloured_cube(tmp_path / "cube.glb", side=7.0), orbit_camera(0, 0, 2.0))
    focal = 128 / np.tan(np.radians(FOV_DEG / 2))
    assert picture[..., 3].sum() / 255 == pytest.approx((focal / 1.5) ** 2, rel=0.002)
    rows, columns = np.nonzero(picture[..., 3] > 127)
    half = focal / 1.5 / 2
    assert (rows.min(), rows.max()) == (round(128 - half), round(128 + half) - 1)
    assert (columns.min(), columns.max()) == (rows.min(), rows.max())


@pytest.mark.parametrize("elevation, azimuth", [(20, 35), (-15, 200), (70, 310)])
def test_cube_silhouette_is_the_hull_of_its_projected_corners(tmp_path, elevation, azimuth):
    from scipy.spatial import ConvexHull

    camera = orbit_camera(elevation, azimuth, 2.2)
    picture = drawn(coloured_cube(tmp_path / "cube.ply"), camera)
    corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T
    assert picture[..., 3].sum() / 255 == pytest.approx(
        ConvexHull(camera.project(corners)[0]).volume, rel=0.003
    )


@pytest.mark.parametrize(
    "up, suffix, azimuth, elevation, colour",
    [
        ("auto", ".glb", 0, 0, (0, 0, 255)),  # +Z of glTF is the front
        ("auto", ".glb", 90, 0, (255, 0, 0)),  # +X of glTF is on world +y
        ("auto", ".glb", 0, 90, (0, 255, 0)),  # +Y is up
        ("auto", ".ply", 0, 90, (0, 255, 0)),
        ("z", ".ply", 0, 90, (0, 0, 255)),
        ("z", ".ply", 0, 0, (255, 0, 255)),  # -Y is the front of z-up files
        ("z", ".ply", 90, 0, (255, 0, 0)),
    ],
)
def test_sides_face_where_the_conventions_say(tmp_path, up, suffix, azimuth, elevation, colour):
    picture = drawn(coloured_cube(tmp_path / f"c{suffix}"), orbit_camera(elevation, azimuth, size=32), up=up)
    assert tuple(picture[16, 16]) == (*colour, 255)


def test_textured_sphere_shows_the_texture_where_rays_hit(tmp_path):
    camera = orbit_camera(25, 140, 1.7)
    picture = drawn(textured_sphere(tmp_path / "sphere.glb"), camera).astype(float)
    origins, directions = camera.rays()
    along = -(origins * directions).sum(-1)
    nearest = (origins**2).sum(-1) - along**2
    inside = nearest < 0.49**2
    assert np.all(picture[inside][:, 3] == 255)
    assert picture[nearest > 0.51**2][:, 3].max() == 0
    # area of the disc of a ball's outline on the sphere of directions, on the flat picture: an ellipse's is wider
    hit = origins + (along - np.sqrt(np.clip(0.25 - nearest, 0, None)))[..., None] * directions
    longitude = np.degrees(np.arctan2(hit[..., 1], hit[..., 0])) % 360
    latitude = np.degrees(np.arcsin(np.clip(hit[..., 2] / 0.5, -1, 1)))
    away = inside & (longitude > 5) & (longitude < 355) & (np.abs(latitude) < 80)
    error = np.abs(picture[..., 0] - longitude / 360 * 255)[away]
    assert error.max() < 3 and error.mean() < 0.8
    assert np.abs(picture[..., 1] - (latitude + 90) / 180 * 255)[away].mean() < 0.8


def test_edges_are_antialiased_and_colour_is_straight(tmp_path):
    picture = drawn(coloured_cube(tmp_path / "cube.glb"), orbit_camera(0, 0, 1.87))
    edge = (picture[..., 3] > 0) & (picture[..., 3] < 255)
    assert edge.any()
    assert np.all(picture[edge][:, 2] == 255) and np.all(picture[edge][:, 0] == 0)


def test_both_sides_of_a_thin_wall_are_seen_and_lit(tmp_path):
    wall = trimesh.Trimesh(
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]], process=False
    )
    wall.export(tmp_path / "wall.ply")
    light = random_light(np.random.default_rng(0))
    for azimuth in (0, 180):
        picture = drawn(tmp_path / "wall.ply", orbit_camera(0, azimuth, 1.8, size=32), light)
        facing = np.array([[np.cos(np.radians(azimuth)), 0, 0]])
        grey = ((0.75 + 0.055) / 1.055) ** 2.4 * light.irradiance(facing)[0]
        expected = 255 * (1.055 * np.clip(grey, 0, 1) ** (1 / 2.4) - 0.055)
        assert np.abs(picture[16, 16, :3] - expected).max() < 1


def test_cut_out_and_see_through_materials(tmp_path):
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=float)
    holes = np.tile(np.uint8([255, 0, 0, 0]), (2, 2, 1))
    holes[:, 0, 3] = 255  # left half opaque, right half a hole
    material = trimesh.visual.material.PBRMaterial
    front = material(baseColorTexture=Image.fromarray(holes), alphaMode="MASK", alphaCutoff=0.5)
    back = material(baseColorFactor=[0, 255, 0, 128], alphaMode="BLEND")
    uv = np.array([[0.25, 0.5], [0.75, 0.5], [0.75, 0.5], [0.25, 0.5]])
    faces = [[0, 1, 2], [0, 2, 3]]
    scene = trimesh.Scene()
    for depth, look in ((0.2, front), (-0.2, back)):
        visual = trimesh.visual.TextureVisuals(uv=uv, material=look)
        scene.add_geometry(
            trimesh.Trimesh(square + np.array([0, 0, depth]), faces, visual=visual, process=False)
        )
    scene.export(tmp_path / "panes.glb")
    picture = drawn(tmp_path / "panes.glb", orbit_camera(0, 0, 1.8))
    assert tuple(picture[128, 70]) == (255, 0, 0, 255)
    assert picture[128, 180, 3] == pytest.approx(128, abs=1)
    assert tuple(picture[128, 180, :3]) == (0, 255, 0)


def test_smooth_where_gentle_and_flat_at_creases():
    from img2mesh.synthetic.model import Material, Model

    for mesh, smooth in ((trimesh.creation.icosphere(4), True), (trimesh.creation.box(), False)):
        n = len(mesh.vertices)
        model = Model(
            np.array(mesh.vertices),
            np.array(mesh.faces),
            np.zeros((n, 2)),
            np.ones((n, 4)),
            np.zeros(len(mesh.faces), int),
            (Material(np.ones(4)),),
        )
        normals = model.corner_normals()
        wanted = mesh.vertices[mesh.faces] if smooth else np.repeat(mesh.face_normals[:, None], 3, 1)
        assert np.abs(normals - wanted).max() < (0.02 if smooth else 1e-6)


def test_unknown_engine_is_refused():
    with pytest.raises(Img2MeshError, match="embree or blender"):
        load_engine("povray")
