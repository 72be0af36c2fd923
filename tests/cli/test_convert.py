"""What `img2mesh photo.png` writes and prints."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.fakes import fake_rooms


@pytest.fixture
def rooms(monkeypatch, photo):
    """Quick stand-ins, and a photo in the current folder."""
    fake_rooms(monkeypatch)


def test_outputs_and_seed(img2mesh, tmp_path, rooms):
    words = "photo.png -o out/mesh.obj --preview p.png --report r.json --keep kept --seed 11".split()
    outcome = img2mesh(*words)
    assert outcome.code == 0 and outcome.out == "out/mesh.obj\n"
    assert "seed 11" in outcome.err
    assert (tmp_path / "p.png").exists() and (tmp_path / "kept" / "mesh.glb").exists()
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["seed"] == 11 and report["output"] == "mesh.obj" and report["settings"]["seed"] == 11


def test_the_seed_is_printed_even_if_nobody_chose_it(img2mesh, rooms):
    assert "seed 0" in img2mesh("photo.png").err


def test_names_without_o(img2mesh, tmp_path, rooms):
    shutil.copy(tmp_path / "photo.png", tmp_path / "my.toy.png")
    assert img2mesh("my.toy.png").out == "my.toy.glb\n"
    assert img2mesh("photo.png", "--format", "STL").out == "photo.stl\n"
    assert img2mesh("photo.png", "-o", "thing", "--format", "ply").out == "thing.ply\n"
    assert (tmp_path / "my.toy.glb").exists() and (tmp_path / "thing.ply").exists()


def test_the_same_seed_gives_the_same_bytes(img2mesh, tmp_path, rooms):
    for name in ("a.glb", "b.glb"):
        assert img2mesh("photo.png", "-o", name).code == 0
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


def test_options_before_the_photo_and_the_word_convert(img2mesh, rooms):
    assert img2mesh("--preset", "draft", "photo.png").code == 0
    assert img2mesh("convert", "photo.png").code == 0
    assert img2mesh("-v", "photo.png").code == 0


def test_config_file_then_options(img2mesh, tmp_path, rooms):
    (tmp_path / "mine.toml").write_text('preset = "draft"\nviews = 9\nfaces = 777\n')
    img2mesh("photo.png", "--config", "mine.toml", "--faces", "888", "--report", "r.json")
    settings = json.loads((tmp_path / "r.json").read_text())["settings"]
    assert (settings["preset"], settings["views"], settings["faces"]) == ("draft", 9, 888)


def test_several_photos_are_a_batch(img2mesh, tmp_path, rooms):
    shutil.copy(tmp_path / "photo.png", tmp_path / "b.png")
    outcome = img2mesh(
        "photo.png", "b.png", "-o", "all", "--preview", "png", "--format", "obj", "--keep", "k"
    )
    assert outcome.code == 0 and outcome.out.endswith("2 of 2 photos converted.\n")
    names = {path.name for path in (tmp_path / "all").iterdir()}
    assert {"b.obj", "b.png", "photo.obj", "photo.png"} <= names
    assert (tmp_path / "k" / "b" / "cutout.png").exists()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (MemoryError(), 1, "Out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 1, "Out of memory"),
        (
            ZeroDivisionError("division\nby zero"),
            1,
            "Unexpected ZeroDivisionError: division by zero (run again",
        ),
        (OSError(28, "No space left on device"), 1, "No space left"),
    ],
)
def test_accidents_are_one_sentence(img2mesh, tmp_path, rooms, monkeypatch, error, code, words):
    def fails(*arguments, **options):
        raise error

    monkeypatch.setattr("img2mesh.pipeline.image_to_mesh", fails)
    before = sorted(tmp_path.iterdir())
    outcome = img2mesh("photo.png")
    assert outcome.code == code and words in outcome.err.splitlines()[-1] and "Traceback" not in outcome.err
    assert sorted(tmp_path.iterdir()) == before
