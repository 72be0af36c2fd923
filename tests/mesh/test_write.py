import numpy as np
import pytest
import trimesh

from img2mesh.errors import Img2MeshError
from img2mesh.mesh import mesh_report, read_mesh, write_mesh
from img2mesh.mesh.textured_mesh import TexturedMesh, is_closed, volume, weld
from img2mesh.settings import Settings

from .glb_reader import Glb


def _sample(texture, uv, top):
    """Nearest texels; `top` says whether v counts from the top."""
    height, width = texture.shape[:2]
    v = uv[:, 1] if top else 1 - uv[:, 1]
    return texture[
        np.clip((v * height).astype(int), 0, height - 1),
        np.clip((uv[:, 0] * width).astype(int), 0, width - 1),
    ]


def test_glb_is_upright_faces_plus_z_and_carries_its_colours(statue, tmp_path):
    (path,) = write_mesh(statue, tmp_path / "statue.glb")
    glb = Glb(path)
    positions = glb.attribute("POSITION")
    low, high = positions.min(axis=0), positions.max(axis=0)
    size = high - low
    assert np.argmax(size) == 1 and size[1] == pytest.approx(0.9, abs=0.02)  # the tall hat points to +Y
    assert high[2] == pytest.approx(0.37, abs=0.01) and low[2] > -0.26  # the nose, towards the photo, to +Z
    assert high[0] == pytest.approx(0.35, abs=0.01) and low[0] > -0.26  # the ear on the photo's right to +X
    # Red grows towards the photo, green to the photo's right, blue upwards: colours are where they belong.
    colours = _sample(glb.texture, glb.attribute("TEXCOORD_0"), top=True) / 255
    expected = np.clip(0.5 + 0.6 * positions[:, [2, 0, 1]], 0, 1)
    assert np.abs(colours - expected).mean() < 0.02
    # Outward normals of unit length, outward winding.
    normals = glb.attribute("NORMAL")
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    corners = positions[glb.faces].astype(float)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((cross * normals[glb.faces[:, 0]]).sum(axis=1) > 0).mean() > 0.98
    assert np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0


def test_glb_material_is_plain_and_opaque(statue, tmp_path):
    from img2mesh import __version__

    glb = Glb(write_mesh(statue, tmp_path / "statue.glb")[0])
    material = glb.material
    assert material["alphaMode"] == "OPAQUE" and material["doubleSided"] is False
    pbr = material["pbrMetallicRoughness"]
    assert pbr["metallicFactor"] == 0 and 0.8 <= pbr["roughnessFactor"] <= 1
    assert pbr["baseColorTexture"] == {"index": 0} and len(glb.tree["textures"]) == 1
    assert glb.tree["asset"] == {"version": "2.0", "generator": f"img2mesh {__version__}"}
    assert not any("uri" in item for item in glb.tree["buffers"] + glb.tree["images"])


def test_trimesh_loads_the_glb_as_watertight_with_one_texture(statue, tmp_path):
    path = write_mesh(statue, tmp_path / "statue.glb")[0]
    # A texture needs copies of the vertices at its seams; merge_tex tells trimesh to look past them.
    loaded = trimesh.load(path, process=True, merge_tex=True)
    (solid,) = loaded.geometry.values()
    assert solid.is_watertight and solid.is_winding_consistent and solid.volume > 0
    assert solid.visual.material.baseColorTexture.size == (256, 256)
    assert abs(len(solid.faces) - 2000) <= 40


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply", ".stl"])
def test_read_returns_what_was_written(statue, tmp_path, suffix):
    written = write_mesh(statue, tmp_path / f"statue{suffix}")
    assert sorted(tmp_path.iterdir()) == sorted(written)
    mesh = read_mesh(written[0])
    positions, faces = mesh.welded()
    wanted, wanted_faces = statue.welded()
    assert len(faces) == len(wanted_faces) and is_closed(faces)
    assert volume(positions, faces) == pytest.approx(volume(wanted, wanted_faces), rel=1e-5)
    assert np.allclose(mesh.bounds, statue.bounds, atol=1e-6)
    if suffix in (".glb", ".obj"):
        assert np.array_equal(mesh.texture, statue.texture)
    if suffix != ".stl":
        centres = mesh.vertices[mesh.faces].mean(axis=1)
        colours = _sample(mesh.texture, mesh.uv[mesh.faces].mean(axis=1), top=False) / 255
        assert np.abs(colours - np.clip(0.5 + 0.6 * centres, 0, 1)).mean() < 0.03
    else:
        assert np.ptp(mesh.texture.reshape(-1, 3), axis=0).max() == 0  # STL has no colours: grey


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply", ".stl"])
def test_same_mesh_same_bytes(statue, tmp_path, suffix):
    one = write_mesh(statue, tmp_path / "one" / f"a{suffix}")
    two = write_mesh(statue, tmp_path / "two" / f"a{suffix}")
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


