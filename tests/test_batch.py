"""Folders of photos: names, order, and failures that stay where they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from img2mesh import batch
from img2mesh.batch import Outcome, convert_photos, look_through, photos_in, skipped_sentence, summary
from img2mesh.core.files import atomic_file
from img2mesh.core.images import save_png
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings


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
        return SimpleNamespace(mesh=photo.name, levels=(), report={"seed": settings.seed})

    monkeypatch.setattr(batch, "image_to_mesh", job)

    def write(mesh, path, settings, name):
        with atomic_file(path) as temporary:
            temporary.write_text(mesh)
        return [path]

    monkeypatch.setattr("img2mesh.mesh.write_mesh", write, raising=False)
    return loads


def test_one_bad_photo_never_stops_the_rest(tmp_path, rooms):
    photos = [tmp_path / name for name in ("a.png", "bad.png", "bug.png", "z.png")]
    outcomes = convert_photos(photos, tmp_path, Settings(seed=7))
    assert len(rooms) == 1, "the model is loaded once"
    assert [outcome.error is None for outcome in outcomes] == [True, False, False, True]
    assert outcomes[1].error == "bad.png shows nothing."
    assert "ZeroDivisionError" in outcomes[2].error
    assert outcomes[3].report["seed"] == 7
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


def test_what_is_passed_over_is_named(tmp_path):
    for name in ("a.png", "cup.HEIX", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub").mkdir()
    save_png(np.zeros((8, 8, 3), np.uint8), tmp_path / "preview.png")
    save_png(np.zeros((8, 8, 4), np.uint8), tmp_path / "cutout.png", "cutout")
    photos, skipped = look_through(tmp_path)
    assert [path.name for path in photos] == ["a.png", "cutout.png"]
    assert skipped_sentence(skipped) == "3 files skipped: cup.HEIX, notes.txt, sub/."
    for path in photos:
        path.unlink()
    with pytest.raises(Img2MeshError, match="3 files skipped"):
        photos_in(tmp_path)


def test_a_preview_that_fails_costs_only_its_photo(tmp_path, rooms, monkeypatch):
    def draw(mesh, path):
        if path.stem == "b":
            raise ValueError("no pixels")
        path.write_text("x")

    monkeypatch.setattr("img2mesh.preview.write_preview", draw)
    photos = [tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")]
    outcomes = convert_photos(photos, tmp_path, Settings(), preview=".png")
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert "its preview failed: no pixels" in summary(outcomes)
    assert (tmp_path / "b.glb").exists() and (tmp_path / "c.png").exists()


def test_a_full_disk_ends_the_batch(tmp_path, rooms, monkeypatch):
    def write(mesh, path, settings, name):
        if path.stem == "b":
            raise OSError(28, "No space left on device")
        return []

    monkeypatch.setattr("img2mesh.mesh.write_mesh", write, raising=False)
    outcomes = convert_photos([tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")], tmp_path, Settings())
    assert [outcome.error for outcome in outcomes] == [
        None,
        "the disk is full.",
        "not tried: the disk is full.",
    ]
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(Img2MeshError, match="nearly full"):
        convert_photos([tmp_path / "a.jpg"], tmp_path, Settings())


def test_doubtful_cutouts_are_counted():
    report = {"cutout": {"doubtful": True}}
    outcomes = [
        Outcome(Path("a.png"), Path("a.glb"), 1.0, None, report),
        Outcome(Path("b.png"), Path("b.glb"), 1.0),
    ]
    assert summary(outcomes).splitlines() == ["1 cutout is doubtful: a.png.", "2 of 2 photos converted."]
