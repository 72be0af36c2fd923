"""Folders of photos: names, order, and failures that stay where they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from img2mesh import batch
from img2mesh.batch import convert_photos, output_names, photos_in, summary
from img2mesh.core.files import atomic_file
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings


@pytest.mark.parametrize(
    ("photos", "names"),
    [
        (["a.png", "b.jpg"], ["a", "b"]),
        (["a.1.png", "a.2.png"], ["a.1", "a.2"]),
        (["a.jpg", "a.png"], ["a.jpg", "a.png"]),
        (["a.jpg", "a.png", "a.png.png"], ["a.jpg", "a.png-2", "a.png"]),
        (["A.png", "a.jpg"], ["A.png", "a.jpg"]),
        (["x/a.png", "y/a.png"], ["a.png", "a.png-2"]),
        (["a.png", "a.png", "a.png-2.png"], ["a.png", "a.png-3", "a.png-2"]),
    ],
)
def test_names_are_kept_and_never_collide(photos, names):
    assert output_names([Path(photo) for photo in photos]) == names
    assert len({name.casefold() for name in names}) == len(names)


def test_photos_in_a_folder(tmp_path):
    for name in ("b.JPG", "a.png", "c.WebP", "notes.txt", ".hidden.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in photos_in(tmp_path)] == ["a.png", "b.JPG", "c.WebP"]


@pytest.mark.parametrize("what", ["empty", "missing"])
def test_a_folder_without_photos_is_bad_input(tmp_path, what):
    folder = tmp_path / "photos"
    if what == "empty":
        folder.mkdir()
    with pytest.raises(Img2MeshError):
        photos_in(folder)


@pytest.fixture
def rooms(monkeypatch):
    """One loaded model, and a main job that fails for photos named bad*."""
    loads = []
    monkeypatch.setattr(
        "img2mesh.models.load_model", lambda *a, **k: loads.append(a) or "model", raising=False
    )

    def job(photo, settings, *, keep, progress, model):
        assert model == "model"
        if photo.name.startswith("bad"):
            raise Img2MeshError(f"{photo.name} shows nothing.")
        if photo.name.startswith("bug"):
            raise ZeroDivisionError("oh")
        return SimpleNamespace(mesh=photo.name, report={"seed": settings.seed})

    monkeypatch.setattr(batch, "image_to_mesh", job)

    def write(mesh, path, settings):
        with atomic_file(path) as temporary:
            temporary.write_text(mesh)

    monkeypatch.setattr("img2mesh.mesh.write_mesh", write, raising=False)
    return loads


def test_one_bad_photo_never_stops_the_rest(tmp_path, rooms):
    photos = [tmp_path / name for name in ("a.png", "bad.png", "bug.png", "z.png")]
    outcomes = convert_photos(photos, tmp_path, Settings(seed=7))
    assert len(rooms) == 1, "the model is loaded once"
    assert [outcome.error is None for outcome in outcomes] == [True, False, False, True]
    assert outcomes[1].error == "bad.png shows nothing."
    assert "ZeroDivisionError" in outcomes[2].error
    assert outcomes[3].report == {"seed": 7}
    assert sorted(path.name for path in tmp_path.glob("*.glb")) == ["a.glb", "z.glb"]
    lines = summary(outcomes).splitlines()
    assert lines[-1] == "2 of 4 photos converted." and lines[0].startswith("failed: bad.png")


def test_interrupting_stops_the_batch(tmp_path, rooms, monkeypatch):
    def job(photo, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "image_to_mesh", job)
    with pytest.raises(KeyboardInterrupt):
        convert_photos([tmp_path / "a.png"], tmp_path, Settings())
    assert not list(tmp_path.glob("*.glb"))


def test_the_command_summarises_and_exits_1(tmp_path, rooms, monkeypatch, capsys):
    from img2mesh.cli import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "bad.png", "b.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / name)
    assert run(["photos", "-o", "meshes", "--format", "ply", "--report", "all.json"]) == 1
    out = capsys.readouterr().out
    assert out.splitlines() == ["failed: bad.png: bad.png shows nothing.", "2 of 3 photos converted."]
    assert sorted(path.name for path in (tmp_path / "meshes").iterdir()) == ["a.ply", "b.ply"]
    assert '"error": "bad.png shows nothing."' in (tmp_path / "all.json").read_text()
    (tmp_path / "photos" / "bad.png").unlink()
    assert run(["photos", "-o", "meshes"]) == 0