@pytest.mark.parametrize("height", ["12cm", "120mm", "0.12m", "4.724409448819in"])
def test_height_and_ground(statue, tmp_path, height):
    settings = Settings(height=height, ground=True)
    positions = Glb(write_mesh(statue, tmp_path / "a.glb", settings)[0]).attribute("POSITION")
    low, high = positions.min(axis=0), positions.max(axis=0)
    assert low[1] == pytest.approx(0, abs=1e-7) and high[1] == pytest.approx(0.12, abs=1e-6)
    assert np.abs(low + high)[[0, 2]].max() < 1e-6  # the footprint is centred
    shape = np.ptp(statue.vertices, axis=0)
    assert np.allclose((high - low) / 0.12, shape[[1, 2, 0]] / shape[2], atol=1e-5)
    assert mesh_report(statue, settings)["size_m"][1] == pytest.approx(0.12)
    write_mesh(statue, tmp_path / "a.stl", settings)
    raw = np.frombuffer((tmp_path / "a.stl").read_bytes()[84:], np.dtype("<f4,<f4,<f4,(9,)<f4,<u2"))
    corners = raw["f3"].reshape(-1, 3)
    assert corners[:, 2].min() == pytest.approx(0, abs=1e-4)
    assert corners[:, 2].max() == pytest.approx(120, abs=1e-3)  # millimetres, +Z up


def test_stl_faces_the_viewer_of_a_slicer(statue, tmp_path):
    write_mesh(statue, tmp_path / "a.stl")
    raw = np.frombuffer((tmp_path / "a.stl").read_bytes()[84:], np.dtype("<f4,<f4,<f4,(9,)<f4,<u2"))
    corners = raw["f3"].reshape(-1, 3)
    assert corners[:, 1].min() == pytest.approx(-370, abs=10)  # the nose towards -Y
    assert corners[:, 0].max() == pytest.approx(350, abs=10)  # the ear towards +X


def test_obj_names_files_that_exist_and_spares_a_picture_of_the_same_name(statue, tmp_path):
    photo = tmp_path / "my chair.png"
    photo.write_bytes(b"the user's photo")
    obj, material, picture = write_mesh(statue, tmp_path / "my chair.obj")
    assert photo.read_bytes() == b"the user's photo"
    assert f"mtllib {material.name}\n" in obj.read_text() and " " not in material.name
    assert f"map_Kd {picture.name}\n" in material.read_text()


def test_interrupted_obj_leaves_nothing(statue, tmp_path, monkeypatch):
    from img2mesh.mesh import write

    def interrupt(texture, mark):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "png_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_mesh(statue, tmp_path / "a.obj")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.fbx", "a", "a.png", "a.glb.txt"])
def test_unknown_suffixes_are_refused(statue, tmp_path, name):
    with pytest.raises(Img2MeshError):
        write_mesh(statue, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_report(statue):
    report = mesh_report(statue)
    assert report["watertight"] is True and report["winding"] == "outward" and report["components"] == 1
    assert report["faces"] == len(statue.faces) and report["texture_size"] == [256, 256]
    assert 0.3 < report["texture_coverage"] < 1 and 0.05 < report["photo_share"] < 0.6
    positions, faces = weld(statue.vertices, statue.faces)
    assert report["volume_m3"] == pytest.approx(volume(positions, faces), rel=1e-4)
    turned = TexturedMesh(statue.vertices, statue.faces[:, ::-1], statue.uv, statue.texture)
    assert mesh_report(turned)["winding"] == "inward"
    torn = TexturedMesh(statue.vertices, statue.faces[1:], statue.uv, statue.texture)
    assert mesh_report(torn)["watertight"] is False and mesh_report(torn)["volume_m3"] is None
