"""From settings to what goes into files; light taken out; few faces that look like many."""

import numpy as np
import pytest
import trimesh

from img2mesh.core.camera import orbit_camera
from img2mesh.finish import finish_mesh, source_faces
from img2mesh.finish.rebake import Source, power_of_two, rebake
from img2mesh.mesh import TexturedMesh
from img2mesh.mesh.atlas import unwrap
from img2mesh.mesh.tangents import tangents
from img2mesh.mesh.textured_mesh import is_closed, vertex_normals
from img2mesh.preview import render_mesh
from img2mesh.settings import Settings
from tests.fakes import ball as textured_ball

from .shapes import arrays


def _bumpy(detail: int = 5, shade=None) -> TexturedMesh:
    """A ball with waves on it, coloured, with an atlas."""
    vertices, faces = arrays(trimesh.creation.icosphere(detail, 0.45))
    vertices = (
        vertices * (1 + 0.03 * np.sin(vertices @ [22.0, 9, 3]) * np.cos(vertices @ [4.0, 19, 13]))[:, None]
    )
    copy, atlas_faces, uv = unwrap(vertices, faces, 256)
    from img2mesh.core.rasterise import rasterise_atlas
    from img2mesh.mesh.texture import dilate

    atlas = rasterise_atlas(uv, atlas_faces, 256, 256)
    points = atlas.interpolate(vertices[copy], atlas_faces)
    colours = np.clip(0.5 + 0.5 * points, 0, 1)
    if shade is not None:
        normals = atlas.interpolate(vertex_normals(vertices, faces)[copy], atlas_faces)
        colours = shade(points, normals / np.linalg.norm(normals, axis=1)[:, None])
    picture = np.zeros((256, 256, 3), np.float32)
    picture[atlas.hit] = colours
    texture = (dilate(picture, atlas) * 255 + 0.5).astype(np.uint8)
    return TexturedMesh(vertices[copy], atlas_faces, uv, texture)


def _psnr(one, two, shade):
    errors = []
    for azimuth in (0, 100, 220):
        camera = orbit_camera(20, azimuth, size=256)
        pictures = [render_mesh(mesh, camera, shade=shade)[..., :3].astype(float) for mesh in (one, two)]
        errors.append(((pictures[0] - pictures[1]) ** 2).mean() / 255**2)
    return -10 * np.log10(np.mean(errors))


def test_a_quarter_of_the_faces_with_a_normal_map_looks_like_all():
    dense = _bumpy()
    made = rebake(Source(dense), len(dense.faces) // 4, 512, True)
    assert is_closed(made.welded()[1]) and made.normal_map is not None
    assert made.normal_map.shape == made.texture.shape == (512, 512, 3)
    assert _psnr(dense, made, "soft") > 32
    from dataclasses import replace

    plain = replace(made, normal_map=None)
    assert _psnr(dense, made, "clay") > _psnr(dense, plain, "clay") + 1
    # Tangent-space normals look out of the surface.
    assert (
        made.normal_map[..., 2].min() > 128 and np.abs(made.normal_map.mean(axis=(0, 1)) - 128)[:2].max() < 12
    )


def test_tangents_follow_the_texture():
    mesh = textured_ball()
    normals = mesh.normals()
    frame = tangents(mesh.vertices, mesh.faces, mesh.uv, normals)
    assert np.allclose(np.linalg.norm(frame[:, :3], axis=1), 1)
    assert np.abs(np.einsum("ij,ij->i", frame[:, :3], normals)).max() < 1e-6
    # u grows with the turn about z and v upwards: the tangent is the circle of latitude, the bitangent looks up.
    middle = np.abs(mesh.vertices[:, 2]) < 0.3
    x, y, _ = (mesh.vertices[middle] / [0.3**2, 0.42**2, 1]).T
    circle = np.stack([-y, x, 0 * x], axis=1)
    circle /= np.linalg.norm(circle, axis=1)[:, None]
    assert np.einsum("ij,ij->i", frame[middle, :3], circle).min() > 0.9
    across = frame[middle, 3:] * np.cross(normals[middle], frame[middle, :3])
    assert across[:, 2].min() > 0.5


@pytest.mark.parametrize("size, wanted", [(1, 1), (511, 256), (512, 512), (1000, 512)])
def test_powers_of_two(size, wanted):
    assert power_of_two(size) == wanted


def test_nothing_asked_nothing_done():
    mesh = textured_ball()
    finished = finish_mesh(mesh, Settings())
    assert finished.mesh is mesh and finished.facts == {} and not finished.levels and not finished.warnings
    assert source_faces(Settings()) == Settings().faces


def test_for_a_game():
    settings = Settings.load("draft", purpose="game", faces=400, lods=2, texture_size=200)
    assert source_faces(settings) >= 4 * settings.faces
    finished = finish_mesh(_bumpy(4), settings)
    meshes = (finished.mesh, *finished.levels)
    counts = [len(mesh.faces) for mesh in meshes]
    assert counts == pytest.approx([400, 200, 100], rel=0.05) and finished.facts["levels"] == counts
    assert [mesh.texture.shape[0] for mesh in meshes] == [128, 64, 64]
    assert all(mesh.normal_map is not None for mesh in meshes)
    assert finished.facts["base"]["stands"]


def test_for_print():
    import img2mesh.finish.printable as printable
    from img2mesh.mesh.axes import place

    settings = Settings.load("draft", purpose="print", height="80mm")
    finished = finish_mesh(_bumpy(4), settings)
    vertices = place(finished.mesh.vertices, settings)
    assert np.ptp(vertices[:, 2]) == pytest.approx(0.08) and vertices[:, 2].min() == pytest.approx(0)
    assert is_closed(finished.mesh.welded()[1]) and finished.facts["solid"]["parts"] == 1
    assert printable.CELLS > 100
