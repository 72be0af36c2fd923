"""What readers make of colours, textures, transforms and broken geometry."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from PIL import Image

from img2mesh.core.srgb import to_linear, to_srgb
from img2mesh.errors import Img2MeshError
from img2mesh.synthetic.read_models import LARGEST_TEXTURE, read_model

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"


def test_obj_materials_keep_their_colours_and_textures(tmp_path):
    Image.new("RGB", (2 * LARGEST_TEXTURE, 8), (10, 20, 30)).save(tmp_path / "wood.png")
    (tmp_path / "two.mtl").write_text("newmtl red\nKd 1 0 0\nnewmtl wood\nKd 0 0 0\nmap_Kd wood.png\n")
    faces = "usemtl red\nf 1/1 2/2 3/3\nusemtl wood\nf 1/1 3/3 4/4\n"
    (tmp_path / "two.obj").write_text("mtllib two.mtl\n" + SQUARE + faces)
    model = read_model(tmp_path / "two.obj")
    by_texture = {material.texture is None: material for material in model.materials}
    assert by_texture[True].colour == pytest.approx([1, 0, 0, 1])
    assert by_texture[False].texture.shape == (4, LARGEST_TEXTURE, 4)
    assert tuple(by_texture[False].texture[0, 0]) == (10, 20, 30, 255)
    assert by_texture[False].colour == pytest.approx([1, 1, 1, 1])  # the black beside a texture means nothing
    assert len(model.faces) == 2 and sorted(model.material) == [0, 1]


def test_transparent_texels_of_an_obj_are_holes(tmp_path):
    picture = np.full((16, 16, 4), 255, np.uint8)
    picture[:8, :, 3] = 0
    Image.fromarray(picture).save(tmp_path / "leaf.png")
    (tmp_path / "leaf.mtl").write_text("newmtl leaf\nmap_Kd leaf.png\n")
    (tmp_path / "leaf.obj").write_text("mtllib leaf.mtl\n" + SQUARE + "usemtl leaf\nf 1/1 2/2 3/3\n")
    assert read_model(tmp_path / "leaf.obj").materials[0].alpha == "mask"


def test_vertex_colours_are_srgb_in_ply_and_linear_in_gltf(tmp_path):
    mesh = trimesh.creation.box()
    mesh.visual.vertex_colors = np.tile([128, 0, 255, 255], (8, 1)).astype(np.uint8)
    for suffix, red in ((".ply", to_linear(np.array(128 / 255))), (".glb", 128 / 255)):
        mesh.export(tmp_path / f"box{suffix}")
        model = read_model(tmp_path / f"box{suffix}")
        assert model.colour == pytest.approx(
            np.tile([float(red), 0, 1, 1], (len(model.vertices), 1)), abs=1e-3
        )


def test_scene_transforms_apply_and_parts_are_joined(tmp_path):
    scene = trimesh.Scene()
    for x in (0, 5):
        scene.add_geometry(
            trimesh.creation.box(), transform=trimesh.transformations.translation_matrix([x, 0, 0])
        )
    scene.export(tmp_path / "two.glb")
    model = read_model(tmp_path / "two.glb")
    assert model.extents == pytest.approx([1, 6, 1])  # +X of glTF is world +y
    small = model.normalised()
    assert small.extents.max() == pytest.approx(1)
    assert small.vertices.max(0) + small.vertices.min(0) == pytest.approx([0, 0, 0], abs=1e-12)


def test_a_gltf_with_files_beside_it(tmp_path):
    for name, data in trimesh.exchange.gltf.export_gltf(trimesh.Scene(trimesh.creation.box())).items():
        (tmp_path / name).write_bytes(data)
    assert len(read_model(tmp_path / "model.gltf").faces) == 12


def test_degenerate_faces_and_numbers_that_are_none_are_left_out(tmp_path):
    vertices = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv nan 1 0\n"
    (tmp_path / "odd.obj").write_text(vertices + "f 1 2 3\nf 1 1 2\nf 1 2 4\n")
    model = read_model(tmp_path / "odd.obj").normalised()
    assert len(model.faces) == 1 and np.isfinite(model.vertices[model.faces]).all()


@pytest.mark.parametrize(
    "name, text, word",
    [
        ("points.obj", "v 0 0 0\nv 1 0 0\n", "no triangles|Cannot read"),
        ("line.obj", "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "degenerate"),
        ("junk.glb", "glTF nonsense", "Cannot read"),
        ("junk.gltf", "{}", "no triangles|Cannot read"),
    ],
)
def test_files_without_a_surface_are_refused(tmp_path, name, text, word):
    (tmp_path / name).write_text(text)
    with pytest.raises(Img2MeshError, match=word):
        read_model(tmp_path / name)


def test_collada_says_which_axis_is_up(tmp_path):
    trimesh.creation.box((1, 2, 3)).export(tmp_path / "y.dae")
    (tmp_path / "z.dae").write_text((tmp_path / "y.dae").read_text().replace("Y_UP", "Z_UP"))
    assert read_model(tmp_path / "y.dae").extents == pytest.approx([3, 1, 2])
    assert read_model(tmp_path / "z.dae").extents == pytest.approx([2, 1, 3])
    assert read_model(tmp_path / "z.dae", up="y").extents == pytest.approx([3, 1, 2])


def test_srgb_round_trip():
    values = np.linspace(0, 1, 256)
    assert to_srgb(to_linear(values)) == pytest.approx(values, abs=1e-9)
    assert to_linear(np.array(0.5)) == pytest.approx(0.21404, abs=1e-5)
