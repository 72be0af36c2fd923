"""What this program writes it knows again, whatever the format; what others write it does not claim."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from img2mesh.core.images import save_png, write_animation
from img2mesh.core.marks import is_ours, kind_of
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.mesh import write_mesh
from img2mesh.report import write_report
from img2mesh.views import save_views
from tests.fakes import ball, ellipsoid, orbit_camera


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply", ".stl"])
def test_meshes_and_their_side_files(tmp_path, suffix):
    files = write_mesh(ball(), tmp_path / f"mesh{suffix}")
    kinds = [kind_of(path) for path in files]
    assert kinds == (["mesh", "mesh", "texture"] if suffix == ".obj" else ["mesh"])


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_animations(tmp_path, suffix):
    frames = [np.full((16, 16, 3), value, np.uint8) for value in (10, 200)]
    write_animation(frames, tmp_path / f"turn{suffix}")
    assert kind_of(tmp_path / f"turn{suffix}") == "preview"


def test_pictures_views_and_reports(tmp_path):
    save_png(np.zeros((8, 8, 4), np.uint8), tmp_path / "a.png", "cutout")
    save_png(np.zeros((8, 8, 3), np.uint8), tmp_path / "b.png")
    write_report({"x": 1}, tmp_path / "r.json")
    assert [kind_of(tmp_path / name) for name in ("a.png", "b.png", "r.json")] == [
        "cutout",
        "preview",
        "report",
    ]
    camera = orbit_camera(0.0, 0.0, size=32)
    picture = ellipsoid(camera)
    save_views(
        ViewSet([View(picture, camera, Source.PHOTO), View(picture, camera, Source.DRAWN)], {}),
        tmp_path / "v",
    )
    assert all(is_ours(path) for path in (tmp_path / "v").rglob("*") if path.is_file())


def test_files_of_others(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "img2mesh.jpg", comment=b"img2mesh preview")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.gif")
    (tmp_path / "a.obj").write_text("# Blender\no img2mesh\n")
    (tmp_path / "a.json").write_text('["img2mesh"]')
    (tmp_path / "deep.json").write_text('{"a":' + "[" * 100000)
    (tmp_path / "a.glb").write_bytes(
        b"glTF" + b"\0" * 20 + b'{"asset":{"generator":"Blender"},"extras":"img2mesh "}'
    )
    np.savez(tmp_path / "a.npz", sdf=1)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:40])
    (tmp_path / "empty").write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir() if is_ours(path)] == []
    assert not is_ours(tmp_path / "missing") and not is_ours(tmp_path)
