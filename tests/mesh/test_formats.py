"""3MF, USDZ, compressed and WebP .glb: read back by other programs' libraries where they are installed."""

import io
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from img2mesh.errors import Img2MeshError
from img2mesh.finish.closest_point import texture_at
from img2mesh.mesh import read_mesh, write_mesh
from img2mesh.mesh.corner_colours import corner_colours, has_corner_colours
from img2mesh.mesh.gltf_compression import chosen_compression
from img2mesh.mesh.textured_mesh import is_closed
from img2mesh.mesh.write import vertex_colours
from img2mesh.settings import Settings

from .glb_reader import Glb


@pytest.fixture(scope="module")
def relief(statue):
    """The statue with a normal map."""
    random = np.random.default_rng(0).integers(100, 156, statue.texture.shape, dtype=np.uint8)
    random[..., 2] = 250
    return replace(statue, normal_map=random)


def test_3mf_is_read_back_with_its_colours(statue, tmp_path):
    settings = Settings(height="80mm", ground=True)
    (path,) = write_mesh(statue, tmp_path / "a.3mf", settings, "Hans & Söhne <1>")
    mesh = read_mesh(path)
    vertices, faces = mesh.welded()
    assert is_closed(faces) and np.ptp(vertices[:, 2]) == pytest.approx(0.08, abs=1e-6)
    assert vertices[:, 2].min() == pytest.approx(0, abs=1e-9)
    centred = mesh.vertices - mesh.bounds.mean(axis=0)
    own = statue.vertices - statue.bounds.mean(axis=0)
    assert np.allclose(np.ptp(centred, axis=0), np.ptp(own, axis=0) * 0.08 / np.ptp(own[:, 2]), atol=1e-6)
    text = zipfile.ZipFile(path).read("3D/3dmodel.model").decode()
    assert (
        'unit="millimeter"' in text and text.count("<object ") == 1 and "Hans &amp; Söhne &lt;1&gt;" in text
    )
    assert (
        write_mesh(statue, tmp_path / "b.3mf", settings, "Hans & Söhne <1>")[0].read_bytes()
        == path.read_bytes()
    )


def test_lib3mf_agrees(statue, tmp_path):
    lib3mf = pytest.importorskip("lib3mf")
    (path,) = write_mesh(statue, tmp_path / "a.3mf", Settings(height="80mm"))
    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(str(path))
    assert reader.GetWarningCount() == 0
    objects = model.GetMeshObjects()
    assert objects.MoveNext()
    mesh = objects.GetCurrentMeshObject()
    assert mesh.GetTriangleCount() == len(statue.faces) and mesh.IsManifoldAndOriented()
    assert model.GetColorGroups().Count() == 0 and model.GetTexture2DGroups().Count() == 1
    assert model.GetTexture2Ds().Count() == 1 and model.GetAttachmentCount() == 1
    (path,) = write_mesh(coloured(statue), tmp_path / "b.3mf", Settings(height="80mm"))
    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(str(path))
    assert reader.GetWarningCount() == 0 and model.GetColorGroups().Count() == 1


def coloured(mesh):
    """The mesh with colours at its corners in place of its texture."""
    positions, faces = mesh.welded()
    colours = np.zeros((len(positions), 3), np.uint8)
    colours[faces] = vertex_colours(mesh)[mesh.faces]
    return corner_colours(positions, faces, colours[faces])


def look(mesh):
    """(N, 3) colours of some places of each face."""
    inside = np.array([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [1 / 3, 1 / 3, 1 / 3]])
    uv = np.einsum("kc,fcd->fkd", inside, mesh.uv[mesh.faces]).reshape(-1, 2)
    return texture_at(mesh.texture, uv)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_3mf_has_the_texture(statue, tmp_path, kind):
    (path,) = write_mesh(statue, tmp_path / "a.3mf", Settings(height="80mm", texture_format=kind))
    found = read_mesh(path)
    assert found.texture.shape == statue.texture.shape
    assert np.abs(look(found) - look(statue)).mean() < (3 if kind == "jpeg" else 0.01)
    assert f"3D/Textures/texture.{'jpeg' if kind == 'jpeg' else 'png'}" in zipfile.ZipFile(path).namelist()


def test_a_3mf_without_a_texture_has_colours(statue, tmp_path):
    mesh = coloured(statue)
    assert has_corner_colours(mesh) and not has_corner_colours(statue)
    (path,) = write_mesh(mesh, tmp_path / "a.3mf", Settings(height="80mm"))
    found = read_mesh(path)
    assert has_corner_colours(found)
    assert np.abs(look(found) - look(mesh)).max() <= 255 / 31 / 2 + 1
    assert not [name for name in zipfile.ZipFile(path).namelist() if "Textures" in name]


