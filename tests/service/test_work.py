"""What a server's worker writes, with the expensive rooms replaced."""

import json
import zipfile

import numpy as np
import trimesh
from PIL import Image

from img2mesh.jobs.events import Finished, Reporter
from img2mesh.jobs.item import Item, Picture
from img2mesh.jobs.session import Made, Session
from img2mesh.mesh import read_mesh
from img2mesh.service.work import CutoutWork, ServiceWork
from img2mesh.settings import Settings
from tests.fakes import fake_rooms, photo_file


def _made(work, tmp_path, monkeypatch, **settings):
    monkeypatch.setattr("img2mesh.service.work.be_polite", lambda: None)
    photo = photo_file(tmp_path / "photo-0.png")
    item = Item(
        "x",
        (Picture(photo),),
        tmp_path / "out" / "mesh.glb",
        Settings.load("draft", offline=True, **settings),
    )
    session, events = Session(work), []
    made = session.make(item, Reporter("x", events.append))
    assert isinstance(made, Made), made
    outcome = session.write(made)
    assert outcome.error is None and not any(isinstance(event, Finished) for event in events)
    assert {str(path) for path in (tmp_path / "out").iterdir()} == set(outcome.files)
    return tmp_path / "out", outcome


def test_every_product_of_a_mesh(tmp_path, monkeypatch):
    fake_rooms(monkeypatch)
    folder, _ = _made(ServiceWork(), tmp_path, monkeypatch, height="12cm")
    names = {path.name for path in folder.iterdir()}
    wanted = "mesh.glb mesh.stl mesh.3mf mesh.obj.zip preview.png poster.png views.png cutout.png report.json"
    assert set(wanted.split()) <= names and "view.glb" not in names
    for name in ("mesh.glb", "mesh.stl", "mesh.3mf"):
        assert abs(np.ptp(read_mesh(folder / name).vertices[:, 2]) - 0.12) < 1e-4, name
    with zipfile.ZipFile(folder / "mesh.obj.zip") as archive:
        assert sorted(archive.namelist()) == ["mesh.mtl", "mesh.obj", "mesh_texture.png"]
    assert json.loads((folder / "report.json").read_text())["settings"]["preset"] == "draft"
    assert Image.open(folder / "cutout.png").mode == "RGBA"


def test_browsers_get_a_mesh_without_compression(tmp_path, monkeypatch):
    fake_rooms(monkeypatch)
    folder, _ = _made(ServiceWork(), tmp_path, monkeypatch, texture_format="webp")
    assert len(trimesh.load(folder / "view.glb", force="mesh").faces) > 0
    assert b"image/png" in (folder / "view.glb").read_bytes()
    assert b"image/webp" in (folder / "mesh.glb").read_bytes()


def test_a_cutout_to_look_at(tmp_path, monkeypatch):
    folder, outcome = _made(CutoutWork(), tmp_path, monkeypatch)
    matte = np.asarray(Image.open(folder / "matte.png"))
    photo = np.asarray(Image.open(tmp_path / "photo-0.png"))
    assert matte.shape == photo.shape and (matte[..., 3] > 127).mean() > 0.05
    assert np.abs((matte[..., 3] > 127).mean() - (photo[..., 3] > 127).mean()) < 0.01
    assert outcome.report["cutout"]["method"] == "alpha" and outcome.report["full_size"] == (320, 320)
