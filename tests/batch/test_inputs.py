"""Folders as people have them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from img2mesh.batch.inputs import find_photos, no_photos, skipped_sentence
from img2mesh.core.images import save_png
from img2mesh.errors import Img2MeshError


def sources(*inputs, **options):
    return [photo.source for photo in find_photos(inputs, **options)[0]]


def test_photos_in_a_folder(tmp_path):
    for name in ("b.JPG", "a.png", "c.WebP", "notes.txt", ".hidden.png", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert sources(tmp_path) == ["a.png", "b.JPG", "c.WebP"]
    assert [path.name for path in find_photos([tmp_path])[1]] == ["folder.png", "notes.txt"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(Img2MeshError, match="No such photo or folder"):
        find_photos([tmp_path / "photos"])
    assert sources(tmp_path / "gone.png") == ["gone.png"], "its item will say so"


def test_what_is_passed_over_is_named(tmp_path):
    for name in ("a.png", "cup.HEIX", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub").mkdir()
    save_png(np.zeros((8, 8, 3), np.uint8), tmp_path / "preview.png")
    save_png(np.zeros((8, 8, 4), np.uint8), tmp_path / "cutout.png", "cutout")
    photos, skipped = find_photos([tmp_path])
    assert [photo.source for photo in photos] == ["a.png", "cutout.png"]
    assert skipped_sentence(skipped) == "3 files skipped: cup.HEIX, notes.txt, sub/."
    assert "3 files skipped: cup.HEIX, notes.txt, sub/. --recursive" in str(no_photos([tmp_path], skipped))


def test_trees_links_and_loops(tmp_path):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "x.png").write_bytes(b"x")
    (tmp_path / "top.jpg").write_bytes(b"x")
    (tmp_path / "linked.jpg").symlink_to("top.jpg")
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a" / "deep")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "x.png").write_bytes(b"x")
    assert sources(tmp_path) == ["linked.jpg", "top.jpg"]
    found = sources(tmp_path, recursive=True)
    assert sorted(found) == ["a/deep/x.png", "linked.jpg", "top.jpg"], "a folder once, by whichever way"
    assert [path.name for path in find_photos([tmp_path], True)[1]] == ["broken.jpg"]


def test_the_folder_of_meshes_is_no_input(tmp_path):
    for name in ("a.png", "meshes/a.png", "more/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert sources(tmp_path, recursive=True, but=[tmp_path / "meshes"]) == ["a.png", "more/b.png"]
    assert find_photos([tmp_path], False, [tmp_path / "meshes"])[1] == [tmp_path / "more"]


def test_several_inputs(tmp_path):
    for name in ("x/a.png", "y/a.png", "y/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert sources(tmp_path / "x", tmp_path / "y", tmp_path / "y" / "b.png") == ["a.png", "y/a.png", "b.png"]


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
@pytest.mark.parametrize(
    "name", ["a b'c\"d.png", "ä€😀.png", "-o.png", "line\nbreak.png", os.fsdecode(b"\xff.png")]
)
def test_any_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    assert sources(tmp_path) == [name]