def test_several_objects_of_a_3mf(statue, tmp_path):
    import re

    for name, mesh in (("a", statue), ("b", coloured(statue))):
        (path,) = write_mesh(mesh, tmp_path / f"{name}.3mf", Settings(height="80mm"))
        files = {n: zipfile.ZipFile(path).read(n) for n in zipfile.ZipFile(path).namelist()}
        text = files["3D/3dmodel.model"].decode()
        text = text.replace("<build>", '<build><item objectid="3" transform="1 0 0 0 1 0 0 0 1 200 0 0"/>')
        files["3D/3dmodel.model"] = text.encode()
        with zipfile.ZipFile(path, "w") as archive:
            for n, data in files.items():
                archive.writestr(n, data)
        assert len(read_mesh(path).faces) == 2 * len(statue.faces)
        text = re.sub("<m:texture2d id.*/>", "", text) if name == "a" else re.sub('p1="[0-9]+"', "", text)
        files["3D/3dmodel.model"] = text.encode()
        with zipfile.ZipFile(path, "w") as archive:
            for n, data in files.items():
                archive.writestr(n, data)
        assert len(read_mesh(path).faces) == 2 * len(statue.faces), "what colours it lacks, triangles it has"


def test_a_3mf_that_is_none(tmp_path):
    path = tmp_path / "a.3mf"
    for data in (b"PK", b"", b"PK\x05\x06" + bytes(18)):
        path.write_bytes(data)
        with pytest.raises(Img2MeshError, match=r"a\.3mf"):
            read_mesh(path)


def test_ply_is_upright_where_z_is_up(statue, tmp_path):
    import trimesh

    (path,) = write_mesh(statue, tmp_path / "a.ply")
    raw = trimesh.load(path, process=False)
    assert np.argmax(np.ptp(raw.vertices, axis=0)) == 2  # the hat
    assert raw.vertices[:, 1].min() == pytest.approx(-0.37, abs=0.01)  # the nose
    old = path.read_bytes().replace(b"+Z up", b"+Y up")
    (tmp_path / "old.ply").write_bytes(old)
    assert not np.allclose(read_mesh(tmp_path / "old.ply").bounds, statue.bounds, atol=1e-3)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_texture_formats(relief, tmp_path, kind):
    (path,) = write_mesh(relief, tmp_path / "My mug.glb", Settings(texture_format=kind))
    glb = Glb(path)
    assert {glb.tree[key][0]["name"] for key in ("nodes", "meshes", "materials")} == {"My mug"}
    assert glb.tree["accessors"][glb.primitive["indices"]]["componentType"] == 5123
    pictures = [Image.open(io.BytesIO(glb.block(image["bufferView"]))) for image in glb.tree["images"]]
    assert [p.format for p in pictures] == [kind.upper()] * 2
    for picture, wanted in zip(pictures, (relief.texture, relief.normal_map), strict=True):
        assert np.abs(np.asarray(picture).astype(int) - wanted).mean() < (0.01 if kind == "png" else 8)
    assert ("EXT_texture_webp" in glb.tree.get("extensionsRequired", [])) == (kind == "webp")
    tangents, normals = glb.attribute("TANGENT"), glb.attribute("NORMAL")
    assert np.allclose(np.linalg.norm(tangents[:, :3], axis=1), 1, atol=1e-5)
    assert set(np.unique(tangents[:, 3])) <= {-1.0, 1.0}
    assert np.abs(np.einsum("ij,ij->i", tangents[:, :3], normals)).max() < 1e-4
    assert glb.material["normalTexture"] == {"index": 1}


