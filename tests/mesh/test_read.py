import numpy as np
import pytest
import trimesh

from img2mesh.errors import Img2MeshError
from img2mesh.mesh import read_mesh


def _texel(mesh, face, weights=(1 / 3, 1 / 3, 1 / 3)):
    from img2mesh.core.rasterise import sample_bilinear

    height, width = mesh.texture.shape[:2]
    u, v = np.asarray(weights) @ mesh.uv[mesh.faces[face]]
    return sample_bilinear(mesh.texture, np.array([[u * width, (1 - v) * height]]))[0]


def test_vertex_colours_become_a_texture_that_is_linear_on_each_face(tmp_path):
    box = trimesh.creation.icosphere(1, 0.5)
    colours = np.random.default_rng(0).integers(60, 190, (len(box.vertices), 4)).astype(np.uint8)
    colours[:, 3] = 255
    box.visual = trimesh.visual.ColorVisuals(box, vertex_colors=colours)
    box.export(tmp_path / "ball.ply")
    mesh = read_mesh(tmp_path / "ball.ply")
    assert len(mesh.faces) == len(box.faces)
    for face in range(0, len(box.faces), 7):
        corners = colours[box.faces[face], :3].astype(float)
        for weights in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.2, 0.5, 0.3)):
            if (corners[1] + corners[2] - corners[0] < 0).any():
                continue
            assert np.abs(_texel(mesh, face, weights) - np.asarray(weights) @ corners).max() < 1.5


def test_scenes_are_flattened_with_transforms_and_one_texture(tmp_path):
    from PIL import Image

    scene = trimesh.Scene()
    for k, colour in enumerate([(200, 30, 30), (30, 200, 30), (30, 30, 200)]):
        part = trimesh.creation.box((0.2, 0.2, 0.2))
        picture = Image.new("RGB", (8 * (k + 1), 8), colour)
        uv = np.random.default_rng(k).uniform(0, 1, (len(part.vertices), 2))
        material = trimesh.visual.material.PBRMaterial(baseColorTexture=picture)
        part.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
        scene.add_geometry(part, transform=trimesh.transformations.translation_matrix([k, 0, 0]))
    scene.export(tmp_path / "scene.glb")
    mesh = read_mesh(tmp_path / "scene.glb")
    assert len(mesh.faces) == 36
    centres = mesh.vertices[mesh.faces].mean(axis=1)
    for face in range(36):
        k = round(centres[face, 1])  # glTF's X is the world's y
        assert np.argmax(_texel(mesh, face)) == k
    assert np.allclose(mesh.bounds, [[-0.1, -0.1, -0.1], [0.1, 2.1, 0.1]], atol=1e-6)


def test_repeating_texture_coordinates_are_brought_home(tmp_path):
    from PIL import Image

    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8, :, 0] = 255  # upper half red
    pixels[8:, :, 2] = 255
    triangle = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)
    uv = np.array([[2.1, -1.1], [2.9, -1.1], [2.1, -1.4]])  # v in [-1.4, -1.1] repeats as [0.6, 0.9]
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(pixels))
    triangle.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    triangle.export(tmp_path / "t.glb")
    assert np.argmax(_texel(read_mesh(tmp_path / "t.glb"), 0)) == 0


def test_untextured_meshes_are_grey_or_have_their_material(tmp_path):
    trimesh.creation.box((1, 2, 3)).export(tmp_path / "box.stl")
    mesh = read_mesh(tmp_path / "box.stl")
    assert np.allclose(np.ptp(mesh.vertices, axis=0), [0.002, 0.001, 0.003])
    assert len(np.unique(mesh.texture.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.glb", b""),
        ("a.glb", b"glTF but not really"),
        ("a.ply", b"ply\nformat ascii 1.0\nend_header\n"),
        ("a.obj", b"v 0 0 0\n"),
        ("a.stl", b"%PDF-1.7 and nothing of a solid"),
        ("a.fbx", b"?"),
        ("a.glb", None),
    ],
)
def test_unreadable_files_are_refused_in_one_sentence(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Img2MeshError) as error:
        read_mesh(tmp_path / name)
    assert "\n" not in str(error.value)