@pytest.mark.parametrize("kind, package", [("meshopt", "meshoptimizer"), ("draco", "DracoPy")])
def test_compression(relief, tmp_path, kind, package):
    module = pytest.importorskip(package)
    plain = write_mesh(relief, tmp_path / "plain.glb")[0]
    (path,) = write_mesh(relief, tmp_path / "a.glb", Settings(compression=kind))
    assert (
        path.read_bytes()
        == write_mesh(relief, tmp_path / "b.glb", Settings(compression=kind), "a")[0].read_bytes()
    )
    assert path.stat().st_size < plain.stat().st_size - 40_000
    raw = path.read_bytes()
    size = int.from_bytes(raw[12:16], "little")
    tree, data = json.loads(raw[20 : 20 + size]), raw[28 + size :]
    primitive = tree["meshes"][0]["primitives"][0]
    if kind == "draco":
        extension = primitive["extensions"]["KHR_draco_mesh_compression"]
        view = tree["bufferViews"][extension["bufferView"]]
        back = module.decode(data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]])
        positions, count = np.asarray(back.points), len(back.faces)
        assert set(extension["attributes"]) == set(primitive["attributes"])
    else:
        accessor = tree["accessors"][primitive["attributes"]["POSITION"]]
        packed = tree["bufferViews"][accessor["bufferView"]]["extensions"]["EXT_meshopt_compression"]
        block = np.frombuffer(data, np.uint8)[packed["byteOffset"] :][: packed["byteLength"]]
        found = module.decode_vertex_buffer(packed["count"], packed["byteStride"], block.tobytes())
        short = np.asarray(found).view(np.uint8).reshape(packed["count"], -1).view("<u2")[:, :3]
        node = tree["nodes"][0]
        positions, count = short * node["scale"][0] + node["translation"], len(relief.faces)
    assert count == len(relief.faces)
    world = np.stack([positions[:, 2], positions[:, 0], positions[:, 1]], axis=1)
    assert np.allclose(np.stack([world.min(axis=0), world.max(axis=0)]), relief.bounds, atol=1e-3)


def test_a_missing_extra_is_one_sentence(monkeypatch):
    from img2mesh.mesh import gltf_compression, usdz

    monkeypatch.setattr(gltf_compression, "find_spec", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert chosen_compression("auto") == "none" and chosen_compression("none") == "none"
    with pytest.raises(Img2MeshError, match="img2mesh\\[compact\\]"):
        chosen_compression("draco")
    with pytest.raises(Img2MeshError, match="img2mesh\\[usd\\]"):
        usdz.check_usd()


def test_usdz_passes_the_checks_of_usd(relief, tmp_path):
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom

    (path,) = write_mesh(relief, tmp_path / "My mug.usdz", Settings(height="20cm", ground=True))
    again = write_mesh(relief, tmp_path / "b.usdz", Settings(height="20cm", ground=True), "My mug")
    assert again[0].read_bytes() == path.read_bytes()
    stage = Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1 and UsdGeom.GetStageUpAxis(stage) == "Y"
    assert stage.GetDefaultPrim().GetName() == "My_mug"
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"]).ComputeWorldBound(stage.GetDefaultPrim())
    low, high = box.ComputeAlignedRange().GetMin(), box.ComputeAlignedRange().GetMax()
    assert low[1] == pytest.approx(0, abs=1e-6) and high[1] == pytest.approx(0.2, abs=1e-6)
    assert np.ptp(read_mesh(path).vertices[:, 2]) == pytest.approx(0.2, abs=1e-6)
    assert _complaints(stage, path) == []


def _complaints(stage, path) -> list[str]:
    """What USD's own checker finds: the framework of new versions, the class of old ones."""
    from pxr import UsdUtils

    if hasattr(UsdUtils, "ComplianceChecker"):
        checker = UsdUtils.ComplianceChecker(arkit=True)
        checker.CheckCompliance(str(path))
        return [*checker.GetErrors(), *checker.GetFailedChecks(), *checker.GetWarnings()]
    from pxr import UsdValidation

    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    return [error.GetMessage() for error in UsdValidation.ValidationContext(validators).Validate(stage)]


@pytest.mark.skipif(not shutil.which("admesh"), reason="admesh is not installed")
def test_admesh_finds_nothing_to_repair(statue, tmp_path):
    (path,) = write_mesh(statue, tmp_path / "a.stl", Settings(height="80mm"))
    text = subprocess.run(["admesh", str(path)], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        if any(word in line for word in ("Degenerate", "Facets added", "Facets reversed", "Edges fixed")):
            assert "   0" in line, line


@pytest.mark.skipif(not shutil.which("prusa-slicer"), reason="PrusaSlicer is not installed")
@pytest.mark.parametrize("suffix", [".stl", ".3mf"])
def test_prusa_slicer_calls_it_manifold(statue, tmp_path, suffix):
    (path,) = write_mesh(statue, tmp_path / f"a{suffix}", Settings(height="80mm"))
    text = subprocess.run(["prusa-slicer", "--info", str(path)], capture_output=True, text=True).stdout
    height = float(text.split("size_z = ")[1].split()[0])
    assert (
        "manifold = yes" in text and height == pytest.approx(80, abs=1e-4) and "facets_reversed" not in text
    )
